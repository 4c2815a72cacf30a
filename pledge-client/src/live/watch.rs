//! A stream that comes again by itself.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use super::{Cut, Live, Update};
use crate::{Client, Error};

/// The first wait where the server names none, and the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// A stream that comes again when it breaks or is cut, after its last event, for ever. Waits grow, and differ
/// by chance, so that readers who were cut together do not come back together.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    topics: Vec<String>,
    last_id: Option<String>,
    live: Option<Live>,
    failures: u32,
    /// When the next attempt is due.
    due: Option<tokio::time::Instant>,
    random: RandomState,
}

/// What a watch brings.
#[derive(Debug)]
pub enum Watched {
    /// Something that happened.
    Update(Update),
    /// The stream is interrupted: the next call connects again, and waits this long first.
    Interrupted {
        /// Why.
        cause: Interruption,
        /// How long the next call waits first.
        wait: Duration,
    },
}

/// Why a stream is interrupted.
#[derive(Debug)]
pub enum Interruption {
    /// The server ended it, with a code.
    Cut(Cut),
    /// It ended without a word.
    Ended,
    /// It failed.
    Failed(Error),
}

impl Watch {
    pub(super) fn new(client: Client, topics: Vec<String>, last_id: Option<String>) -> Self {
        let random = RandomState::new();
        Self { client, topics, last_id, live: None, failures: 0, due: None, random }
    }

    /// What comes next. An error is one that will not pass: the API refuses the stream, or what answers is no
    /// API. To be called again until then.
    pub async fn next(&mut self) -> Result<Watched, Error> {
        if let Some(due) = self.due {
            tokio::time::sleep_until(due).await;
            self.due = None;
        }
        let live = match &mut self.live {
            Some(live) => live,
            None => match self.client.live(&self.topics, self.last_id.as_deref()).await {
                Ok(live) => self.live.insert(live),
                Err(error) => return self.interrupted(Interruption::Failed(error), None),
            },
        };
        let next = live.next().await;
        if let Some(id) = live.last_id() {
            self.last_id = Some(id.to_owned());
        }
        let retry = live.retry();
        match next {
            Ok(Some(Update::Cut(cut))) => match cut.retry_after_millis {
                // It has to sign in again, which is not for this one to do.
                None => Ok(Watched::Update(Update::Cut(cut))),
                Some(millis) => {
                    let wait = Some(Duration::from_millis(millis));
                    self.interrupted(Interruption::Cut(cut), wait)
                }
            },
            Ok(Some(update)) => {
                self.failures = 0;
                Ok(Watched::Update(update))
            }
            Ok(None) => self.interrupted(Interruption::Ended, retry),
            Err(error) => self.interrupted(Interruption::Failed(error), retry),
        }
    }

    fn interrupted(
        &mut self,
        cause: Interruption,
        named: Option<Duration>,
    ) -> Result<Watched, Error> {
        self.live = None;
        if let Interruption::Failed(error) = cause {
            if !passes(&error) {
                return Err(error);
            }
            return Ok(self.after(Interruption::Failed(error), named));
        }
        Ok(self.after(cause, named))
    }

    fn after(&mut self, cause: Interruption, named: Option<Duration>) -> Watched {
        let chance = self.random.hash_one(self.failures);
        let wait = wait(self.failures, named, chance);
        self.failures = self.failures.saturating_add(1);
        self.due = Some(tokio::time::Instant::now() + wait);
        Watched::Interrupted { cause, wait }
    }
}

/// Whether another attempt may succeed.
fn passes(error: &Error) -> bool {
    match error {
        Error::Transport(_) | Error::Silent => true,
        Error::Problem(problem) => [429, 503].contains(&problem.status),
        _ => false,
    }
}

/// How long to wait after a number of failures: what the server named, else longer each time; and as much longer
/// by chance.
fn wait(failures: u32, named: Option<Duration>, chance: u64) -> Duration {
    let grown = FIRST.saturating_mul(1 << failures.min(5)).min(LONGEST);
    let wait =
        if failures == 0 { named.unwrap_or(grown) } else { named.unwrap_or_default().max(grown) };
    let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(2);
    wait + Duration::from_millis(chance % (millis / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_differ_by_chance() {
        let second = Duration::from_secs(1);
        assert_eq!(wait(0, None, 0), second);
        assert_eq!(wait(0, Some(3 * second), 0), 3 * second);
        assert_eq!(wait(3, None, 0), 8 * second);
        assert_eq!(wait(3, Some(3 * second), 0), 8 * second);
        assert_eq!(wait(1_000, None, 0), LONGEST);
        assert_eq!(wait(0, None, 499), second + Duration::from_millis(499));
        assert_eq!(wait(0, Some(Duration::ZERO), u64::MAX), Duration::ZERO);
        assert!(wait(1_000, None, u64::MAX) < LONGEST * 3 / 2);
    }
}
