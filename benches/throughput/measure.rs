//! Both ways in turn, with the same rows.

use std::time::{Duration, Instant};

use pledge_benches::{commit, fold_next, mints, register, transfers};

use crate::plain::STATEMENT_ROWS;
use crate::subjects::Subject;

const ACCOUNTS: u64 = 20_000;
/// Transfers in a transaction: each makes two rows.
const BATCH: u64 = 5_000;
const WARM_UP_ROUNDS: u64 = 3;
const ROUNDS: u64 = 24;

/// Rows a second, each the median over the rounds.
pub(crate) struct Measured {
    pub(crate) plain: u128,
    pub(crate) commit: u128,
    /// What the indexer does with a slice: balances are read and transfers folded before.
    pub(crate) slice: u128,
}

/// A description of the run, for the reader of the figures.
pub(crate) fn plan() -> String {
    format!(
        "{} rows a transaction among {ACCOUNTS} accounts, {STATEMENT_ROWS} rows a plain statement; \
         {ROUNDS} rounds after {WARM_UP_ROUNDS} to warm up",
        2 * BATCH
    )
}

pub(crate) async fn measure(subject: &mut Subject) -> Measured {
    register(&*subject.store).await;
    commit(&*subject.store, &mints(0..ACCOUNTS)).await;
    let [mut plain, mut committed, mut slice] = [const { Vec::new() }; 3];
    for round in 0..WARM_UP_ROUNDS + ROUNDS {
        let batch = transfers(ACCOUNTS, BATCH, ACCOUNTS + round * BATCH);
        let (message, folding) = timed(fold_next(&*subject.store, &batch)).await;
        let changes = &message.tokens[0].changes;
        // Neither way always comes first: pending writes of one may slow down the next.
        let plain_first = round % 2 == 0;
        let mut inserting = Duration::ZERO;
        if plain_first {
            inserting = timed(subject.plain.insert(changes)).await.1;
        }
        let (done, committing) = timed(subject.store.commit(&message)).await;
        done.expect("a commit");
        if !plain_first {
            inserting = timed(subject.plain.insert(changes)).await.1;
        }
        if round >= WARM_UP_ROUNDS {
            plain.push(inserting);
            committed.push(committing);
            slice.push(folding + committing);
        }
    }
    Measured { plain: rate(plain), commit: rate(committed), slice: rate(slice) }
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    (work.await, begun.elapsed())
}

fn rate(mut times: Vec<Duration>) -> u128 {
    times.sort();
    let median = times[times.len() / 2];
    u128::from(2 * BATCH) * 1_000_000_000 / median.as_nanos()
}
