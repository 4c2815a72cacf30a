//! Whose turn it is to follow a chain.

use std::sync::Arc;

use pledge_core::error::StoreError;
use pledge_core::ports::{BalanceStore, ChainSource, LogStore};
use pledge_core::sharing::Stillness;
use pledge_core::types::{BlockNumber, BlockRef, ChainId};
use tokio::time::Instant;

use super::AssignmentWatch;
use super::ability::{Doing, Work};
use super::assignment::{LASTS, RENEW_INTERVAL};
use crate::backoff::Backoff;
use crate::stores::Stores;

/// Why an instance follows a chain now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The chain is assigned to this instance, until that changes.
    Own,
    /// The chain is assigned to another instance but makes no progress: until there is nothing to
    /// do.
    StandsStill,
}

/// Waits for an instance's turn to follow a chain.
#[derive(Debug)]
pub(super) struct Turns {
    chain: ChainId,
    part: AssignmentWatch,
    doing: Doing,
    store: Arc<dyn BalanceStore>,
    logs: Arc<dyn LogStore>,
    source: Arc<dyn ChainSource>,
    begun: Instant,
    stillness: Stillness<Standing>,
    probes: Backoff,
}

/// The state of a chain that its follower changes.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    head: Option<BlockNumber>,
    /// Of tokens, then of contracts.
    cursors: Vec<Option<BlockRef>>,
}

impl Turns {
    pub(super) fn new(
        chain: ChainId,
        part: AssignmentWatch,
        stores: &Stores,
        source: Arc<dyn ChainSource>,
    ) -> Self {
        Self {
            chain,
            doing: part.doing(Work::Follow(chain)),
            part,
            store: stores.balances.clone(),
            logs: stores.logs.clone(),
            source,
            begun: Instant::now(),
            stillness: Stillness::default(),
            probes: Backoff::from(LASTS),
        }
    }

    /// Waits until this instance is to follow the chain. Meanwhile an instance that failed tests
    /// whether it could follow it again; one that could checks that the chain advances elsewhere.
    pub(super) async fn next(&mut self) -> Turn {
        let mut probe_at = Instant::now() + self.probes.delay();
        loop {
            if self.part.follows(self.chain) {
                return Turn::Own;
            }
            if !self.doing.is_able(LASTS) {
                if Instant::now() >= probe_at {
                    self.probe().await;
                    probe_at = Instant::now() + self.probes.delay();
                }
            } else if self.stands_still().await {
                return Turn::StandsStill;
            }
            let assigned = self.part.until_follows(self.chain);
            // A timeout only means that it is time to check again.
            let _ = tokio::time::timeout(RENEW_INTERVAL, assigned).await;
        }
    }

    /// Called after following the chain: on success the next probes come soon again.
    pub(super) fn followed(&mut self) {
        if self.doing.is_able(LASTS) {
            self.probes.reset();
        }
    }

    async fn probe(&self) {
        let seen = self.standing().await.is_ok() && self.source.head().await.is_ok();
        if seen {
            self.doing.succeeded();
        }
    }

    /// Whether the chain has not moved for three leases. `false` if the store cannot be read.
    async fn stands_still(&mut self) -> bool {
        match self.standing().await {
            Ok(Some(standing)) => self.stillness.lasts(self.begun.elapsed(), standing, LASTS),
            Ok(None) | Err(_) => false,
        }
    }

