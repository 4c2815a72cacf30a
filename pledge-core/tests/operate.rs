//! What an operator does, over a store in memory.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::engine::Ports;
use pledge_core::event::ReorgRecord;
use pledge_core::indexer::{ChainStatus, Indexer, IndexerConfig, RewindPlan};
use pledge_core::ledger::TokenStatus;
use pledge_core::operate::{self, NewProgramme, OperateError, Rewinder};
use pledge_core::ports::ChainSource;
use pledge_core::query::SettlementId;
use pledge_core::types::{
    BlockNumber, ChainId, ProgrammeId, Rate, RateSchedule, Step, TokenId, WindowLength,
};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_testing::Fixture;
use pledge_testing::world::{World, account, at, operator, operator_because, token, tokens};

const HOUR: u64 = 3_600;

fn unknown_chain() -> ChainId {
    ChainId::new(404)
}

fn unknown_token() -> TokenId {
    TokenId { chain: token().chain, address: Address::repeat_byte(4) }
}

/// A world whose one account earns, settled for an hour, with the ports of its store.
async fn settled() -> (World, Ports) {
    let fixture = Fixture::new(Arc::new(MemoryStore::new()), ());
    let ports = Ports {
        balances: fixture.balances.clone(),
        points: fixture.points.clone(),
        events: fixture.events.clone(),
        logs: fixture.logs.clone(),
        pending: Arc::new(MemoryPending::default()),
    };
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(200))]);
    world.confirm(HOUR);
    world.run().await;
    (world, ports)
}

/// What an operator found who takes whatever there is.
fn any<S>(_: &S) -> bool {
    true
}

async fn acts(world: &World) -> Vec<String> {
    let acts = world.fixture.all_acts().await.expect("a read");
    acts.iter().map(|record| record.act.action.to_string()).collect()
}

/// Goes back over the chain of a world.
#[derive(Debug)]
struct OverChain(Arc<dyn ChainSource>, Ports);

#[async_trait]
impl Rewinder for OverChain {
    async fn rewind(
        &self,
        plan: &RewindPlan,
        by: &Attribution,
    ) -> Result<ReorgRecord, OperateError> {
        let Ports { balances, pending, logs, .. } = self.1.clone();
        let config = IndexerConfig::default();
        let indexer = Indexer::new(plan.chain, self.0.clone(), balances, pending, config);
        let mut indexer = indexer.keeping_logs(logs);
        indexer.rewind_as_planned(plan, by).await.map_err(OperateError::Rewind)
    }
}

#[tokio::test]
async fn a_chain_is_paused_with_its_reason_and_resumed() {
    let (world, ports) = settled().await;
    let by = operator_because("moving the node");
    let paused = operate::pause_chain(&*ports.balances, token().chain, &by).await.unwrap();
    assert!(!paused.before.status.is_paused());
    assert_eq!(paused.after.status.reason(), Some("moving the node"));
    let resumed = operate::resume_chain(&*ports.balances, token().chain, any, &by).await.unwrap();
    assert_eq!(resumed.before, paused.after);
    assert_eq!(resumed.after.status.name(), "syncing");
    assert_eq!(acts(&world).await[1..], ["pause_chain", "resume_chain"]);
}

#[tokio::test]
async fn a_token_is_paused_and_resumed() {
    let (world, ports) = settled().await;
    let paused = operate::pause_token(&*ports.balances, token(), &operator()).await.unwrap();
    assert!(paused.before.is_active() && paused.after.status.is_paused());
    let resumed = operate::resume_token(&*ports.balances, token(), any, &operator()).await.unwrap();
    assert!(resumed.after.is_active());
    assert_eq!(acts(&world).await[1..], ["pause_token", "resume_token"]);
}

