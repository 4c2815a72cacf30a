//! `[limits]`.

use std::num::{NonZeroU16, NonZeroU32};
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
        /// The most open connections of one IPv4 address, or of the first 64 bits of an IPv6 address; a
        /// trusted proxy may have any number of all.
        connections_per_address: Whole = preset(Whole(256)),
        /// The requests a second that one client may send for long, counted as connections are; 0 for
        /// no limit. With Redis all instances count together. Read again on SIGHUP.
        requests_per_second: Whole = preset(Whole(100)),
        /// The requests that a client may send at once after a pause. Read again on SIGHUP.
        burst: Whole = preset(Whole(200)),
        /// The requests for data that are answered at once, and the connections to the database for
        /// them.
        reads_concurrent: Whole = preset(Whole(16)),
        /// The requests that wait for one of these to end. One more is refused at once.
        reads_waiting: Whole = preset(Whole(256)),
        /// How long such a request waits before it is refused.
        reads_wait: String = preset("2s"),
        /// The most bytes of a request besides its head.
        body_bytes: Whole = preset(Whole(16_384)),
        /// The time for the head of a request, also of the next one on a connection.
        header_timeout: String = preset("10s"),
        /// The time for the rest of a request, until its answer begins. Its work ends with it, a rewind aside,
        /// which goes on.
        request_timeout: String = preset("10s"),
        /// How long a reader may take nothing of its answer, or acknowledge nothing that was sent.
        write_timeout: String = preset("30s"),
        /// The time for the whole of an answer, a stream of events aside.
        answer_timeout: String = preset("2m"),
        /// The time that open requests have to end when the server stops.
        drain: String = preset("2s"),
    }
}

const CONNECTIONS_MAX: u64 = 1_000_000;
const RATE_MAX: u64 = 1_000_000;
/// More than a database has connections for.
const READS_MAX: u64 = 1_000;
const WAITING_MAX: u64 = 10_000;
/// All that wait for their answer may hold one each in memory.
const BODY_BYTES_MAX: u64 = 1_048_576;
/// How long a request waits for its turn to read.
const READS_WAIT: Bounded = Bounded {
    range: Duration::from_millis(10)..=Duration::from_secs(60),
    bounds: "from 10ms to 1m, such as \"2s\"",
};
/// The time for the head of a request.
const HEADER_TIMEOUT: Bounded = Bounded {
    range: Duration::from_millis(100)..=Duration::from_secs(300),
    bounds: "from 100ms to 5m, such as \"10s\"",
};
/// The time for the rest of it.
const REQUEST_TIMEOUT: Bounded = Bounded {
    range: Duration::from_millis(100)..=Duration::from_secs(600),
    bounds: "from 100ms to 10m, such as \"10s\"",
};
/// How long a reader may take nothing.
const WRITE_TIMEOUT: Bounded = Bounded {
    range: Duration::from_millis(100)..=Duration::from_secs(600),
    bounds: "from 100ms to 10m, such as \"30s\"",
};
/// The time for a whole answer.
const ANSWER_TIMEOUT: Bounded = Bounded {
    range: Duration::from_millis(100)..=Duration::from_secs(3_600),
    bounds: "from 100ms to 1h, such as \"2m\"",
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
    /// How many requests one client may send; `None` for any number.
    pub rate: Option<RateConfig>,
    /// How many requests read at once.
    pub reads: ReadsConfig,
    /// The most bytes of a request besides its head.
    pub body_bytes: usize,
    /// The time for the head of a request.
    pub header_timeout: Duration,
    /// The time for the rest of a request, until its answer begins.
    pub request_timeout: Duration,
    /// How long a reader may take nothing of its answer, or acknowledge nothing that was sent.
    pub write_timeout: Duration,
    /// The time for the whole of an answer.
    pub answer_timeout: Duration,
    /// The time that open requests have to end when the server stops.
    pub drain: Duration,
}

/// How many requests one client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateConfig {
    /// Requests a second, for long.
    pub per_second: NonZeroU32,
    /// Requests at once, after a pause.
    pub burst: NonZeroU32,
}

