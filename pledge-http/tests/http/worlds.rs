//! The worlds that several tests ask.

use pledge_core::primitives::{Address, address};
use pledge_core::types::{Amount, TokenId};

use crate::support::{ALICE, BOB, World, mint, time, transfer, whole};

pub(crate) const TOKEN: Address = address!("0x70ce000000000000000000000000000000000001");
pub(crate) const OTHER_TOKEN: Address = address!("0x70ce000000000000000000000000000000000002");

/// 2026-01-05T15:00:00Z, a full hour.
pub(crate) const THREE_PM: u64 = 1_767_625_200;
pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 3_600;

/// The first worked case: 0 tokens at 15:00, 100 at 15:10, 200 at 15:30, rate 0.05; confirmed up to
/// 16:00 and not settled.
pub(crate) async fn seed() -> (World, TokenId) {
    let mut world = World::in_memory();
    let chain = world.chain(1, THREE_PM).await;
    let token = world.earning(1, TOKEN, 18, "0.05").await;
    for minutes in [10, 30] {
        let at = time(THREE_PM + minutes * MINUTE);
        chain.mine(at, &[mint(token, ALICE, whole(100))]);
    }
    chain.mine(time(THREE_PM + HOUR), &[]);
    world.confirm().await;
    (world, token)
}

/// Fifteen accounts over three settled hours and a part of the fourth: equal balances, transfers to
/// oneself, zero amounts, several changes in one block.
pub(crate) async fn busy() -> (World, TokenId) {
    let mut world = World::in_memory();
    let chain = world.chain(1, THREE_PM).await;
    let token = world.earning(1, TOKEN, 18, "0.05").await;
    for index in 0..20_u64 {
        let at = time(THREE_PM + (index + 1) * 7 * MINUTE);
        let amount = whole(index % 4);
        let account = holder(index);
        let transfers = [
            mint(token, account, amount),
            mint(token, ALICE, whole(5)),
            transfer(token, ALICE, BOB, Amount::from(index)),
            transfer(token, BOB, BOB, Amount::from(index)),
        ];
        chain.mine(at, &transfers);
    }
    chain.mine(time(THREE_PM + 3 * HOUR + 40 * MINUTE), &[]);
    world.confirm().await;
    world.settle(token).await;
    (world, token)
}

/// Spreads over the shards.
pub(crate) fn holder(index: u64) -> Address {
    let byte = u8::try_from(index * 13 + 1).expect("below 256");
    Address::repeat_byte(byte)
}

/// Alice on one token more than an answer about her has, and Bob on one less than Alice.
pub(crate) async fn crowded() -> World {
    let mut world = World::in_memory();
    let chain = world.chain(1, THREE_PM).await;
    let mut mints = Vec::new();
    for number in 1..=1_001_u64 {
        let address = Address::left_padding_from(&number.to_be_bytes());
        let token = world.token(1, address, 18).await;
        mints.push(mint(token, ALICE, whole(1)));
        mints.extend((number > 1).then(|| mint(token, BOB, whole(1))));
    }
    chain.mine(time(THREE_PM), &mints);
    world.confirm().await;
    world
}