#[tokio::test]
async fn a_stop_that_is_not_the_one_that_was_found_is_not_resumed() {
    let (world, ports) = settled().await;
    let (balances, chain) = (&*ports.balances, token().chain);
    let found = operate::pause_chain(balances, chain, &operator_because("one")).await.unwrap();
    let of_token = operate::pause_token(balances, token(), &operator_because("one")).await.unwrap();
    operate::pause_chain(balances, chain, &operator_because("another")).await.unwrap();
    operate::pause_token(balances, token(), &operator_because("another")).await.unwrap();
    let known = acts(&world).await;
    let is_found = |status: &ChainStatus| *status == found.after.status;
    let refused = operate::resume_chain(balances, chain, is_found, &operator()).await;
    assert!(matches!(refused, Err(OperateError::OtherStop { .. })), "{refused:?}");
    let is_found = |status: &TokenStatus| *status == of_token.after.status;
    let refused = operate::resume_token(balances, token(), is_found, &operator()).await;
    assert!(matches!(refused, Err(OperateError::OtherStop { .. })), "{refused:?}");
    assert_eq!(acts(&world).await, known);
}

#[tokio::test]
async fn what_is_not_stopped_is_not_resumed_and_leaves_no_record() {
    let (world, ports) = settled().await;
    let chain = operate::resume_chain(&*ports.balances, token().chain, any, &operator()).await;
    assert!(matches!(chain, Err(OperateError::ChainNotStopped { .. })), "{chain:?}");
    let of_token = operate::resume_token(&*ports.balances, token(), any, &operator()).await;
    assert!(matches!(of_token, Err(OperateError::TokenNotStopped(_))), "{of_token:?}");
    assert_eq!(acts(&world).await, ["add_programme"]);
}

#[tokio::test]
async fn what_is_not_followed_is_named() {
    let (_world, ports) = settled().await;
    let balances = &*ports.balances;
    let chain = operate::pause_chain(balances, unknown_chain(), &operator()).await.unwrap_err();
    assert!(matches!(chain, OperateError::UnknownChain(named) if named == unknown_chain()));
    let named = operate::pause_token(balances, unknown_token(), &operator()).await.unwrap_err();
    assert!(matches!(named, OperateError::UnknownToken(named) if named == unknown_token()));
}

#[tokio::test]
async fn a_settlement_of_which_nothing_failed_is_not_tried_again() {
    let (_world, ports) = settled().await;
    let id = SettlementId { window_start: at(0), programme: ProgrammeId::main(token()) };
    let refused = operate::retry_settlement(&*ports.points, &id, &operator()).await;
    assert!(matches!(refused, Err(OperateError::NothingFailed(named)) if named == id));
}

#[tokio::test]
async fn a_programme_is_added_once() {
    let (_world, ports) = settled().await;
    let new = || NewProgramme {
        id: ProgrammeId::new(token(), "season_2").unwrap(),
        rates: RateSchedule::constant("1".parse().unwrap()),
        window: WindowLength::HOUR,
    };
    let added = operate::add_programme(&ports, new(), &operator()).await.unwrap();
    assert_eq!(added.programme.id, new().id);
    let again = operate::add_programme(&ports, new(), &operator()).await;
    assert!(matches!(again, Err(OperateError::ProgrammeExists(_))), "{again:?}");
}

#[tokio::test]
async fn rates_change_after_what_is_settled_and_not_before() {
    let (_world, ports) = settled().await;
    let main = ProgrammeId::main(token());
    let rate = |text: &str| text.parse::<Rate>().unwrap();
    let stepping = |seconds| {
        let step = Step { from: at(seconds), value: rate("0.1") };
        RateSchedule::new(rate("0.05"), vec![step]).unwrap()
    };
    let early = operate::change_rates(&ports, &main, stepping(HOUR - 1), &operator()).await;
    let Err(OperateError::RateSettled { settled, .. }) = early else { panic!("{early:?}") };
    assert_eq!(settled, at(HOUR));
    let changed = operate::change_rates(&ports, &main, stepping(HOUR), &operator()).await.unwrap();
    assert_eq!(changed.after.programme.rates, stepping(HOUR));
    assert_eq!(changed.before.programme.window, changed.after.programme.window);
}

