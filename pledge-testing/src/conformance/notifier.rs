//! Laws of [`Notifier`].

use std::any::Any;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use pledge_core::event::{
    Event, EventEnvelope, EventSeq, ReorgRecord, RewoundContract, RewoundToken, SequencedEvent,
};
use pledge_core::ports::Notifier;
use pledge_core::types::{BlockId, BlockNumber, BlockRef, ContractId, Epoch, ProgrammeId, TokenId};

use crate::world::{CHAIN, at, token};

laws! {
    __notifier of notifier(NotifierFixture):
    an_event_that_is_taken_is_there_whole
    events_are_received_in_the_order_of_the_calls
    a_repeat_is_taken_with_the_same_sequence_number
    a_dropped_call_harms_no_later_one
}

/// An event of a domain that no release has, with all that JSON may be written in.
pub(super) const UNKNOWN: &str = concat!(
    r#"{"domain":"moon-base_2","subject":"crater:Tycho/7","time":1767283200,"body":{"type":"rebased","#,
    r#""z":1.50e-3,"a":[1, 18446744073709551616,null],"ü\u00fc":"\/ \n ü","o":{ }}}"#
);

/// A notifier whose receiver can be inspected.
pub struct NotifierFixture {
    notifier: Arc<dyn Notifier>,
    inbox: Arc<dyn Inbox>,
    _guard: Box<dyn Any + Send + Sync>,
}

/// What a receiver has received.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// The events that arrived so far, repeats included, in the order of arrival.
    async fn received(&self) -> Vec<SequencedEvent>;
}

impl NotifierFixture {
    /// A notifier and its receiver, to whom nothing was delivered yet. `guard` is dropped with it.
    pub fn new(
        notifier: Arc<dyn Notifier>,
        inbox: Arc<dyn Inbox>,
        guard: impl Any + Send + Sync,
    ) -> Self {
        Self { notifier, inbox, _guard: Box::new(guard) }
    }

    async fn notify(&self, event: &SequencedEvent) {
        self.notifier.notify(event).await.expect("the receiver is there");
    }
}

impl fmt::Debug for NotifierFixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifierFixture").field("notifier", &self.notifier).finish_non_exhaustive()
    }
}

/// One event of each kind, with sequence numbers as far apart as possible.
pub fn one_of_each() -> Vec<SequencedEvent> {
    let hash = B256::repeat_byte(0xab);
    let to = BlockId { number: BlockNumber::new(5), hash };
    let other = TokenId { chain: CHAIN, address: Address::repeat_byte(0x71) };
    let rewound = |token| RewoundToken {
        token,
        from: to,
        epoch: Epoch::new(3),
        changes_removed: 12,
        statements_reversed: 4,
    };
    let lost_logs = RewoundContract {
        contract: ContractId::new(CHAIN, "vault").expect("a name"),
        from: to,
        epoch: Epoch::new(2),
        logs_removed: 7,
    };
    let ancestor =
        BlockRef { number: BlockNumber::new(2), hash, parent_hash: B256::ZERO, time: at(0) };
    let reason = "a reason with \"quotes\", a\nline break and ünïcode".to_owned();
    let events = [
        Event::Confirmed { chain: CHAIN, from: BlockNumber::new(1), to, changes: 12 },
        Event::Settled { programme: ProgrammeId::main(token()), settled: at(3_600) },
        Event::Reorged(ReorgRecord {
            chain: CHAIN,
            to: ancestor,
            tokens: vec![rewound(token()), rewound(other)],
            contracts: vec![lost_logs],
        }),
        Event::TokenHalted { token: token(), reason: reason.clone() },
        Event::ChainHalted { chain: CHAIN, reason: reason.clone() },
        Event::Rewound {
            record: ReorgRecord {
                chain: CHAIN,
                to: ancestor,
                tokens: vec![rewound(token())],
                contracts: Vec::new(),
            },
            reason: Some(reason),
        },
    ];
    let known = events.into_iter().map(EventEnvelope::from);
    let events = known.chain([EventEnvelope::from_json(UNKNOWN).expect("an event")]);
    // 2^63 - 1 is the largest number that the project's stores assign.
    let numbers = [1, 2, 3, 1 << 40, 1 << 62, (u64::MAX >> 1) - 1, u64::MAX >> 1];
    let sequenced = numbers.map(EventSeq::new).into_iter().zip(events);
    sequenced.map(|(sequence, event)| SequencedEvent { sequence, event }).collect()
}

/// This holds for every kind of event.
async fn an_event_that_is_taken_is_there_whole(fixture: NotifierFixture) {
    for (taken, event) in one_of_each().iter().enumerate() {
        fixture.notify(event).await;
        let received = fixture.inbox.received().await;
        assert_eq!(received.len(), taken + 1);
        assert_eq!(received.last(), Some(event));
    }
}

/// Events arrive in the order in which they are sent.
async fn events_are_received_in_the_order_of_the_calls(fixture: NotifierFixture) {
    let event = one_of_each().remove(0).event;
    let events: Vec<_> = (1..=50)
        .map(|number| SequencedEvent { sequence: EventSeq::new(number), event: event.clone() })
        .collect();
    for event in &events {
        fixture.notify(event).await;
    }
    assert_eq!(fixture.inbox.received().await, events);
}

/// A receiver can recognise repeats: at least one copy arrives, and every copy is the same.
async fn a_repeat_is_taken_with_the_same_sequence_number(fixture: NotifierFixture) {
    let events = one_of_each();
    for event in [&events[0], &events[1], &events[0], &events[1], &events[2]] {
        fixture.notify(event).await;
    }
    let mut received = fixture.inbox.received().await;
    received.sort_by_key(|event| event.sequence);
    received.dedup();
    assert_eq!(received, events[..3]);
}

/// The call is dropped after its first step, as by a crash or a time limit.
async fn a_dropped_call_harms_no_later_one(fixture: NotifierFixture) {
    let events = one_of_each();
    {
        let dropped = pin!(fixture.notifier.notify(&events[0]));
        let first_step = dropped.poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(Err(error)) = first_step {
            panic!("the receiver is there: {error}");
        }
    }
    fixture.notify(&events[0]).await;
    fixture.notify(&events[1]).await;
    let mut received = fixture.inbox.received().await;
    received.sort_by_key(|event| event.sequence);
    received.dedup();
    assert_eq!(received, events[..2]);
}
