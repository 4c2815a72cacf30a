//! The points engine: pure accrual and settlement, and the driver that runs them.

mod accrue;
mod programme;
mod progress;
mod retry;
mod settle;
mod settler;
mod statements;
mod windows;
mod work;

pub use accrue::{accrual_times, accrue, accrue_segments, rate_factor};
pub use programme::Programme;
pub use progress::{BatchOutcome, BatchPlace};
pub use settle::{BatchSpan, Settled, Settling, plan_target, settle};
pub use settler::{SettleReport, Settler, SettlerConfig, SettlerError};
pub use statements::{list_statements, take_back};
pub use windows::{Holding, WindowRow, settlement_windows, settlements_of, sum_windows};
