//! Events, each written with a sequence number in the transaction that it describes.
//!
//! Every domain has a typed enum of its own; the engine's is [`Event`]. Stores, archives and receivers
//! carry the [`EventEnvelope`], whatever the domain.

mod envelope;
mod subject;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::audit::Attribution;
use crate::types::{
    BlockId, BlockNumber, BlockRef, ChainId, ContractId, Epoch, OutOfRange, ProgrammeId, Timestamp,
    TokenId, checked_name,
};

pub use envelope::{DomainEvent, EnvelopeError, EventEnvelope};
pub use subject::Subject;

/// An event's position among all events of its store: ascending and unique, but with gaps. It is
/// also the event's id: a receiver drops duplicates by it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct EventSeq(u64);

impl EventSeq {
    /// The position before the first event: no event has it.
    pub const START: Self = Self(0);
    /// The highest number that an archive may have, 2^62 - 1. The project's stores assign numbers up to
    /// 2^63 - 1, so one that an archive fills has as many left.
    pub const ARCHIVED_MAX: Self = Self(u64::MAX >> 2);

    /// Wraps a sequence number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The sequence number, 0 only for [`EventSeq::START`].
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next position.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("no store holds 2^64 events"))
    }
}

impl fmt::Display for EventSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a receiver of events. Each consumer has its own position in the events.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Consumer(String);

impl Consumer {
    /// A name: 1 to 32 characters of `a-z`, `0-9`, `-` and `_`.
    pub fn new(name: &str) -> Result<Self, OutOfRange> {
        checked_name("consumer", name).map(Self)
    }

    /// The name, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Consumer {
    type Error = OutOfRange;

    fn try_from(name: String) -> Result<Self, OutOfRange> {
        Self::new(&name)
    }
}

impl From<Consumer> for String {
    fn from(consumer: Consumer) -> Self {
        consumer.0
    }
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event with its sequence number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequencedEvent {
    /// Its position, by which a receiver recognizes duplicates.
    pub sequence: EventSeq,
    /// The event itself, of any domain.
    pub event: EventEnvelope,
}

/// A fact about the engine's store that its readers may want to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Blocks were added to the ledger of some tokens.
    Confirmed {
        /// The chain of the blocks.
        chain: ChainId,
        /// The first block added.
        from: BlockNumber,
        /// The new cursor.
        to: BlockId,
        /// The number of balance changes written.
        changes: u64,
    },
    /// A reorg took the ledger back.
    Reorged(ReorgRecord),
    /// An operator took the ledger back: no reorg.
    Rewound {
        /// The block it went back to, and what each token lost.
        #[serde(flatten)]
        record: ReorgRecord,
        /// The operator's reason, if one was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Windows of a programme were settled in every shard.
    Settled {
        /// The programme that was settled.
        programme: ProgrammeId,
        /// End of the newest settled window.
        settled: Timestamp,
    },
    /// A token halted and needs an operator.
    TokenHalted {
        /// The token that halted.
        token: TokenId,
        /// Why it halted, as its status shows it.
        reason: String,
    },
    /// A chain halted and needs an operator.
    ChainHalted {
        /// The chain that halted.
        chain: ChainId,
        /// Why it halted, as its status shows it.
        reason: String,
    },
    /// A consumer took no events for too long while some were due: they are not kept for it any
    /// more.
    ConsumerDropped {
        /// The consumer that was dropped.
        consumer: Consumer,
        /// The last event delivered to it. It may miss events after that one.
        delivered: EventSeq,
    },
}

impl Event {
    /// The event of a rewind.
    pub fn of_rewind(cause: &RewindCause, record: ReorgRecord) -> Self {
        match cause {
            RewindCause::Reorg => Self::Reorged(record),
            RewindCause::Operator { by } => Self::Rewound { record, reason: by.reason() },
        }
    }

