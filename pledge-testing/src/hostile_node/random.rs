//! Random failures, as of a node whose machines come and go.

use super::envelope::Envelope;
use super::lie::Lie;
use super::refusal::Refusal;
use super::switch::{Fault, Switch};
use super::wire::Wire;

/// The form of a random failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failing {
    /// HTTP status 500.
    ServerError,
    /// The connection ends in the middle of the answer.
    Cut,
    /// A block is null.
    Null,
    /// HTTP status 429.
    Busy,
    /// HTTP status 429, with a wait of one second.
    BusyForASecond,
    /// No answer for as long as the client waits.
    Silence,
    /// The error that some proxies answer.
    Unavailable,
    /// HTTP status 404.
    NotFound,
    /// An error with a text and a code that are in no list.
    UnknownWords,
}

/// The unit of which each may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Struck {
    /// Each request: a failure affects all its calls.
    Request,
    /// Each call: a failure in the answer affects that call alone, a failure of the connection
    /// affects its whole request.
    Call,
}

impl Failing {
    pub const ALL: [Self; 9] = [
        Self::ServerError,
        Self::Cut,
        Self::Null,
        Self::Busy,
        Self::BusyForASecond,
        Self::Silence,
        Self::Unavailable,
        Self::NotFound,
        Self::UnknownWords,
    ];

    /// A name for tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServerError => "500",
            Self::Cut => "cut",
            Self::Null => "null",
            Self::Busy => "429",
            Self::BusyForASecond => "429, 1 s",
            Self::Silence => "time-out",
            Self::Unavailable => "-32603",
            Self::NotFound => "404",
            Self::UnknownWords => "unknown words",
        }
    }

    /// A switch that acts with a chance in percent, the same for the same seed.
    pub fn switch(self, struck: Struck, percent: u32, seed: u64) -> Switch {
        let switch = match self.fault(struck) {
            fault @ (Fault::Lie(_) | Fault::Envelope(Envelope::NullBlocks)) => {
                Switch::of(fault).only(&["eth_getBlockByNumber", "eth_getBlockByHash"])
            }
            fault => Switch::of(fault),
        };
        switch.by_chance(struck, percent, seed)
    }

    fn fault(self, struck: Struck) -> Fault {
        let error = |code, text: &str| match struck {
            Struck::Request => Envelope::Refused(code, text.to_owned()).into(),
            Struck::Call => Refusal::error(code, text).into(),
        };
        let busy = |headers| Wire::Status(429, headers, String::new()).into();
        match self {
            Self::ServerError => Wire::status(500, "internal server error").into(),
            Self::Cut => Wire::Cut.into(),
            Self::Null if struck == Struck::Call => Lie::NULL.into(),
            Self::Null => Envelope::NullBlocks.into(),
            Self::Busy => busy(vec![]),
            Self::BusyForASecond => busy(vec![("retry-after", "1".to_owned())]),
            Self::Silence => Wire::Silence.into(),
            Self::Unavailable => error(-32_603, "service temporarily unavailable"),
            Self::NotFound => Wire::status(404, "").into(),
            Self::UnknownWords => error(-31_999, "the flux is out of phase"),
        }
    }
}
