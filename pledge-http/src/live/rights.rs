//! Whose rights may have changed, until their readers are checked and other instances know.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use pledge_office::access::RightsOf;
use tokio::sync::Notify;

/// More than this many wait as one: everyone's.
const WAITING_MAX: usize = 1_000;

/// Changes of rights that wait for something, each once.
#[derive(Debug, Default)]
pub(super) struct Changed {
    waiting: Mutex<BTreeSet<RightsOf>>,
    added: Notify,
    /// How many there were in all.
    number: AtomicU64,
}

impl Changed {
    /// Adds one.
    pub(super) fn add(&self, of: RightsOf) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX {
            waiting.clear();
            waiting.insert(RightsOf::Everyone);
        }
        waiting.insert(of);
        self.number.fetch_add(1, Ordering::SeqCst);
        drop(waiting);
        self.added.notify_one();
    }

    /// Those that wait, as soon as there are any.
    pub(super) async fn next(&self) -> BTreeSet<RightsOf> {
        loop {
            let waiting =
                std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !waiting.is_empty() {
                return waiting;
            }
            self.added.notified().await;
        }
    }

    /// How many there were so far: a caller that was looked up since the same number is as it is now.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use pledge_office::access::UserId;

    use super::*;

    fn user(number: u64) -> RightsOf {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        RightsOf::User(UserId::from_bytes(bytes))
    }

    #[tokio::test]
    async fn each_waits_once_and_too_many_wait_as_everyone() {
        let changed = Changed::default();
        for number in [1, 2, 1] {
            changed.add(user(number));
        }
        assert_eq!(changed.next().await, [user(1), user(2)].into());
        assert_eq!(changed.number(), 3);
        (0..=1_000).for_each(|number| changed.add(user(number)));
        let waiting = changed.next().await;
        assert!(waiting.contains(&RightsOf::Everyone) && waiting.len() == 2, "{waiting:?}");
    }
}