#[tokio::test]
async fn a_rewind_is_planned_without_a_write_and_done_as_planned() {
    let (mut world, ports) = settled().await;
    let chain = token().chain;
    operate::pause_chain(&*ports.balances, chain, &operator()).await.unwrap();
    let genesis = BlockNumber::new(0);
    let plan = operate::plan_rewind(&ports, chain, genesis).await.unwrap();
    assert_eq!(plan.tokens.iter().map(|one| one.token).collect::<Vec<_>>(), [token()]);
    assert_eq!(world.cursor().await, Some(plan.tokens[0].from));
    let over = OverChain(Arc::new(world.chain.clone()), ports.clone());
    let by = operator_because("a deep fork");
    let of = (chain, genesis);
    let record = operate::rewind_as_planned(&ports, &over, of, plan.digest(), &by).await.unwrap();
    assert_eq!(record.to.number, genesis);
    assert!(acts(&world).await.contains(&"rewind_chain".to_owned()));
    operate::resume_chain(&*ports.balances, chain, any, &operator()).await.unwrap();
    world.index().await;
    assert_eq!(world.cursor().await, Some(plan.tokens[0].from), "it is indexed again");
    assert_eq!(
        world.queries.account(token(), account(1), None, None).await.unwrap().balance,
        tokens(200)
    );
}

#[tokio::test]
async fn a_rewind_is_refused_once_something_else_would_be_taken_back() {
    let (mut world, ports) = settled().await;
    let (chain, to) = (token().chain, BlockNumber::new(0));
    operate::pause_chain(&*ports.balances, chain, &operator()).await.unwrap();
    let plan = operate::plan_rewind(&ports, chain, to).await.unwrap();
    operate::resume_chain(&*ports.balances, chain, any, &operator()).await.unwrap();
    world.confirm_later(60);
    world.index().await;
    operate::pause_chain(&*ports.balances, chain, &operator()).await.unwrap();
    let over = OverChain(Arc::new(world.chain.clone()), ports.clone());
    let before = (world.cursor().await, acts(&world).await);
    let of = (chain, to);
    let moved = operate::rewind_as_planned(&ports, &over, of, plan.digest(), &operator()).await;
    assert!(matches!(moved, Err(OperateError::PlanMoved)), "{moved:?}");
    // Also where the ledger moves after the plan was compared.
    let late = over.rewind(&plan, &operator()).await.unwrap_err();
    assert!(matches!(late, OperateError::Rewind(_)), "{late:?}");
    assert_eq!((world.cursor().await, acts(&world).await), before);
}

#[tokio::test]
async fn only_a_stopped_chain_is_planned_and_only_what_is_above_the_block() {
    let (world, ports) = settled().await;
    let chain = token().chain;
    let followed = operate::plan_rewind(&ports, chain, BlockNumber::new(0)).await.unwrap_err();
    assert!(matches!(followed, OperateError::ChainFollowed { .. }), "{followed:?}");
    operate::pause_chain(&*ports.balances, chain, &operator()).await.unwrap();
    let newest = world.cursor().await.unwrap().number;
    let above = operate::plan_rewind(&ports, chain, newest).await.unwrap_err();
    let OperateError::NothingAbove { newest: named, .. } = above else { panic!("{above:?}") };
    assert_eq!(named, Some(newest));
}

#[tokio::test]
async fn plans_that_take_back_something_else_have_other_digests() {
    let (_world, ports) = settled().await;
    let chain = token().chain;
    operate::pause_chain(&*ports.balances, chain, &operator()).await.unwrap();
    let plan = async |to| operate::plan_rewind(&ports, chain, BlockNumber::new(to)).await.unwrap();
    let (zero, one) = (plan(0).await, plan(1).await);
    assert_ne!(zero.digest(), one.digest());
    assert_eq!(zero.digest(), plan(0).await.digest());
    assert_ne!(zero.digest(), B256::ZERO);
}
