//! The durations of `[chains.NAME]` and `[settlement]`.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use pledge_core::indexer::IndexerConfig;
use pledge_core::types::ChainId;

use super::{Key, Problems};

/// The wait for new blocks.
pub(super) const POLL_INTERVAL: Bounded = Bounded {
    range: Duration::from_millis(50)..=Duration::from_secs(3_600),
    bounds: "from 50ms to 1h, such as \"2s\"",
};
/// The wait between two looks for closed windows.
pub(super) const SETTLEMENT_INTERVAL: Bounded = Bounded {
    range: Duration::from_millis(50)..=Duration::from_secs(3_600),
    bounds: "from 50ms to 1h, such as \"2s\"",
};
/// The wait for one answer. A longer one would take a frozen node for a slow one.
pub(super) const REQUEST_TIMEOUT: Bounded = Bounded {
    range: Duration::from_secs(1)..=Duration::from_secs(600),
    bounds: "from 1s to 10m, such as \"30s\"",
};
/// A day is more than any clock is off by accident, and too little for a false time to do harm.
const CLOCK_SLACK: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
/// No bound at all.
const UNLIMITED: &str = "unlimited";

/// The bounds of a duration.
pub(super) struct Bounded {
    pub(super) range: RangeInclusive<Duration>,
    pub(super) bounds: &'static str,
}

impl Bounded {
    pub(super) fn check(&self, raw: &str, key: &Key, problems: &mut Problems) -> Option<Duration> {
        problems.take(key, parse_within(raw, &self.range, self.bounds))
    }
}

/// How far ahead of the clock the time of a block may be; an inner `None` is no bound.
pub(super) fn check_clock_slack(
    raw: Option<&str>,
    chain: ChainId,
    key: &Key,
    problems: &mut Problems,
) -> Option<Option<Duration>> {
    match raw {
        None => Some(IndexerConfig::clock_slack_of(chain)),
        Some(text) => problems.take(key, parse_slack(text)),
    }
}

/// A duration, or `unlimited`.
pub(super) fn parse_slack(text: &str) -> Result<Option<Duration>, String> {
    if text == UNLIMITED {
        return Ok(None);
    }
    let bounds = "from 1s to 1d, such as \"15m\", or \"unlimited\"";
    parse_within(text, &CLOCK_SLACK, bounds).map(Some)
}

/// How the configuration writes a slack.
pub(super) fn slack_text(slack: Option<Duration>) -> String {
    slack.map_or_else(|| UNLIMITED.to_owned(), |slack| duration_text(slack).to_string())
}

pub(super) fn duration_text(duration: Duration) -> impl fmt::Display {
    humantime::format_duration(duration)
}

fn parse_within(
    text: &str,
    range: &RangeInclusive<Duration>,
    bounds: &str,
) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("`{text}` is not a duration ({error}): write one {bounds}"))?;
    if range.contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("`{text}` is out of range: write a duration {bounds}"))
    }
}
