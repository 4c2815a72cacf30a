//! The source against a real node: what it returns must equal what was done to the chain.

#![expect(clippy::unwrap_used, reason = "tests panic")]

use std::collections::BTreeMap;

use alloy::primitives::{Address, Bytes, U256};
use pledge_chain_evm::{EvmChain, EvmConfig};
use pledge_core::error::ChainErrorKind;
use pledge_core::ledger::Transfer;
use pledge_core::ledger::erc20::{decode, encode_number, transfers_of};
use pledge_core::ports::{ChainSource, ChainSourceExt, HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::types::{Account, Amount, BlockNumber, BlockRef, BlockSpan, Call, ChainId};
use pledge_examples::{Anvil, Played, Token, Traffic};

const CHAIN_ID: u64 = 31_337;

/// A node with a token on it, and a source that reads it.
struct World {
    anvil: Anvil,
    token: Token,
    source: EvmChain,
}

impl World {
    async fn new() -> Self {
        let anvil = Anvil::start(CHAIN_ID, &[]).await.unwrap();
        // The token's block is then neither the first nor the last.
        anvil.mine(20, 12).await.unwrap();
        let owner = anvil.accounts().await.unwrap()[0];
        let token = Token::deploy(anvil.provider(), owner, "Example Dollar", "USDX");
        let token = token.await.unwrap();
        let source = EvmChain::connect(config(&anvil)).await.unwrap();
        Self { anvil, token, source }
    }

    async fn play(&self, blocks: u64) -> Played {
        let traffic = Traffic { blocks, ..Traffic::default() };
        traffic.play(&self.anvil, &self.token).await.unwrap()
    }

    async fn logs(&self, from: u64, to: u64, detail: HeaderDetail) -> LogsAnswer {
        let tokens = [self.token.address()];
        let request = LogsRequest {
            from: BlockNumber::new(from),
            to: BlockNumber::new(to),
            filters: &[transfers_of(&tokens)],
            detail,
        };
        self.source.logs(request).await.unwrap()
    }

    async fn block(&self, number: u64) -> BlockRef {
        let number = BlockNumber::new(number);
        self.source.headers(BlockSpan::one(number)).await.unwrap()[0]
    }
}

fn config(anvil: &Anvil) -> EvmConfig {
    EvmConfig {
        retries_max: 1,
        ..EvmConfig::new(ChainId::new(CHAIN_ID), anvil.url().parse().unwrap())
    }
}

/// Balances by adding up the transfers, zero address left out.
fn added_up(transfers: &[Transfer]) -> BTreeMap<Address, U256> {
    let mut balances: BTreeMap<Address, U256> = BTreeMap::new();
    for transfer in transfers {
        if !transfer.from.is_zero() {
            *balances.entry(transfer.from).or_default() -= transfer.amount.get();
        }
        if !transfer.to.is_zero() {
            *balances.entry(transfer.to).or_default() += transfer.amount.get();
        }
    }
    balances
}

#[tokio::test]
async fn the_transfers_of_a_range_add_up_to_the_balances() {
    let world = World::new().await;
    let played = world.play(250).await;
    let answer = world.logs(0, played.last_block, HeaderDetail::Sparse).await;
    assert_eq!(answer.logs.len() as u64, played.transfers);
    let transfers: Vec<Transfer> =
        answer.logs.iter().map(|log| decode(log).unwrap().unwrap()).collect();
    let mut balances = added_up(&transfers);
    for account in played.balances.keys() {
        balances.entry(*account).or_default();
    }
    assert_eq!(balances, played.balances);
}

#[tokio::test]
async fn sparse_and_full_answers_have_the_same_logs() {
    let world = World::new().await;
    let played = world.play(30).await;
    let sparse = world.logs(3, played.last_block, HeaderDetail::Sparse).await;
    let all = world.logs(3, played.last_block, HeaderDetail::All).await;
    assert_eq!(sparse.logs, all.logs);
    assert_eq!(all.headers.len() as u64, played.last_block - 3 + 1);
    assert!(sparse.headers.len() < all.headers.len());
    assert!(sparse.headers.iter().all(|header| all.headers.contains(header)));
}

#[tokio::test]
async fn a_range_from_one_block_to_the_next_leaves_nothing_out() {
    let world = World::new().await;
    let played = world.play(12).await;
    let whole = world.logs(1, played.last_block, HeaderDetail::All).await;
    let mut pieces = LogsAnswer::default();
    for block in 1..=played.last_block {
        let piece = world.logs(block, block, HeaderDetail::All).await;
        pieces.headers.extend(piece.headers);
        pieces.logs.extend(piece.logs);
    }
    assert_eq!(pieces, whole);
}

#[tokio::test]
async fn balances_and_supply_are_those_of_the_block_asked() {
    let world = World::new().await;
    let early = world.play(10).await;
    let late = world.play(10).await;
    for played in [early, late] {
        let at = world.block(played.last_block).await.id();
        let token = world.token.address();
        let supply = world.source.total_supply(token, at).await.unwrap();
        assert_eq!(supply.get(), played.supply);
        let accounts: Vec<Account> =
            played.balances.keys().map(|account| Account::new(*account).unwrap()).collect();
        let balances = world.source.balances(token, &accounts, at).await.unwrap();
        let expected: Vec<Amount> = played.balances.values().copied().map(Amount::new).collect();
        assert_eq!(balances, expected);
    }
}

#[tokio::test]
async fn a_reorg_gives_new_hashes_and_takes_its_transfers_away() {
    let world = World::new().await;
    let played = world.play(10).await;
    let (from, to) = (played.first_block, played.last_block);
    let before = world.logs(from, to, HeaderDetail::All).await;
    world.anvil.reorg(3).await.unwrap();
    let after = world.logs(from, to, HeaderDetail::All).await;
    let kept = before.headers.len() - 3;
    assert_eq!(before.headers[..kept], after.headers[..kept]);
    for (old, new) in before.headers[kept..].iter().zip(&after.headers[kept..]) {
        assert_eq!(old.number, new.number);
        assert_ne!(old.hash, new.hash);
    }
    assert_eq!(after.logs.len(), kept * 20);
    assert_eq!(after.logs, before.logs[..kept * 20]);
}

#[tokio::test]
async fn state_at_a_replaced_block_is_block_gone() {
    let world = World::new().await;
    let played = world.play(5).await;
    let replaced = world.block(played.last_block).await.id();
    world.anvil.reorg(2).await.unwrap();
    let supply = world.source.total_supply(world.token.address(), replaced);
    assert_eq!(supply.await.unwrap_err().kind(), ChainErrorKind::BlockGone);
}

#[tokio::test]
async fn a_head_that_went_down_is_seen() {
    let world = World::new().await;
    world.anvil.mine(5, 1).await.unwrap();
    let high = world.source.head().await.unwrap();
    world.anvil.rollback(3).await.unwrap();
    let low = world.source.head().await.unwrap();
    assert_eq!(high.number.above(low.number), Some(3));
    let headers = world.source.headers(BlockSpan::new(low.number, high.number)).await;
    assert_eq!(headers.unwrap_err().kind(), ChainErrorKind::BlockGone);
}

#[tokio::test]
async fn the_finalized_block_is_below_the_head() {
    let world = World::new().await;
    world.anvil.mine(100, 12).await.unwrap();
    let head = world.source.head().await.unwrap();
    let finalized = world.source.finalized().await.unwrap().unwrap();
    assert_eq!(head.number.above(finalized.number), Some(64));
}

#[tokio::test]
async fn metadata_is_what_the_contract_returns() {
    let world = World::new().await;
    let metadata = world.source.token_metadata(world.token.address()).await.unwrap();
    assert_eq!((metadata.symbol.as_str(), metadata.decimals.get()), ("USDX", 18));
}

/// PUSH1 42, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN.
const RETURNS_42: &[u8] = &[0x60, 42, 0x60, 0, 0x52, 0x60, 32, 0x60, 0, 0xf3];

#[tokio::test]
async fn a_call_without_a_contract_runs_its_data() {
    let world = World::new().await;
    let at = world.source.head().await.unwrap().id();
    let run = Call::Contract { to: None, data: Bytes::from_static(RETURNS_42) };
    let owner = Call::Balance(world.token.owner());
    let outcomes = world.source.calls(&[run, owner], at).await.unwrap();
    assert_eq!(outcomes[0], Ok(encode_number(U256::from(42))));
    let balance = U256::from_be_slice(outcomes[1].as_ref().unwrap());
    assert!(balance > U256::ZERO, "it has paid for the deployment");
}

#[tokio::test]
async fn an_account_without_code_is_no_token() {
    let world = World::new().await;
    let error = world.source.token_metadata(world.token.owner()).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Persistent);
}

#[tokio::test]
async fn the_block_of_the_deployment_is_found() {
    let world = World::new().await;
    world.anvil.mine(50, 12).await.unwrap();
    let found = world.source.find_deployment_block(world.token.address()).await.unwrap();
    assert_eq!(found.get(), world.token.start_block());
}

#[tokio::test]
async fn another_chain_id_is_refused() {
    let anvil = Anvil::start(7, &[]).await.unwrap();
    let error = EvmChain::connect(config(&anvil)).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Persistent);
}

#[tokio::test]
async fn a_node_that_died_is_transient() {
    let world = World::new().await;
    drop(world.anvil);
    let error = world.source.head().await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
}