    /// The event's name: the `type` in its JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Confirmed { .. } => "confirmed",
            Self::Reorged(_) => "reorged",
            Self::Rewound { .. } => "rewound",
            Self::Settled { .. } => "settled",
            Self::TokenHalted { .. } => "token_halted",
            Self::ChainHalted { .. } => "chain_halted",
            Self::ConsumerDropped { .. } => "consumer_dropped",
        }
    }
}

impl DomainEvent for Event {
    const DOMAIN: &'static str = "engine";
    const KINDS: &'static [&'static str] = &[
        "confirmed",
        "reorged",
        "rewound",
        "settled",
        "token_halted",
        "chain_halted",
        "consumer_dropped",
    ];

    fn subject(&self) -> Subject {
        match self {
            Self::Confirmed { chain, .. } | Self::ChainHalted { chain, .. } => (*chain).into(),
            Self::Reorged(record) | Self::Rewound { record, .. } => record.chain.into(),
            Self::Settled { programme, .. } => programme.into(),
            Self::TokenHalted { token, .. } => (*token).into(),
            Self::ConsumerDropped { consumer, .. } => consumer.into(),
        }
    }

    fn block_time(&self) -> Option<Timestamp> {
        match self {
            Self::Reorged(record) | Self::Rewound { record, .. } => Some(record.to.time),
            Self::Settled { settled, .. } => Some(*settled),
            Self::Confirmed { .. }
            | Self::TokenHalted { .. }
            | Self::ChainHalted { .. }
            | Self::ConsumerDropped { .. } => None,
        }
    }
}

/// For people: one line, without a full stop.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confirmed { chain, from, to, changes } => {
                write!(f, "chain {chain}: blocks {from} to {to} confirmed, changes: {changes}")
            }
            Self::Reorged(ReorgRecord { chain, to, .. }) => {
                write!(f, "chain {chain}: a reorg took the ledger back to block {to}")
            }
            Self::Rewound { record: ReorgRecord { chain, to, .. }, reason } => {
                write!(f, "chain {chain}: an operator took the ledger back to block {to}")?;
                reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
            }
            Self::Settled { programme, settled } => {
                write!(f, "programme {programme}: settled up to {settled}")
            }
            Self::TokenHalted { token, reason } => write!(f, "token {token} halted: {reason}"),
            Self::ChainHalted { chain, reason } => write!(f, "chain {chain} halted: {reason}"),
            Self::ConsumerDropped { consumer, delivered } => write!(
                f,
                "consumer {consumer} of events was silent for too long and is dropped: it has those up to \
                 {delivered}"
            ),
        }
    }
}

/// Why a ledger goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RewindCause {
    /// The chain has another branch now.
    Reorg,
    /// An operator asked for it.
    Operator {
        /// Who asked, and why.
        by: Attribution,
    },
}

impl RewindCause {
    /// Whether an operator asked for it, and so answers for the block.
    pub const fn is_operator(&self) -> bool {
        matches!(self, Self::Operator { .. })
    }
}

/// A ledger that went back, by a reorg or an operator's rewind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReorgRecord {
    /// The chain of the ledger.
    pub chain: ChainId,
    /// The block that it went back to: the new cursor of all that began at or below it.
    pub to: BlockRef,
    /// What each token lost that was above it.
    pub tokens: Vec<RewoundToken>,
    /// What each contract lost that was above it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<RewoundContract>,
}

/// What a rewind took from the logs of one contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewoundContract {
    /// The contract that went back.
    pub contract: ContractId,
    /// Its cursor before the rewind.
    pub from: BlockId,
    /// Its epoch after the rewind.
    pub epoch: Epoch,
    /// The number of logs removed.
    pub logs_removed: u64,
}

/// What a rewind took from one token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewoundToken {
    /// The token that went back.
    pub token: TokenId,
    /// Its cursor before the rewind.
    pub from: BlockId,
    /// Its epoch after the rewind.
    pub epoch: Epoch,
    /// The number of balance changes removed.
    pub changes_removed: u64,
    /// The number of statement rows reversed over all programmes, each account's by one added row.
    pub statements_reversed: u64,
}
