//! Work on a ledger that moves meanwhile.

/// Work that may be attempted again: a closure that returns a future, or a type that keeps what it
/// needs between two attempts.
pub trait Attempt: Send {
    /// The result of the work.
    type Output;
    /// Why an attempt failed.
    type Error;

    /// Makes one attempt.
    fn attempt(&mut self) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;
}

impl<A, F, T, E> Attempt for A
where
    A: FnMut() -> F + Send,
    F: Future<Output = Result<T, E>> + Send,
{
    type Output = T;
    type Error = E;

    fn attempt(&mut self) -> impl Future<Output = Result<T, E>> + Send {
        self()
    }
}

/// Attempts the work again while the ledger moves under it: as long as it fails with an error of
/// which `has_moved` is true. Returns its result, or the last error after `bound` attempts. Any
/// other error ends it at once; at least one attempt is made.
pub async fn while_ledger_moves<A: Attempt>(
    bound: usize,
    has_moved: impl Fn(&A::Error) -> bool,
    mut work: A,
) -> Result<A::Output, A::Error> {
    for _ in 1..bound {
        match work.attempt().await {
            Err(error) if has_moved(&error) => {}
            ended => return ended,
        }
    }
    work.attempt().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    enum Failure {
        Moved,
        Other,
    }

    /// Fails with each of the errors in turn, then succeeds; with the number of attempts.
    async fn play(bound: usize, failures: Vec<Failure>) -> (Result<(), Failure>, usize) {
        let (mut attempts, mut failures) = (0, failures.into_iter());
        let attempt = || {
            attempts += 1;
            std::future::ready(failures.next().map_or(Ok(()), Err))
        };
        let ended = while_ledger_moves(bound, |error| *error == Failure::Moved, attempt).await;
        (ended, attempts)
    }

    #[tokio::test]
    async fn an_answer_that_meets_a_rewind_starts_again() {
        let failures = vec![Failure::Moved, Failure::Moved];
        assert_eq!(play(5, failures).await, (Ok(()), 3));
    }

    #[tokio::test]
    async fn an_answer_that_meets_rewinds_again_and_again_gives_up_with_the_last_error() {
        let failures = (0..9).map(|_| Failure::Moved).collect();
        assert_eq!(play(5, failures).await, (Err(Failure::Moved), 5));
    }

    #[tokio::test]
    async fn another_error_ends_it_at_once() {
        assert_eq!(play(5, vec![Failure::Other]).await, (Err(Failure::Other), 1));
    }
}
