//! Stopping on SIGINT and SIGTERM.

use std::io;

use tokio_util::sync::CancellationToken;

use crate::wire;

/// Exit code of a process that gets a second signal.
const EXIT_AT_ONCE: i32 = 1;

/// A token that the first signal cancels. The second ends the process at once.
pub fn on_signals() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut signals = Signals::install()?;
    let cancelled = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping; a second signal ends the process at once");
        cancelled.cancel();
        signals.next().await;
        clean_up();
        std::process::exit(EXIT_AT_ONCE);
    });
    Ok(stop)
}

/// Removes what is not to outlive the process, for an end that runs no destructors.
pub fn clean_up() {
    wire::remove_private_folders();
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the operating system ends the process.
            std::future::pending::<()>().await;
        }
    }
}
