//! Why a stream ends, in codes (pure).

use std::time::Duration;

use serde::Serialize;

/// Why the server ends a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The reader took less than there was. It goes on by the id of its last event.
    Slow,
    /// The reader did not answer a ping.
    Unresponsive,
    /// The session or the key behind it has ended.
    SessionEnded,
    /// What its caller may do has changed.
    RightsChanged,
    /// The server stops. Others take its readers, not all in one moment.
    Restarting {
        /// When this reader may come again.
        retry_after: Duration,
    },
    /// The store cannot be read, or rights cannot be checked.
    Unavailable,
    /// The log of events is another one: what the reader has read is of no use.
    Reset,
}

/// What a reader learns of the end, in the reason of a close frame or as the last message.
#[derive(Debug, Serialize)]
pub(super) struct Ending {
    code: &'static str,
    /// When to come again, in milliseconds; null where that is of no use without a change.
    retry_after_ms: Option<u64>,
}

/// How soon a reader that was cut for its own slowness, or for a short lack, comes again.
const SOON: Duration = Duration::from_secs(1);

impl Cut {
    /// Every cut, for counts.
    pub(super) const CODES: [&'static str; 7] = [
        "slow",
        "unresponsive",
        "session-ended",
        "rights-changed",
        "restarting",
        "unavailable",
        "reset",
    ];

    /// Its place in [`Self::CODES`].
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Slow => 0,
            Self::Unresponsive => 1,
            Self::SessionEnded => 2,
            Self::RightsChanged => 3,
            Self::Restarting { .. } => 4,
            Self::Unavailable => 5,
            Self::Reset => 6,
        }
    }

    /// Its stable code.
    pub(super) const fn code(self) -> &'static str {
        Self::CODES[self.index()]
    }

    /// The code of its close frame: of RFC 6455 and its registry, else of the range for applications.
    pub(super) const fn close_code(self) -> u16 {
        match self {
            Self::Restarting { .. } => 1012,
            Self::Unavailable => 1013,
            Self::Slow => 4008,
            Self::Unresponsive => 4009,
            Self::Reset => 4010,
            Self::SessionEnded => 4401,
            Self::RightsChanged => 4403,
        }
    }

    /// When the reader may come again; `None` where it has to sign in first.
    pub(super) const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::SessionEnded => None,
            Self::Restarting { retry_after } => Some(retry_after),
            _ => Some(SOON),
        }
    }

    /// The text of its end, which fits into a close frame.
    pub(super) fn ending(self) -> String {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let ending = Ending { code: self.code(), retry_after_ms: self.retry_after().map(millis) };
        serde_json::to_string(&ending).expect("two plain members")
    }

    /// The last bytes of a stream of server-sent events.
    pub(super) fn last_event(self) -> String {
        let retry = self.retry_after().map(|time| format!("retry: {}\n", time.as_millis()));
        format!("{}event: cut\ndata: {}\n\n", retry.unwrap_or_default(), self.ending())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_cut() -> [Cut; 7] {
        [
            Cut::Slow,
            Cut::Unresponsive,
            Cut::SessionEnded,
            Cut::RightsChanged,
            Cut::Restarting { retry_after: Duration::from_millis(2_345) },
            Cut::Unavailable,
            Cut::Reset,
        ]
    }

    #[test]
    fn every_cut_has_codes_of_its_own_and_a_reason_that_fits_into_a_close_frame() {
        let codes: Vec<_> = every_cut().map(Cut::code).into();
        assert_eq!(codes, Cut::CODES);
        let mut closes: Vec<_> = every_cut().map(Cut::close_code).into();
        closes.dedup();
        assert_eq!(closes.len(), 7);
        for cut in every_cut() {
            // RFC 6455, 5.5: a control frame has 125 bytes at most, of which two are the code.
            assert!(cut.ending().len() <= 123, "{}", cut.ending());
        }
    }

    #[test]
    fn a_restart_names_the_time_of_this_reader_and_an_ended_session_none() {
        let [.., restarting, _, _] = every_cut();
        assert_eq!(restarting.ending(), r#"{"code":"restarting","retry_after_ms":2345}"#);
        assert!(restarting.last_event().starts_with("retry: 2345\nevent: cut\n"));
        let ended = Cut::SessionEnded;
        assert_eq!(ended.ending(), r#"{"code":"session-ended","retry_after_ms":null}"#);
        assert!(ended.last_event().starts_with("event: cut\n"));
    }
}