/// How many requests read from the store at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadsConfig {
    /// Those that are answered, and connections for them.
    pub concurrent: NonZeroU16,
    /// Those that wait for one of these to end.
    pub waiting: u16,
    /// How long each waits at most.
    pub wait: Duration,
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
            requests_per_second,
            burst,
            reads_concurrent,
            reads_waiting,
            reads_wait,
            body_bytes,
            header_timeout,
            request_timeout,
            write_timeout,
            answer_timeout,
            drain,
        } = raw;
        // All are checked before any is missing, so that the user sees every wrong key at once.
        let mut check = Checks { key, problems };
        let connections = check.count("connections", connections, 1, CONNECTIONS_MAX);
        let per_address =
            check.count("connections_per_address", connections_per_address, 1, CONNECTIONS_MAX);
        let per_second = check.count("requests_per_second", requests_per_second, 0, RATE_MAX);
        let burst = check.count("burst", burst, 1, RATE_MAX);
        let concurrent = check.count("reads_concurrent", reads_concurrent, 1, READS_MAX);
        let waiting = check.count("reads_waiting", reads_waiting, 0, WAITING_MAX);
        let wait = check.time("reads_wait", READS_WAIT, &reads_wait);
        let body_bytes = check.count("body_bytes", body_bytes, 0, BODY_BYTES_MAX);
        let header_timeout = check.time("header_timeout", HEADER_TIMEOUT, &header_timeout);
        let request_timeout = check.time("request_timeout", REQUEST_TIMEOUT, &request_timeout);
        let write_timeout = check.time("write_timeout", WRITE_TIMEOUT, &write_timeout);
        let answer_timeout = check.time("answer_timeout", ANSWER_TIMEOUT, &answer_timeout);
        let drain = check.time("drain", DRAIN, &drain);
        let reads = ReadsConfig {
            concurrent: NonZeroU16::new(concurrent?)?,
            waiting: waiting?,
            wait: wait?,
        };
        let burst = NonZeroU32::new(burst?)?;
        let rate = NonZeroU32::new(per_second?).map(|per_second| RateConfig { per_second, burst });
        Some(Self {
            connections: connections?,
            connections_per_address: per_address?,
            rate,
            reads,
            body_bytes: body_bytes?,
            header_timeout: header_timeout?,
            request_timeout: request_timeout?,
            write_timeout: write_timeout?,
            answer_timeout: answer_timeout?,
            drain: drain?,
        })
    }

    pub(super) fn shown(&self) -> LimitsShown {
        let Self {
            connections,
            connections_per_address,
            rate,
            reads: ReadsConfig { concurrent, waiting, wait },
            body_bytes,
            header_timeout,
            request_timeout,
            write_timeout,
            answer_timeout,
            drain,
        } = self;
        let time = |time: &Duration| Shown::text(duration_text(*time));
        // Without a limit there is no burst to show.
        let (per_second, burst) = match rate {
            Some(RateConfig { per_second, burst }) => {
                (Shown::whole(per_second.get().into()), Shown::whole(burst.get().into()))
            }
            None => (Shown::whole(0), Shown::Nothing),
        };
        LimitsShown {
            connections: Shown::whole(*connections as u64),
            connections_per_address: Shown::whole(*connections_per_address as u64),
            requests_per_second: per_second,
            burst,
            reads_concurrent: Shown::whole(concurrent.get().into()),
            reads_waiting: Shown::whole((*waiting).into()),
            reads_wait: time(wait),
            body_bytes: Shown::whole(*body_bytes as u64),
            header_timeout: time(header_timeout),
            request_timeout: time(request_timeout),
            write_timeout: time(write_timeout),
            answer_timeout: time(answer_timeout),
            drain: time(drain),
        }
    }
}

/// The checks of one section, and what they found wrong.
struct Checks<'a> {
    key: &'a Key,
    problems: &'a mut Problems,
}

impl Checks<'_> {
    fn count<N: TryFrom<u64>>(
        &mut self,
        name: &str,
        Whole(number): Whole,
        min: u64,
        max: u64,
    ) -> Option<N> {
        let inside = Some(number).filter(|number| (min..=max).contains(number));
        let inside = inside.and_then(|number| N::try_from(number).ok());
        let wrong = || format!("{number} is out of range: write {min} to {max}");
        self.problems.take(&self.key.child(name), inside.ok_or_else(wrong))
    }

    fn time(&mut self, name: &str, bounds: Bounded, text: &str) -> Option<Duration> {
        bounds.check(text, &self.key.child(name), self.problems)
    }
}
