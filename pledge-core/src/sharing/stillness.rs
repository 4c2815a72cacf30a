//! Another instance's work that makes no progress.

use std::time::Duration;

use super::STILL_LEASES;

/// Watches another instance's work, so that it is done by this one too if it makes no progress.
///
/// Times come from any clock of the instance that does not go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stillness<T> {
    seen: Option<(T, Duration)>,
}

impl<T> Default for Stillness<T> {
    fn default() -> Self {
        Self { seen: None }
    }
}

impl<T: PartialEq> Stillness<T> {
    /// Records the state seen now. Returns whether it has been the same for three leases; if so,
    /// the wait begins again.
    pub fn lasts(&mut self, now: Duration, there: T, lease: Duration) -> bool {
        let since = match &self.seen {
            Some((seen, since)) if *seen == there => *since,
            _ => now,
        };
        let lasts = now.saturating_sub(since) >= lease * STILL_LEASES;
        self.seen = Some((there, if lasts { now } else { since }));
        lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(9);

    /// Whether the wait is over at each sight of a height, by its second.
    fn looks(sights: &[(u64, u64)]) -> Vec<bool> {
        let mut stillness = Stillness::default();
        let look =
            |(at, height): &(u64, u64)| stillness.lasts(Duration::from_secs(*at), *height, LEASE);
        sights.iter().map(look).collect()
    }

    #[test]
    fn what_does_not_move_for_three_leases_is_done_all_the_same() {
        let sights = [(0, 7), (26, 7), (27, 7), (28, 7), (53, 7), (54, 7)];
        assert_eq!(looks(&sights), [false, false, true, false, false, true]);
    }

    #[test]
    fn what_moves_is_left_to_its_instance() {
        let sights = [(0, 7), (26, 8), (52, 9), (78, 10)];
        assert_eq!(looks(&sights), [false; 4]);
    }

    #[test]
    fn what_moves_back_moves() {
        assert_eq!(looks(&[(0, 7), (26, 6), (30, 7), (56, 7)]), [false; 4]);
    }
}
