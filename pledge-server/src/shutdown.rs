//! The signals of the process: what stops it, and what has it read its configuration again.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::wire;

/// Exit code of a process that gets a second signal.
const EXIT_AT_ONCE: i32 = 1;

/// What signals ask of a process.
#[derive(Debug, Clone)]
pub struct Signalled {
    /// Cancelled by the first SIGINT or SIGTERM. The second ends the process at once.
    pub stop: CancellationToken,
    /// Notified by SIGHUP, unless the process is in a terminal.
    pub reload: Arc<Notify>,
}

/// Listens for signals from now on.
///
/// SIGHUP has two meanings: a terminal closed, or a service is to read its configuration again. So in a
/// terminal it stops the process, and elsewhere, also under `nohup`, it never ends one.
pub fn on_signals() -> io::Result<Signalled> {
    let signalled = Signalled { stop: CancellationToken::new(), reload: Arc::default() };
    let mut signals = Signals::install()?;
    let Signalled { stop, reload } = signalled.clone();
    tokio::spawn(async move {
        signals.until_stop(&reload).await;
        tracing::info!("stopping; a second signal ends the process at once");
        stop.cancel();
        signals.until_stop(&reload).await;
        clean_up();
        std::process::exit(EXIT_AT_ONCE);
    });
    Ok(signalled)
}

/// Removes what is not to outlive the process, for an end that runs no destructors.
pub fn clean_up() {
    wire::remove_private_folders();
}

/// Whether a person started the process in a terminal, with which it goes.
fn is_in_terminal() -> bool {
    io::stdin().is_terminal() || io::stderr().is_terminal()
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn until_stop(&mut self, reload: &Notify) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => {
                    if is_in_terminal() {
                        return;
                    }
                    reload.notify_one();
                }
            }
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

    async fn until_stop(&mut self, _reload: &Notify) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the operating system ends the process.
            std::future::pending::<()>().await;
        }
    }
}
