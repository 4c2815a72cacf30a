//! `[limits]`.

use std::time::Duration;

use super::durations::{Bounded, duration_text};
use super::raw::Whole;
use super::section::{Shown, preset, section};
use super::{Key, Problems};

section! {
    /// What the HTTP server gives to its readers.
    RawLimits shown as LimitsShown {
        /// The most open connections. Where a new one has no room, the one that waits longest for a
        /// request goes. The limit of open files of the process may leave fewer.
        connections: Whole = preset(Whole(4_096)),
        /// The most open connections of one IPv4 address, or of the first 64 bits of an IPv6 address.
        connections_per_address: Whole = preset(Whole(256)),
        /// The time for the head of a request, also of the next one on a connection.
        header_timeout: String = preset("10s"),
        /// How long a reader may take nothing of its answer.
        write_timeout: String = preset("30s"),
        /// The time that open requests have to end when the server stops.
        drain: String = preset("2s"),
    }
}

const CONNECTIONS_MAX: u64 = 1_000_000;
/// The time for the head of a request.
const HEADER_TIMEOUT: Bounded = Bounded {
    range: Duration::from_millis(100)..=Duration::from_secs(300),
    bounds: "from 100ms to 5m, such as \"10s\"",
};
/// How long a reader may take nothing.
const WRITE_TIMEOUT: Bounded = Bounded {
    range: Duration::from_millis(100)..=Duration::from_secs(600),
    bounds: "from 100ms to 10m, such as \"30s\"",
};
/// The process ends by itself three seconds after a stop, whatever is open.
const DRAIN: Bounded = Bounded {
    range: Duration::from_millis(10)..=Duration::from_millis(2_500),
    bounds: "from 10ms to 2500ms, such as \"2s\"",
};

/// What the HTTP server gives to its readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitsConfig {
    /// The most open connections.
    pub connections: usize,
    /// The most open connections of one address.
    pub connections_per_address: usize,
    /// The time for the head of a request.
    pub header_timeout: Duration,
    /// How long a reader may take nothing of its answer.
    pub write_timeout: Duration,
    /// The time that open requests have to end when the server stops.
    pub drain: Duration,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let mut problems = Problems::default();
        let checked = Self::check(RawLimits::default(), &Key::root("limits"), &mut problems);
        checked.expect("defaults are within their bounds")
    }
}

impl LimitsConfig {
    pub(super) fn check(raw: RawLimits, key: &Key, problems: &mut Problems) -> Option<Self> {
        let RawLimits {
            connections,
            connections_per_address,
            header_timeout,
            write_timeout,
            drain,
        } = raw;
        // All are checked before any is missing, so that the user sees every wrong key at once.
        let mut count = |name, Whole(number)| {
            let inside = Some(number).filter(|number| (1..=CONNECTIONS_MAX).contains(number));
            let inside = inside.and_then(|number| usize::try_from(number).ok());
            let wrong = || format!("{number} is out of range: write 1 to {CONNECTIONS_MAX}");
            problems.take(&key.child(name), inside.ok_or_else(wrong))
        };
        let connections = count("connections", connections);
        let per_address = count("connections_per_address", connections_per_address);
        let mut time =
            |name, bounds: Bounded, text: String| bounds.check(&text, &key.child(name), problems);
        let header_timeout = time("header_timeout", HEADER_TIMEOUT, header_timeout);
        let write_timeout = time("write_timeout", WRITE_TIMEOUT, write_timeout);
        let drain = time("drain", DRAIN, drain);
        Some(Self {
            connections: connections?,
            connections_per_address: per_address?,
            header_timeout: header_timeout?,
            write_timeout: write_timeout?,
            drain: drain?,
        })
    }

    pub(super) fn shown(&self) -> LimitsShown {
        let Self { connections, connections_per_address, header_timeout, write_timeout, drain } =
            self;
        LimitsShown {
            connections: Shown::whole(*connections as u64),
            connections_per_address: Shown::whole(*connections_per_address as u64),
            header_timeout: Shown::text(duration_text(*header_timeout)),
            write_timeout: Shown::text(duration_text(*write_timeout)),
            drain: Shown::text(duration_text(*drain)),
        }
    }
}
