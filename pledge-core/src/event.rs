//! What happened: written in the transaction that it describes, with a sequence number.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::{
    BlockId, BlockNumber, BlockRef, ChainId, Epoch, OutOfRange, ProgrammeId, Timestamp, TokenId,
};

/// An event's place among all events of its store: ascending and unique, not without gaps. It is also
/// the event's id: a receiver drops repeats by it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct EventSeq(u64);

impl EventSeq {
    /// The place before the first event: no event has it.
    pub const START: Self = Self(0);

    /// Wraps a sequence number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The place after.
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

/// Under which name somebody is told: each has a position in the events of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Consumer(String);

impl Consumer {
    /// A name: 1 to 32 characters of `a-z`, `0-9`, `-` and `_`.
    pub fn new(name: &str) -> Result<Self, OutOfRange> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if (1..=32).contains(&name.len()) && name.chars().all(allowed) {
            Ok(Self(name.to_owned()))
        } else {
            Err(OutOfRange::new("consumer", name, "1 to 32 characters of a-z, 0-9, - and _"))
        }
    }

    /// The name.
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

/// An event and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequencedEvent {
    /// Its place, by which repeats are told.
    pub sequence: EventSeq,
    /// What happened.
    pub event: Event,
}

/// Something that a store's readers may want to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Blocks entered the ledger of some tokens.
    Confirmed {
        /// Where.
        chain: ChainId,
        /// First block.
        from: BlockNumber,
        /// The new cursor.
        to: BlockId,
        /// Balance changes written.
        changes: u64,
    },
    /// The ledger went back.
    Reorged(ReorgRecord),
    /// A person took the ledger back: no reorg.
    Rewound {
        /// Where to, and what it meant.
        #[serde(flatten)]
        record: ReorgRecord,
        /// Why, if the person said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A programme's windows were settled in every shard.
    Settled {
        /// Which programme.
        programme: ProgrammeId,
        /// End of the newest settled window.
        settled: Timestamp,
    },
    /// A token stopped and needs a person.
    TokenHalted {
        /// Which token.
        token: TokenId,
        /// Why.
        reason: String,
    },
    /// A chain stopped and needs a person.
    ChainHalted {
        /// Which chain.
        chain: ChainId,
        /// Why.
        reason: String,
    },
    /// A consumer of events had some to take and took none for too long: it is not waited for any more.
    ConsumerDropped {
        /// Which one.
        consumer: Consumer,
        /// The last event that it was told. What came after may be lost to it.
        delivered: EventSeq,
    },
}

impl Event {
    /// The event of a ledger that went back.
    pub fn of_rewind(cause: &RewindCause, record: ReorgRecord) -> Self {
        match cause {
            RewindCause::Reorg => Self::Reorged(record),
            RewindCause::Person { reason } => Self::Rewound { record, reason: reason.clone() },
        }
    }

    /// What kind of event: the `type` that its JSON carries.
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
                write!(f, "chain {chain}: a person took the ledger back to block {to}")?;
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

/// What takes a ledger back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RewindCause {
    /// The chain has another branch now.
    Reorg,
    /// A person, who may say why.
    Person {
        /// Why.
        reason: Option<String>,
    },
}

impl RewindCause {
    /// Whether a person asks, who vouches for the block.
    pub const fn is_person(&self) -> bool {
        matches!(self, Self::Person { .. })
    }
}

/// A ledger that went back, by a reorg or by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReorgRecord {
    /// Where.
    pub chain: ChainId,
    /// The block that it went back to, where the ledger stands afterwards.
    pub to: BlockRef,
    /// What it meant for each token that had gone further.
    pub tokens: Vec<RewoundToken>,
}

/// What that took from one token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewoundToken {
    /// Which token.
    pub token: TokenId,
    /// Its cursor before.
    pub from: BlockId,
    /// Its epoch afterwards.
    pub epoch: Epoch,
    /// Balance changes removed.
    pub changes_removed: u64,
    /// Statements reversed by added rows, over all programmes.
    pub statements_reversed: u64,
}