    /// `None` while the chain needs an operator.
    async fn standing(&self) -> Result<Option<Standing>, StoreError> {
        let chain = self.store.chain(self.chain).await?;
        let Some(chain) = chain.filter(|state| !state.status.needs_operator()) else {
            return Ok(None);
        };
        let tokens = self.store.tokens(self.chain).await?;
        let contracts = self.logs.contracts(self.chain).await?;
        let of_tokens = tokens.into_iter().map(|token| token.cursor);
        let of_contracts = contracts.into_iter().map(|contract| contract.cursor);
        // With the head: it moves under a follower even while nothing new is confirmed.
        Ok(Some(Standing { head: chain.head, cursors: of_tokens.chain(of_contracts).collect() }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pledge_core::error::ChainError;
    use pledge_core::logs::{ContractSpec, Events};
    use pledge_core::ports::{ContractCommit, LogsCommit, NewBlocks};
    use pledge_core::sharing::{InstanceId, LEASE_LASTS_MAX, Lease};
    use pledge_core::types::ContractId;
    use pledge_storage_memory::{MemoryLeases, MemoryStore};
    use pledge_testing::mocks::MockChainSource;
    use pledge_testing::world::operator;
    use tokio::time::timeout;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::tasks::{Incidents, Sharing};
    use crate::test_chain::{TOKEN, TestChain, time};

    const THREE_LEASES: Duration = Duration::from_secs(27);

    /// The second of two instances, while the first has the chain on a lease that lasts for an
    /// hour.
    async fn second(stores: &Stores, source: impl ChainSource) -> Turns {
        let leases = Arc::new(MemoryLeases::default());
        let lease = |id| Lease::whole(InstanceId::new(id), [TOKEN.chain]);
        let held: Arc<dyn pledge_core::ports::Leases> = leases.clone();
        held.renew(&lease(1), LEASE_LASTS_MAX).await.unwrap();
        let (sharing, part) = Sharing::begin(held, lease(2), &Incidents::default()).await;
        tokio::spawn(sharing.keep(CancellationToken::new()));
        Turns::new(TOKEN.chain, part, stores, Arc::new(source))
    }

    #[tokio::test(start_paused = true)]
    async fn a_chain_that_nobody_moves_is_followed_after_three_leases_despite_a_lease() {
        let stores = Stores::of(MemoryStore::new());
        let test = TestChain::open(&stores).await;
        let mut turns = second(&stores, test.chain.clone()).await;
        for _ in 0..2 {
            let begun = Instant::now();
            assert_eq!(turns.next().await, Turn::StandsStill);
            let waited = begun.elapsed();
            assert!(
                (THREE_LEASES..THREE_LEASES + 2 * RENEW_INTERVAL).contains(&waited),
                "{waited:?}"
            );
            turns.followed();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_chain_that_another_moves_is_left_to_it() {
        let stores = Stores::of(MemoryStore::new());
        let mut test = TestChain::open(&stores).await;
        let mut turns = second(&stores, test.chain.clone()).await;
        let moves = async {
            for minute in 1..=60 {
                test.mine(minute * 60, None).await;
                tokio::time::sleep(Duration::from_secs(20)).await;
            }
        };
        tokio::select! {
            turn = turns.next() => panic!("{turn:?}"),
            () = moves => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_chain_of_which_another_moves_only_a_contract_is_left_to_it() {
        let stores = Stores::of(MemoryStore::new());
        let test = TestChain::open(&stores).await;
        let contract = ContractId::new(TOKEN.chain, "pool").unwrap();
        let (address, events) = (TOKEN.address, Events::all());
        let start_block = BlockNumber::new(1);
        let spec = ContractSpec { id: contract.clone(), address, events, start_block };
        stores.logs.register_contract(&spec).await.unwrap();
        let mut turns = second(&stores, test.chain.clone()).await;
        let moves = async {
            let mut base = None;
            for minute in 1..=20 {
                let block = test.chain.mine(time(minute * 60), &[]);
                let (first, tip, retain_from) = (block, block, block.number);
                let (chain, headers) = (TOKEN.chain, vec![block]);
                let blocks =
                    NewBlocks { chain, base, confirmed_by: None, first, tip, headers, retain_from };
                let part = ContractCommit { contract: contract.clone(), logs: Vec::new() };
                let commit = LogsCommit { blocks, contracts: vec![part] };
                stores.logs.commit_logs(&commit).await.unwrap();
                base = Some(block.id());
                tokio::time::sleep(Duration::from_secs(20)).await;
            }
        };
        tokio::select! {
            turn = turns.next() => panic!("{turn:?}"),
            () = moves => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_chain_that_a_person_paused_is_followed_by_nobody() {
        let stores = Stores::of(MemoryStore::new());
        let test = TestChain::open(&stores).await;
        stores.balances.pause_chain(TOKEN.chain, &operator()).await.unwrap();
        let mut turns = second(&stores, test.chain.clone()).await;
        assert!(timeout(THREE_LEASES * 4, turns.next()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_here_is_looked_at_less_and_less_often_and_offered_once_it_works() {
        let stores = Stores::of(MemoryStore::new());
        let test = TestChain::open(&stores).await;
        let head = test.chain.head();
        let mut source = MockChainSource::new();
        let away = || Err(ChainError::transient("read the head", "away"));
        source.expect_head().times(4).returning(away);
        source.expect_head().times(1).returning(move || Ok(head));
        let mut turns = second(&stores, source).await;
        turns.doing.failed();
        let begun = Instant::now();
        // Nobody moved the chain meanwhile either.
        assert_eq!(turns.next().await, Turn::StandsStill);
        assert!(turns.doing.is_able(LASTS));
        // 9, 18, and then 30 seconds apart.
        let looked = begun.elapsed().as_secs();
        assert!((117..=135).contains(&looked), "{looked}");
    }
}
