//! One account, one hour: the worked case.

use anyhow::Context;
use pledge_core::types::{ChainId, ProgrammeId, RateSchedule};

use super::at;
use super::player::{Player, Scene, account_of};
use super::story::{Earned, HourStory};
use crate::progress::Progress;
use crate::stores::Stores;

const CONFIRMATIONS: u64 = 2;
const BLOCK_SECONDS: u64 = 12;

/// 0 tokens at 15:00, 100 at 15:10, 200 at 15:30, rate 0.05, settled by the block of 16:00.
pub(super) async fn play(stores: &Stores, progress: &Progress) -> anyhow::Result<HourStory> {
    let scene = Scene {
        chain: ChainId::new(31_337),
        name: "hour",
        symbol: "PLG",
        decimals: 18,
        rates: RateSchedule::constant("0.05".parse()?),
        confirmations: CONFIRMATIONS,
        genesis: at(15, 0, 0),
    };
    let mut player = Player::open(scene, stores, progress).await?;
    let account = account_of("the account of the first hour");
    for minute in [10, 30] {
        let mint = player.transfer(None, Some(account), player.tokens(100));
        player.chain.mine(at(15, minute, 0), &[mint]);
    }
    player.chain.mine(at(16, 0, 0), &[]);
    // The window closes by a confirmed block, so the block of 16:00 needs its confirmations.
    for block in 1..=CONFIRMATIONS {
        player.chain.mine(at(16, 0, block * BLOCK_SECONDS), &[]);
    }
    player.catch_up().await?;
    let programme = ProgrammeId::main(player.token);
    let view = stores.queries().account(player.token, account, Some(&programme), None).await?;
    let points = view.points.context("the programme was registered")?;
    Ok(HourStory {
        chain_id: player.token.chain.get(),
        token: player.token.address,
        account,
        balance: view.balance,
        rate: player.programme.rates.at(view.at_time),
        window_start: at(15, 0, 0).get(),
        settled: points.settled.context("the block of 16:00 is confirmed")?.get(),
        earned: Earned::new(points.settled_raw, points.scale),
        audit: player.verify().await?,
    })
}
