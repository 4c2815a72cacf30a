//! The points engine: pure accrual and settlement, and the driver that runs them.

mod accrue;
mod passes;
mod programme;
mod progress;
mod settle;
mod settler;

pub use accrue::{accrual_times, accrue, accrue_segments, rate_factor};
pub use programme::Programme;
pub use progress::{BatchOutcome, BatchPlace};
pub use settle::{BatchSpan, Settled, plan_target, settle};
pub use settler::{SettleReport, Settler, SettlerConfig, SettlerError};
