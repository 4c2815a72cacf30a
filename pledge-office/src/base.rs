//! What every domain shares: claims, the outbox, tasks and the clock.
//!
//! - A [`Claim`] decides which instance does a work. Unlike a lease of core it carries authority: a
//!   result is written in a transaction that checks the claim.
//! - The outbox keeps [`Message`]s until their channel has them. [`Delivery`] sends what is due.
//! - A [`Task`] is what runs by the clock.
//! - [`Random`] gives the bytes of ids and secrets.
//!
//! The time that decides here is [`StoreTime`], the database's, which all instances share. The machine's
//! own ([`WallClock`]) dates what comes from outside; a [`Timer`] measures how long something takes.

mod channel;
mod claim;
mod claims;
mod clock;
mod delivery;
mod message;
mod outbox;
mod random;
mod retry;
mod task;

pub use channel::{Channel, SendError, SendErrorKind};
pub use claim::{Claim, ClaimName, Fence};
pub use claims::Claims;
pub use clock::{StoreTime, Timer, WallClock};
pub use delivery::{Delivery, Drained};
pub use message::{
    Attempt, AttemptEnd, AttemptOutcome, BegunAttempt, ChannelName, Detail, Message, MessageId,
    MessageState, MessageStatus,
};
pub use outbox::Outbox;
pub use random::{Random, random_bytes};
pub use retry::RetrySchedule;
pub use task::{RunContext, RunLog, Task, TaskError, TaskErrorKind, TaskName, TaskOutcome};
