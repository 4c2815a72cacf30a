//! The points engine: pure accrual and settlement, and the driver that runs them.

mod accrual;
mod decision;
mod enact;
mod entry;
mod holding;
mod programme;
mod progress;
mod restate;
mod retry;
mod rule;
mod settle;
mod settlement;
mod settler;
mod statements;
mod tally;
mod walk;
mod windows;
mod work;

pub use accrual::Accrual;
pub use decision::{Decided, Decision, Measure};
pub use enact::{Enacted, Ground, Refused};
pub use entry::{AccountEntry, DecisionKind, DecisionRecord, Reach, Ruling, Scope};
pub use holding::{Holding, HoldingParts};
pub use programme::Programme;
pub use progress::{BatchOutcome, BatchPlace};
pub use restate::{Published, Reopened, RestateError, Restated, RestatedTotal, RewoundLedger};
pub use rule::{AccountRule, Rules};
pub use settle::{BatchSpan, Settled, Settling, plan_target, settle};
pub use settler::{SettleReport, Settler, SettlerConfig, SettlerError};
pub use statements::list_statements;
pub use windows::{WindowRow, settlement_windows, settlements_of, sum_windows};
