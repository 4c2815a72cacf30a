//! How long a chain may be silent.

use std::time::Duration;

use tokio::time::Instant;

/// This many times the usual gap without a head is silence.
const SILENT_GAPS: u32 = 10;
/// The usual gap is an average in which the newest has this share.
const NEWEST_SHARE: u32 = 8;

/// The usual gap between two heads, learnt from when they came, and what counts as silence.
#[derive(Debug)]
pub(super) struct Pace {
    silence_min: Duration,
    last: Option<Instant>,
    usual: Option<Duration>,
}

impl Pace {
    pub(super) const fn new(silence_min: Duration) -> Self {
        Self { silence_min, last: None, usual: None }
    }

    pub(super) fn head(&mut self, now: Instant) {
        if let Some(last) = self.last.replace(now) {
            let gap = now - last;
            let usual = self.usual.unwrap_or(gap);
            self.usual = Some((usual * (NEWEST_SHARE - 1) + gap) / NEWEST_SHARE);
        }
    }

    /// Time without a head after which the node is taken for silent.
    pub(super) fn silence(&self) -> Duration {
        (self.usual.unwrap_or_default() * SILENT_GAPS).max(self.silence_min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn pace_of(gap: Duration, heads: u32) -> Pace {
        let (mut pace, begin) = (Pace::new(MINUTE), Instant::now());
        for head in 0..heads {
            pace.head(begin + gap * head);
        }
        pace
    }

    #[test]
    fn quick_chains_are_silent_after_the_minimum() {
        assert_eq!(Pace::new(MINUTE).silence(), MINUTE);
        assert_eq!(pace_of(MINUTE, 1).silence(), MINUTE);
        assert_eq!(pace_of(Duration::from_millis(250), 100).silence(), MINUTE);
    }

    #[test]
    fn slow_chains_may_be_silent_for_ten_of_their_gaps() {
        assert_eq!(pace_of(5 * MINUTE, 2).silence(), 50 * MINUTE);
        assert_eq!(pace_of(5 * MINUTE, 100).silence(), 50 * MINUTE);
    }

    #[test]
    fn an_outage_is_forgotten() {
        let mut pace = pace_of(Duration::from_secs(2), 10);
        let mut now = Instant::now() + 60 * MINUTE;
        pace.head(now);
        assert!(pace.silence() > MINUTE);
        for _ in 0..60 {
            now += Duration::from_secs(2);
            pace.head(now);
        }
        assert_eq!(pace.silence(), MINUTE);
    }
}
