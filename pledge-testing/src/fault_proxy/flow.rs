//! What happens to the bytes of a direction.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The direction of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What happens to bytes on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Pass,
    /// They arrive after this delay.
    Delay(Duration),
    /// This many bytes arrive a second.
    Throttle(NonZeroU32),
    /// They are lost, and so is the end of the connection: the other side never receives anything.
    Swallow,
}

impl Flow {
    /// Whether this number of bytes is held up.
    pub(super) const fn is_slow(self) -> bool {
        matches!(self, Self::Delay(_) | Self::Throttle(_))
    }

    fn wait(self, bytes: usize) -> Option<Duration> {
        match self {
            Self::Pass => Some(Duration::ZERO),
            Self::Delay(wait) => Some(wait),
            Self::Throttle(a_second) => {
                let micros = (bytes as u64).saturating_mul(1_000_000) / u64::from(a_second.get());
                Some(Duration::from_micros(micros))
            }
            Self::Swallow => None,
        }
    }
}

/// Waits until bytes that were read now may go on, and returns whether they do.
pub(super) async fn hold(flow: &mut watch::Receiver<Flow>, bytes: usize) -> bool {
    let read = Instant::now();
    loop {
        let now = *flow.borrow_and_update();
        let Some(wait) = now.wait(bytes) else { return false };
        if wait.is_zero() {
            return true;
        }
        tokio::select! {
            () = tokio::time::sleep_until(read + wait) => return true,
            _ = flow.changed() => {}
        }
    }
}
