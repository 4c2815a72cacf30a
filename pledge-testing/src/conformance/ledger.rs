//! Writes ledger messages by hand, for laws about single writes.

use pledge_core::error::StoreError;
use pledge_core::event::{ReorgRecord, RewindCause};
use pledge_core::ledger::{AccountStates, Transfer, fold};
use pledge_core::ports::{BalanceStore, LedgerCommit, NewBlocks, Rewind, TokenCommit};
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{Account, Amount, BlockNumber, BlockRef, Timestamp, TokenId};

use crate::Fixture;
use crate::digest::{Digest, digest};
use crate::world::{CHAIN, THREE_PM, account, at, operator_because, spec, token};

/// A store with one chain and one token, and the chain's blocks.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub fixture: Fixture,
    pub chain: ScriptedChain,
}

impl Ledger {
    /// A registered token without commits.
    pub async fn open(fixture: Fixture) -> Self {
        let genesis = Timestamp::new(THREE_PM - 10).expect("in range");
        let chain = ScriptedChain::new(CHAIN, genesis);
        fixture.balances.register_chain(CHAIN, "test").await.expect("register a chain");
        fixture.balances.register_token(&spec(token())).await.expect("register a token");
        Self { fixture, chain }
    }

    /// With five blocks of mints, transfers, one of them netted, and a burn among accounts 1 to 4,
    /// all committed.
    pub async fn with_blocks(fixture: Fixture) -> Self {
        let ledger = Self::open(fixture).await;
        ledger.mine(0, &[(0, 1, 1_000), (0, 2, 500)]);
        ledger.mine(600, &[(1, 3, 250), (3, 3, 100)]);
        ledger.mine(600, &[(4, 4, 7), (3, 1, 50)]);
        ledger.mine(4_000, &[(1, 0, 300), (2, 3, 500)]);
        ledger.mine(8_000, &[(3, 2, 700)]);
        for height in 1..=5 {
            ledger.commit_to(height).await.expect("a commit on the cursor");
        }
        ledger
    }

    pub fn store(&self) -> &dyn BalanceStore {
        &self.fixture.balances
    }

    /// Mines a block `seconds` after 15:00; account 0 is the zero address.
    pub fn mine(&self, seconds: u64, transfers: &[(u64, u64, u64)]) -> BlockRef {
        let wide: Vec<_> = transfers
            .iter()
            .map(|(from, to, amount)| (*from, *to, Amount::from(*amount)))
            .collect();
        self.mine_amounts(seconds, token(), &wide)
    }

    /// Mines a block with transfers of any token and amount.
    pub fn mine_amounts(
        &self,
        seconds: u64,
        token: TokenId,
        transfers: &[(u64, u64, Amount)],
    ) -> BlockRef {
        let address = |number: u64| match number {
            0 => alloy_primitives::Address::ZERO,
            number => account(number).address(),
        };
        let scripted: Vec<_> = transfers
            .iter()
            .map(|(from, to, amount)| ScriptedTransfer {
                token: token.address,
                from: address(*from),
                to: address(*to),
                amount: *amount,
            })
            .collect();
        self.chain.mine(at(seconds), &scripted)
    }

    /// The message that brings tokens from their common cursor to a height.
    pub async fn message(&self, tokens: &[TokenId], height: u64) -> LedgerCommit {
        let first = self.store().token(tokens[0]).await.expect("read a token");
        let first = first.expect("the token is registered");
        let from = first.next_block();
        let mut parts = Vec::new();
        for token in tokens {
            parts.push(self.part(*token, from, BlockNumber::new(height)).await);
        }
        let block = |number| self.chain.block(number).expect("the block was mined");
        LedgerCommit {
            blocks: NewBlocks {
                chain: CHAIN,
                base: first.cursor.map(|cursor| cursor.id()),
                confirmed_by: None,
                first: block(from.get()),
                tip: block(height),
                headers: (from.get()..=height).map(block).collect(),
                retain_from: BlockNumber::new(0),
            },
            tokens: parts,
        }
    }

    async fn part(&self, token: TokenId, from: BlockNumber, to: BlockNumber) -> TokenCommit {
        let state = self.store().token(token).await.expect("read a token").expect("registered");
        let all = self.chain.transfers();
        let inside = |(block, transfer): &&(BlockRef, Transfer)| {
            transfer.token == token.address && (from..=to).contains(&block.number)
        };
        let transfers: Vec<_> = all.iter().filter(inside).map(|(_, t)| t.clone()).collect();
        let accounts: Vec<_> =
            transfers.iter().flat_map(|t| [t.from, t.to]).filter_map(Account::new).collect();
        let seen = self.store().states(token, &accounts).await.expect("read balances");
        let known = accounts.into_iter().zip(seen.value);
        let mut states: AccountStates = known.filter_map(|(a, state)| Some((a, state?))).collect();
        let time_of = |transfer: &Transfer| {
            self.chain.block(transfer.block.get()).expect("its block was mined").time
        };
        let folded = fold(state.totals, &mut states, &transfers, time_of);
        let folded = folded.expect("the script overdraws nobody");
        TokenCommit {
            token,
            changes: folded.changes,
            unreadable_logs: Vec::new(),
            totals: folded.totals,
        }
    }

    /// Commits the blocks up to a height for the one token.
    pub async fn commit_to(&self, height: u64) -> Result<(), StoreError> {
        self.store().commit(&self.message(&[token()], height).await).await
    }

    /// Rewinds the one token to the canonical block at a height.
    pub async fn rewind_to(&self, to: BlockRef) -> Result<ReorgRecord, StoreError> {
        let cursor = self.cursor().await.expect("there is a ledger to rewind");
        self.store()
            .rewind(&Rewind {
                chain: CHAIN,
                to,
                tokens: vec![(token(), cursor.id())],
                contracts: Vec::new(),
                cause: RewindCause::Reorg,
            })
            .await
    }

    /// The same without the proof of a held header.
    pub async fn rewind_by_operator(&self, to: BlockRef) -> Result<ReorgRecord, StoreError> {
        let cursor = self.cursor().await.expect("there is a ledger to rewind");
        let tokens = vec![(token(), cursor.id())];
        let cause = RewindCause::Operator { by: operator_because("a law") };
        self.store()
            .rewind(&Rewind { chain: CHAIN, to, tokens, contracts: Vec::new(), cause })
            .await
    }

    pub async fn cursor(&self) -> Option<BlockRef> {
        self.store().token(token()).await.expect("read a token").expect("registered").cursor
    }

    /// All that the store holds of the token.
    pub async fn digest(&self) -> Digest {
        let (balances, points) = (&self.fixture.balances, &self.fixture.points);
        digest(balances, points, token()).await.expect("the store can be read")
    }
}
