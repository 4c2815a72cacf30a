//! Laws of [`PointsStore`](pledge_core::ports::PointsStore) about programmes: what may change of one.

use pledge_core::error::StoreErrorKind;
use pledge_core::points::{BatchSpan, Programme};
use pledge_core::types::{Epoch, ProgrammeId, RateSchedule, ShardCount, Step, WindowLength};

use super::points_store::{accounts_of, batch, open, points, rate, settle_both, state, two_shards};
use crate::Fixture;
use crate::world::{at, operator, token};

laws! {
    __points_programmes of points_programmes(Fixture):
    a_programme_is_what_was_put
    a_programme_is_added_where_none_of_its_name_is
    of_two_writers_that_add_a_programme_one_does
    a_rate_change_in_the_settled_past_is_refused
    a_rate_change_under_a_settlement_is_refused
    windows_and_shards_of_a_programme_cannot_change
}

/// A programme is read as it was put, also after putting it again.
async fn a_programme_is_what_was_put(fixture: Fixture) {
    let ledger = open(fixture).await;
    points(&ledger).put_programme(&two_shards(), &operator()).await.expect("the same again");
    let state = state(&ledger).await;
    assert_eq!(state.programme, two_shards());
    assert_eq!((state.settled(), state.shards.len()), (None, 2));
    assert_eq!(state.epoch, Epoch::FIRST);
}

/// One of the same rule is one of that name too.
async fn a_programme_is_added_where_none_of_its_name_is(fixture: Fixture) {
    let ledger = open(fixture).await;
    for rule in
        [two_shards(), Programme { rates: RateSchedule::constant(rate("7")), ..two_shards() }]
    {
        let error =
            points(&ledger).add_programme(&rule, &operator()).await.expect_err("there is one");
        assert_eq!(error.kind(), StoreErrorKind::Conflict);
    }
    assert_eq!(state(&ledger).await.programme, two_shards());
    let season = named("season", "1");
    points(&ledger).add_programme(&season, &operator()).await.expect("none of that name");
    let all = points(&ledger).programmes(token()).await.expect("read");
    assert!(all.iter().any(|state| state.programme == season), "{all:?}");
}

/// And it has the rule of the one that did.
async fn of_two_writers_that_add_a_programme_one_does(fixture: Fixture) {
    let ledger = open(fixture).await;
    for round in 0..16 {
        let name = format!("season_{round}");
        let (one, other) = (named(&name, "1"), named(&name, "2"));
        let add = async |programme: &Programme| loop {
            match points(&ledger).add_programme(programme, &operator()).await {
                // A server may take back one of two writers that wait for each other.
                Err(error) if error.is_retryable() => {}
                added => return added.map_err(|error| error.kind()),
            }
        };
        let (added, refused) = match tokio::join!(add(&one), add(&other)) {
            (Ok(()), Err(refused)) => (one, refused),
            (Err(refused), Ok(())) => (other, refused),
            both => panic!("round {round}: {both:?}"),
        };
        assert_eq!(refused, StoreErrorKind::Conflict);
        let all = points(&ledger).programmes(token()).await.expect("read");
        let kept = all.iter().map(|state| &state.programme).filter(|kept| kept.id == added.id);
        assert_eq!(kept.collect::<Vec<_>>(), [&added]);
    }
}

/// A programme of the token by its name and rate.
fn named(name: &str, e: &str) -> Programme {
    let id = ProgrammeId::new(token(), name).expect("a name of a test");
    Programme { id, rates: RateSchedule::constant(rate(e)), ..two_shards() }
}

/// The future may change, the settled past may not.
async fn a_rate_change_in_the_settled_past_is_refused(fixture: Fixture) {
    let ledger = open(fixture).await;
    settle_both(&ledger, (0, 3_600)).await;
    let from = |seconds| {
        let step = Step { from: at(seconds), value: rate("0.1") };
        let rates = RateSchedule::new(rate("0.05"), vec![step]).expect("one step");
        Programme { rates, ..two_shards() }
    };
    let error = points(&ledger)
        .put_programme(&from(3_599), &operator())
        .await
        .expect_err("settled already");
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert_eq!(state(&ledger).await.programme, two_shards());
    points(&ledger).put_programme(&from(3_600), &operator()).await.expect("not settled yet");
    assert_eq!(state(&ledger).await.programme, from(3_600));
}

/// The batches of a settlement under way were computed by these rates.
async fn a_rate_change_under_a_settlement_is_refused(fixture: Fixture) {
    let ledger = open(fixture).await;
    let span = BatchSpan { after: None, through: Some(accounts_of(1)[0]) };
    let part = batch(&ledger, 1, span, (0, 7_200)).await;
    points(&ledger).commit_batch(&part).await.expect("commit");
    let step = Step { from: at(3_600), value: rate("0.1") };
    let changed = Programme {
        rates: RateSchedule::new(rate("0.05"), vec![step]).expect("one step"),
        ..two_shards()
    };
    let error = points(&ledger).put_programme(&changed, &operator()).await;
    let error = error.expect_err("being settled");
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
}

/// Settled rows would lose their meaning.
async fn windows_and_shards_of_a_programme_cannot_change(fixture: Fixture) {
    let ledger = open(fixture).await;
    let window = WindowLength::new(60).expect("a minute");
    let shards = ShardCount::new(4).expect("a power of two");
    for other in [Programme { window, ..two_shards() }, Programme { shards, ..two_shards() }] {
        let error = points(&ledger).put_programme(&other, &operator()).await.expect_err("fixed");
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
    }
    assert_eq!(state(&ledger).await.programme, two_shards());
}
