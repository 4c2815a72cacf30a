//! Where a reader that was away goes on (pure).

use pledge_core::event::EventSeq;
use pledge_core::ports::KeptEvents;

/// How a reader goes on after the last event that it has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resumption {
    /// It gets every event after it: it misses none.
    Replay,
    /// Events that it has not read may be gone, or are too many: it begins with a snapshot.
    Reset,
}

/// How a reader goes on after an event, where the newest event for which it waits is `newest_known`.
pub(super) fn resumption(
    after: EventSeq,
    newest_known: EventSeq,
    kept: KeptEvents,
    replayed_max: u64,
) -> Resumption {
    let missed = newest_known.get().saturating_sub(after.get());
    if kept.continue_after(after) && missed <= replayed_max {
        Resumption::Replay
    } else {
        Resumption::Reset
    }
}

/// The last event that a reader has read, as the header or the parameter has it: digits alone.
pub(super) fn event_id(text: &str) -> Option<EventSeq> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).map(EventSeq::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_goes_on_unless_events_are_gone_unknown_or_too_many() {
        use Resumption::{Replay, Reset};
        let kept = |oldest, newest| KeptEvents {
            oldest: EventSeq::new(oldest),
            newest: EventSeq::new(newest),
        };
        for (after, known, kept, expected) in [
            (0, 0, kept(0, 0), Replay),
            (0, 9, kept(1, 9), Replay),
            (4, 9, kept(5, 9), Replay),
            (3, 9, kept(5, 9), Reset),
            (9, 9, kept(5, 9), Replay),
            // Another instance has shown it already.
            (9, 7, kept(5, 9), Replay),
            (10, 9, kept(5, 9), Reset),
            (0, 100, kept(1, 100), Replay),
            (0, 101, kept(1, 101), Reset),
            (u64::MAX, 9, kept(5, 9), Reset),
        ] {
            let resumed = resumption(EventSeq::new(after), EventSeq::new(known), kept, 100);
            assert_eq!(resumed, expected, "after {after} of {kept:?}, known {known}");
        }
    }

    #[test]
    fn an_id_is_digits_and_nothing_else() {
        assert_eq!(event_id("42"), Some(EventSeq::new(42)));
        for wrong in ["", "+1", "-1", " 1", "1.0", "0x1", "99999999999999999999"] {
            assert_eq!(event_id(wrong), None, "{wrong}");
        }
    }
}
