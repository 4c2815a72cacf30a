//! Delivering events: from the store, one by one, to a [`Notifier`](crate::ports::Notifier).

mod dispatcher;
mod log;

pub use dispatcher::{DispatchError, Dispatcher, Drained};
pub use log::LogNotifier;
