//! Domain quantities: private fields, checked constructors, no silent arithmetic.

mod amount;
mod block;
mod call;
mod entry;
mod ids;
mod log;
mod log_filter;
mod points;
mod schedule;
mod text;
mod time;
mod weight;

pub use amount::{Amount, BalanceSeconds, CumulativeAmount};
pub(crate) use block::require_cursor;
pub use block::{BlockId, BlockNumber, BlockRef, BlockSpan, LogIndex};
pub use call::{Call, CallOutcome, Reverted};
pub use entry::{EntryNumber, SetName};
pub use ids::checked_name;
pub use ids::{Account, ChainId, ContractId, Epoch, ProgrammeId, ShardCount, ShardId, TokenId};
pub use log::{Log, Topics};
pub use log_filter::LogFilter;
pub use points::{Decimals, RATE_DECIMALS_MAX, Rate, RateError, RateSchedule, RawPoints, Scale};
pub use schedule::{Piece, Schedule, Step};
pub use time::{Timestamp, Window, WindowLength};
pub use weight::{WeightBp, WeightSchedule, WeightedBalance};

/// A value outside the range its type allows. The text names the type and the bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value} is out of range: {bound}")]
pub struct OutOfRange {
    what: &'static str,
    value: String,
    bound: &'static str,
}

impl OutOfRange {
    /// The error of a value of a type, and the bound that the type has.
    pub fn new(what: &'static str, value: impl ToString, bound: &'static str) -> Self {
        Self { what, value: value.to_string(), bound }
    }
}

/// A sum or product that left the bits its type holds. Never wrapped, never clamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} overflows")]
pub struct Overflow(pub &'static str);
