//! Telling the outside what happened: events out of the store, one by one, into a
//! [`Notifier`](crate::ports::Notifier).

mod dispatcher;
mod log;

pub use dispatcher::{DispatchError, Dispatcher, Drained};
pub use log::LogNotifier;
