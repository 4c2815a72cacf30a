//! Which topics an event belongs to, and which states it may have changed (pure).

use pledge_core::event::{Event, EventEnvelope};
use pledge_core::types::{Account, ChainId, TokenId};
use pledge_office::access::Object;

use super::Topic;

/// What is read again as a whole, and of which only the newest is of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StateKey {
    /// A chain, of the topic `chains`.
    Chain(ChainId),
    /// The newest settlements.
    Settlements,
    /// An account on a token.
    Account(TokenId, Account),
}

impl StateKey {
    /// The topic that it belongs to.
    pub(super) const fn topic(self) -> Topic {
        match self {
            Self::Chain(_) => Topic::Chains,
            Self::Settlements => Topic::Settlements,
            Self::Account(token, account) => Topic::Account(token, account),
        }
    }

    /// What it is about, by which rights are decided.
    pub(super) const fn object(self) -> Object {
        match self {
            Self::Chain(chain) => Object::Chain(chain),
            Self::Settlements => Object::General,
            Self::Account(token, _) => Object::Token(token),
        }
    }
}

/// States that a fact may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Chain(ChainId),
    Settlements,
    AccountsOfChain(ChainId),
    AccountsOfToken(TokenId),
}

/// What an event means to readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Touched {
    /// The topics whose readers get the event.
    pub(super) topics: Vec<Topic>,
    /// The states that have to be read again.
    pub(super) marks: Vec<Mark>,
    /// What it is about, by which rights are decided.
    pub(super) object: Object,
}

/// What an event means to readers. One of another domain, or of a kind that a later release writes, is of
/// no topic.
pub(super) fn touched(event: &EventEnvelope) -> Touched {
    let nothing = Touched { topics: Vec::new(), marks: Vec::new(), object: Object::General };
    let Some(event) = event.engine() else { return nothing };
    match event {
        // Points accrue with the confirmed time, so every account of the chain has another view.
        Event::Confirmed { chain, .. } => Touched {
            topics: vec![Topic::Chains],
            marks: vec![Mark::Chain(chain), Mark::AccountsOfChain(chain)],
            object: Object::Chain(chain),
        },
        Event::Reorged(record) | Event::Rewound { record, .. } => Touched {
            topics: vec![Topic::Chains, Topic::Settlements],
            marks: vec![
                Mark::Chain(record.chain),
                Mark::Settlements,
                Mark::AccountsOfChain(record.chain),
            ],
            object: Object::Chain(record.chain),
        },
        Event::Settled { programme, .. } => Touched {
            topics: vec![Topic::Settlements],
            marks: vec![
                Mark::Chain(programme.token.chain),
                Mark::Settlements,
                Mark::AccountsOfToken(programme.token),
            ],
            object: Object::Token(programme.token),
        },
        Event::TokenHalted { token, .. } => Touched {
            topics: vec![Topic::Chains],
            marks: vec![Mark::Chain(token.chain)],
            object: Object::Token(token),
        },
        Event::ChainHalted { chain, .. } => Touched {
            topics: vec![Topic::Chains],
            marks: vec![Mark::Chain(chain)],
            object: Object::Chain(chain),
        },
        // Of the receivers of events, which are the operators' own matter.
        Event::ConsumerDropped { .. } => nothing,
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::event::{Consumer, DomainEvent, EventSeq, ReorgRecord};
    use pledge_core::primitives::{Address, B256};
    use pledge_core::types::{BlockId, BlockNumber, BlockRef, ProgrammeId, Timestamp};

    use super::*;

    const CHAIN: ChainId = ChainId::new(7);
    const TOKEN: TokenId = TokenId { chain: CHAIN, address: Address::repeat_byte(1) };

    fn record() -> ReorgRecord {
        let (number, hash) = (BlockNumber::new(3), B256::repeat_byte(9));
        let (parent_hash, time) = (B256::ZERO, Timestamp::new(100).unwrap());
        let to = BlockRef { number, hash, parent_hash, time };
        ReorgRecord { chain: CHAIN, to, tokens: Vec::new(), contracts: Vec::new() }
    }

    /// One event of each kind that the engine writes.
    fn every_event() -> Vec<Event> {
        let (number, hash) = (BlockNumber::new(3), B256::repeat_byte(9));
        vec![
            Event::Confirmed {
                chain: CHAIN,
                from: number,
                to: BlockId { number, hash },
                changes: 1,
            },
            Event::Reorged(record()),
            Event::Rewound { record: record(), reason: None },
            Event::Settled {
                programme: ProgrammeId::new(TOKEN, "main").unwrap(),
                settled: Timestamp::new(100).unwrap(),
            },
            Event::TokenHalted { token: TOKEN, reason: "a test".to_owned() },
            Event::ChainHalted { chain: CHAIN, reason: "a test".to_owned() },
            Event::ConsumerDropped {
                consumer: Consumer::new("mail").unwrap(),
                delivered: EventSeq::START,
            },
        ]
    }

    #[test]
    fn every_kind_of_event_has_its_topics_and_states() {
        use Mark::{AccountsOfChain, AccountsOfToken, Chain, Settlements};
        let (chains, settled) = (vec![Topic::Chains], vec![Topic::Settlements]);
        let both = vec![Topic::Chains, Topic::Settlements];
        let back = vec![Chain(CHAIN), Settlements, AccountsOfChain(CHAIN)];
        let expected = [
            (chains.clone(), vec![Chain(CHAIN), AccountsOfChain(CHAIN)]),
            (both.clone(), back.clone()),
            (both, back),
            (settled, vec![Chain(CHAIN), Settlements, AccountsOfToken(TOKEN)]),
            (chains.clone(), vec![Chain(CHAIN)]),
            (chains, vec![Chain(CHAIN)]),
            (Vec::new(), Vec::new()),
        ];
        let events = every_event();
        let kinds: Vec<_> = events.iter().map(Event::name).collect();
        assert_eq!(kinds, Event::KINDS, "one of each kind");
        for (event, (topics, marks)) in events.into_iter().zip(expected) {
            let name = event.name();
            let touched = touched(&EventEnvelope::from(event));
            assert_eq!((touched.topics, touched.marks), (topics, marks), "{name}");
        }
    }

    #[test]
    fn an_event_of_another_domain_or_of_a_later_release_is_of_no_topic() {
        for text in [
            r#"{"domain":"prices","subject":"price:PLGR","body":{"type":"halted"}}"#,
            r#"{"type":"a_later_kind","chain":1}"#,
        ] {
            let envelope = EventEnvelope::from_json(text).unwrap();
            assert_eq!(touched(&envelope).topics, Vec::new(), "{text}");
        }
    }
}
