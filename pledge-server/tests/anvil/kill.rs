//! The real binary, killed again and again while it indexes and settles a busy chain, and
//! restarted: mostly in the middle of a write, else at any instant.
//!
//! The test knows whether a write is open: it stops the process, asks its database, and then kills
//! the process or lets it continue. `PLEDGE_KILLS=1000` is the long run.

#![expect(clippy::print_stdout, reason = "the seed and the counts are the result of a run")]

mod backend;
mod campaign;
mod market;
mod mysql;
mod pace;
mod random;
mod round;
mod sqlite;
mod sums;
mod victim;

use backend::Backend;
use campaign::Campaign;
use random::seed;
use round::Tally;

/// Kills over one database, before the next begins with an empty one.
const KILLS_EACH_MAX: u32 = 100;

/// `PLEDGE_KILLS`, else what every run of the tests has time for.
fn kills() -> u32 {
    match std::env::var("PLEDGE_KILLS") {
        Ok(text) => text.parse().expect("PLEDGE_KILLS is a number"),
        Err(_) => KILLS_EACH_MAX,
    }
}

async fn kill_over<B: Backend>(place: impl AsyncFn() -> B) {
    let (mut seed, mut all) = (seed(), Tally::default());
    while all.kills < kills() {
        let kills = KILLS_EACH_MAX.min(kills() - all.kills);
        all += Campaign::begin(place().await, seed).await.run(kills).await;
        // Stays odd, and so above zero.
        seed = seed.wrapping_add(2);
    }
    println!("in all: {all}; no violation");
    assert!(2 * all.writes >= all.kills, "too few kills hit a write");
    let indexing = all.writes - all.settling;
    assert!(all.settling > 0 && indexing > 0, "the writes that were hit are all of one kind");
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_over_sqlite_leave_what_a_clean_pass_gives() {
    kill_over(async || sqlite::File::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_over_mysql_leave_what_a_clean_pass_gives() {
    kill_over(mysql::Database::new).await;
}
