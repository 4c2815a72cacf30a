//! The wall clock of a process, which may be wrong.

use std::time::{Duration, SystemTime};

use pledge_core::indexer::Poll;

/// A process's wall clock, and its measurements.
#[derive(Debug, Clone, Default)]
pub(super) struct WallClock {
    /// Seconds by which it is ahead of the newest block; negative if it is behind.
    ahead: i64,
    /// Its time when the current poll began.
    now: Option<SystemTime>,
    /// When the first poll of the current series of failures began.
    failing: Option<SystemTime>,
}

impl WallClock {
    /// Sets it to this many seconds ahead of the newest block.
    pub(super) fn set_ahead(&mut self, seconds: i64) {
        self.ahead = seconds;
    }

    /// Its time as a poll begins, where the newest block has this time in unix seconds.
    pub(super) fn begin_poll(&mut self, newest: u64) -> SystemTime {
        let shown = newest.saturating_add_signed(self.ahead);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(shown);
        self.now = Some(now);
        now
    }

    /// The next failure is the first of a series.
    pub(super) fn forget_failures(&mut self) {
        self.failing = None;
    }

    /// Whether the polls have failed for a minute, this one included.
    pub(super) fn has_stalled(&mut self, poll: &Poll) -> bool {
        if !matches!(poll, Poll::Retry(_)) {
            self.failing = None;
            return false;
        }
        let now = self.now.expect("a poll began");
        let since = self.failing.filter(|since| *since <= now).unwrap_or(now);
        self.failing = Some(since);
        now.duration_since(since).is_ok_and(|failed| failed >= Duration::from_secs(60))
    }
}
