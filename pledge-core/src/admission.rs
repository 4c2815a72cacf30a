//! A bounded entrance: how many are served at once, how many wait, and for how long.

use std::num::NonZeroU16;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Serves a bounded number of callers at once and lets a bounded number wait, in the order in which
/// they came. One more is refused at once. So overload costs those who cause it, and no queue grows.
///
/// It reads no clock: the caller brings the end of its own wait. A clone is another handle to the same
/// entrance.
///
/// ```
/// use std::future::pending;
/// use std::num::NonZeroU16;
///
/// use pledge_core::admission::{Admission, Refused};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Refused> {
/// let admission = Admission::new(NonZeroU16::MIN, 0);
/// let served = admission.admit(pending()).await?;
/// assert_eq!(admission.admit(pending()).await.err(), Some(Refused::Full));
/// drop(served);
/// admission.admit(pending()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Admission {
    /// A place is for a caller that is served or waits.
    places: Arc<Semaphore>,
    /// A turn is for a caller that is served.
    turns: Arc<Semaphore>,
}

/// A caller that is served, until this is dropped.
#[derive(Debug)]
pub struct Admitted {
    // Released in this order, so that one that waits is served before a place is free.
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

/// Why a caller is not served. Nothing was done for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// As many as may be are served and wait already.
    #[error("as many are served and wait as may at once")]
    Full,
    /// The caller's wait ended before its turn.
    #[error("no turn came within the time that a caller waits")]
    Late,
}

impl Admission {
    /// Serves at most `served` callers at once while at most `waiting` wait.
    pub fn new(served: NonZeroU16, waiting: u16) -> Self {
        let served = usize::from(served.get());
        let places = Arc::new(Semaphore::new(served + usize::from(waiting)));
        Self { places, turns: Arc::new(Semaphore::new(served)) }
    }

    /// Waits for a turn until `limit` ends, which is not polled where there is no need to wait. A call
    /// that is dropped leaves its place.
    pub async fn admit(&self, limit: impl Future<Output = ()>) -> Result<Admitted, Refused> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Refused::Full)?;
        let turn = self.turns.clone().acquire_owned();
        // Biased, so that a turn that came in time is taken.
        tokio::select! {
            biased;
            turn = turn => {
                let turn = turn.expect("nothing closes the semaphore");
                Ok(Admitted { _turn: turn, _place: place })
            }
            () = limit => Err(Refused::Late),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;

    use tokio::sync::oneshot;

    use super::*;

    fn admission(served: u16, waiting: u16) -> Admission {
        Admission::new(NonZeroU16::new(served).unwrap(), waiting)
    }

    /// Whether a call of the entrance has ended; what it came to, if so.
    async fn look<F: Future + Unpin>(call: &mut F) -> Option<F::Output> {
        tokio::select! {
            biased;
            ended = call => Some(ended),
            () = ready(()) => None,
        }
    }

    #[tokio::test]
    async fn those_who_are_served_and_wait_are_bounded_and_one_more_is_refused_at_once() {
        let admission = admission(2, 1);
        let _served =
            [admission.admit(pending()).await.unwrap(), admission.admit(pending()).await.unwrap()];
        let mut waiting = pin!(admission.admit(pending()));
        assert!(look(&mut waiting).await.is_none());
        assert_eq!(admission.admit(pending()).await.unwrap_err(), Refused::Full);
    }

    #[tokio::test]
    async fn turns_are_taken_in_the_order_of_arrival() {
        let admission = admission(1, 2);
        let served = admission.admit(pending()).await.unwrap();
        let mut first = pin!(admission.admit(pending()));
        let mut second = pin!(admission.admit(pending()));
        assert!(look(&mut first).await.is_none() && look(&mut second).await.is_none());
        drop(served);
        assert!(look(&mut second).await.is_none());
        let served = look(&mut first).await.unwrap().unwrap();
        drop(served);
        assert!(look(&mut second).await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_wait_that_ends_is_refused_and_leaves_its_place() {
        let admission = admission(1, 1);
        let _served = admission.admit(pending()).await.unwrap();
        for _ in 0..3 {
            let (end, ended) = oneshot::channel::<()>();
            let mut waiting = pin!(admission.admit(async { ended.await.unwrap() }));
            assert!(look(&mut waiting).await.is_none());
            end.send(()).unwrap();
            assert_eq!(waiting.await.unwrap_err(), Refused::Late);
        }
    }

    #[tokio::test]
    async fn a_wait_that_is_dropped_leaves_its_place_and_takes_no_turn() {
        let admission = admission(1, 1);
        let served = admission.admit(pending()).await.unwrap();
        {
            let mut dropped = pin!(admission.admit(pending()));
            assert!(look(&mut dropped).await.is_none());
        }
        let mut waiting = pin!(admission.admit(pending()));
        assert!(look(&mut waiting).await.is_none());
        drop(served);
        assert!(look(&mut waiting).await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_wait_that_ended_with_its_turn_is_served() {
        let admission = admission(1, 0);
        assert!(admission.admit(ready(())).await.is_ok());
    }

    #[tokio::test]
    async fn a_served_caller_leaves_its_turn_and_its_place() {
        let admission = admission(1, 0);
        for _ in 0..3 {
            assert!(admission.admit(pending()).await.is_ok());
        }
    }
}
