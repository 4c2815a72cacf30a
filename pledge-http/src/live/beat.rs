//! When a reader gets a sign of life, and when it has given none for too long (pure).
//!
//! The hub counts seconds once for all readers: no reader has a timer of its own.

/// Seconds between two signs of life of the server.
const BEATS_EVERY: u64 = 25;
/// Seconds that a reader has to answer a ping.
const ANSWERS_WITHIN: u64 = 10;

/// What is due for a reader in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    Nothing,
    /// A comment or a ping.
    Sign,
    /// The reader has not answered the last ping.
    Dead,
}

/// What is due for a reader in a second, where it was pinged at `unanswered` and has sent nothing since.
/// Readers have different seconds, by their number.
pub(super) const fn beat(second: u64, reader: u64, unanswered: Option<u64>) -> Beat {
    match unanswered {
        Some(pinged) if second >= pinged + ANSWERS_WITHIN => Beat::Dead,
        // One ping at a time, so that the answer is to this one.
        Some(_) => Beat::Nothing,
        None if (second + reader % BEATS_EVERY).is_multiple_of(BEATS_EVERY) => Beat::Sign,
        None => Beat::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_one_sign_in_each_period_at_a_second_of_its_own() {
        for reader in [0, 1, 7, 26] {
            let signs =
                (100..100 + 2 * BEATS_EVERY).filter(|s| beat(*s, reader, None) == Beat::Sign);
            assert_eq!(signs.count(), 2, "reader {reader}");
        }
        let at = |reader| (0..BEATS_EVERY).find(|second| beat(*second, reader, None) == Beat::Sign);
        assert_ne!(at(1), at(2));
    }

    #[test]
    fn a_reader_that_does_not_answer_in_time_is_dead() {
        assert_eq!(beat(109, 3, Some(100)), Beat::Nothing);
        assert_eq!(beat(110, 3, Some(100)), Beat::Dead);
    }
}
