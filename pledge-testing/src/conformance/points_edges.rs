//! Laws of [`PointsStore`](pledge_core::ports::PointsStore) about extreme values.

use pledge_core::points::{Programme, Settler, SettlerConfig};
use pledge_core::primitives::U256;
use pledge_core::stop::Stop;
use pledge_core::types::{
    Amount, ProgrammeId, Rate, RateSchedule, RawPoints, ShardCount, Timestamp, WindowLength,
};

use super::edges::since_the_first_instant;
use crate::Fixture;
use crate::world::{account, operator, token};

laws! {
    __points_edges of points_edges(Fixture):
    the_points_of_all_time_round_trip
}

/// The largest balance at the largest rate for all of time: no raw points are larger.
async fn the_points_of_all_time_round_trip(fixture: Fixture) {
    let ledger = since_the_first_instant(fixture).await;
    ledger.commit_to(5).await.expect("commit");
    let largest = Rate::from_e18((1 << 96) - 1).expect("the largest rate");
    let window = WindowLength::new(366 * 86_400).expect("the longest");
    let shards = ShardCount::new(1).expect("a power of two");
    let rates = RateSchedule::constant(largest);
    let programme = Programme { window, shards, rates, ..Programme::main(token(), largest) };
    let (balances, points) = (ledger.fixture.balances.clone(), ledger.fixture.points.clone());
    points.put_programme(&programme, &operator()).await.expect("put");
    let config = SettlerConfig { windows_max: u32::MAX, ..SettlerConfig::default() };
    let settler = Settler::new(balances, points.clone(), config);
    settler.run(token(), &Stop::never(), |_| {}).await.expect("settles");
    let seconds = window.floor(Timestamp::MAX).get();
    let factor = U256::from(largest.e18()) * U256::from(10_000) * U256::from(seconds);
    let expected = RawPoints::of_constant(Amount::MAX, factor);
    let id = ProgrammeId::main(token());
    let totals = points.totals(&id, &[account(1)]).await.expect("read").value;
    assert_eq!(totals[0].map(|total| total.raw), Some(expected));
    let standings = points.standings(&id, None, 2).await.expect("read").value;
    assert_eq!(standings.len(), 1);
    assert_eq!(standings[0].raw, expected);
}
