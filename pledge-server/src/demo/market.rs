//! Two days of a busy token, with a fork across settled windows.

use std::collections::BTreeMap;

use anyhow::Context;
use pledge_core::event::{Event, EventSeq, ReorgRecord};
use pledge_core::ports::{BalanceStore, PointsStore};
use pledge_core::primitives::{U256, keccak256};
use pledge_core::simulation::ScriptedTransfer;
use pledge_core::types::{Account, Amount, ChainId, RateSchedule, Scale, Step, TokenId};

use super::at;
use super::player::{Player, Scene, account_of};
use super::story::{Earned, ForkStory, Leader, MarketStory};
use crate::progress::Progress;
use crate::stores::Stores;

const ACCOUNTS: usize = 50;
const HOURS: u64 = 48;
const BLOCKS_PER_HOUR: u64 = 12;
const BLOCK_MINUTES: u64 = 60 / BLOCKS_PER_HOUR;
const CONFIRMATIONS: u64 = 6;
/// The fork comes after this hour and drops so many blocks: more than two settled windows.
const FORK_HOUR: u64 = 30;
const FORK_BLOCKS: u64 = 33;
const LEADERS: usize = 3;
const EVENTS_PAGE: usize = 1_000;

/// Plays two days; after thirty hours the last blocks turn out to be those of a losing branch.
pub(super) async fn play(stores: &Stores, progress: &Progress) -> anyhow::Result<MarketStory> {
    let doubled = Step { from: at(24, 0, 0), value: "0.5".parse()? };
    let scene = Scene {
        chain: ChainId::new(31_338),
        name: "market",
        symbol: "USDP",
        decimals: 6,
        rates: RateSchedule::new("0.25".parse()?, vec![doubled])?,
        confirmations: CONFIRMATIONS,
        genesis: at(0, 0, 0),
    };
    let mut player = Player::open(scene, stores, progress).await?;
    let mut traders = Traders::new();
    let mut block = 1;
    let mut fork = None;
    let mut before_fork = traders.clone();
    while block <= HOURS * BLOCKS_PER_HOUR {
        if block == FORK_HOUR * BLOCKS_PER_HOUR - FORK_BLOCKS {
            before_fork = traders.clone();
        }
        let transfers = traders.act(&player);
        player.chain.mine(at(0, block * BLOCK_MINUTES, 0), &transfers);
        if block % BLOCKS_PER_HOUR == 0 {
            player.catch_up().await?;
        }
        if block == FORK_HOUR * BLOCKS_PER_HOUR && fork.is_none() {
            let ancestor = block - FORK_BLOCKS - 1;
            player.chain.fork_at(ancestor);
            traders = before_fork.on_another_branch();
            fork = Some(ancestor);
            block = ancestor;
            before_fork = traders.clone();
        }
        block += 1;
    }
    tell(&player, stores, &traders).await
}

/// Who holds what, and what they do next: arbitrary, and the same in every demo.
#[derive(Clone)]
struct Traders {
    balances: BTreeMap<Account, u64>,
    accounts: Vec<Account>,
    moves: u64,
    branch: u64,
}

impl Traders {
    fn new() -> Self {
        let names = (1..=ACCOUNTS).map(|number| account_of(&format!("trader {number}")));
        Self { balances: BTreeMap::new(), accounts: names.collect(), moves: 0, branch: 0 }
    }

    /// From the same balances, other moves.
    fn on_another_branch(&self) -> Self {
        Self { branch: self.branch + 1, ..self.clone() }
    }

    /// A number below `bound`, from the moves made so far.
    fn below(&mut self, bound: usize) -> usize {
        self.moves += 1;
        let hash = keccak256([self.moves.to_be_bytes(), self.branch.to_be_bytes()].concat());
        let number = U256::from_be_bytes(hash.0) % U256::from(bound.max(1));
        usize::try_from(number).expect("below a usize")
    }

    fn any(&mut self) -> Account {
        let index = self.below(self.accounts.len());
        self.accounts[index]
    }

    /// The transfers of one block: none, one or two.
    fn act(&mut self, player: &Player<'_>) -> Vec<ScriptedTransfer> {
        let count = self.below(3);
        (0..count).map(|_| self.one(player)).collect()
    }

    /// A mint, a burn or a transfer, of cents.
    fn one(&mut self, player: &Player<'_>) -> ScriptedTransfer {
        let (one, other) = (self.any(), self.any());
        let held = self.balances.get(&one).copied().unwrap_or_default();
        let part = |this: &mut Self, of: u64| {
            let bound = usize::try_from(of).unwrap_or(usize::MAX);
            u64::try_from(this.below(bound)).unwrap_or(of) + 1
        };
        let kind = self.below(10);
        if held == 0 || kind < 3 {
            let amount = part(self, 1_000_000);
            *self.balances.entry(one).or_default() += amount;
            return player.transfer(None, Some(one), cents(player, amount));
        }
        let amount = part(self, held);
        self.balances.insert(one, held - amount);
        if kind < 4 {
            return player.transfer(Some(one), None, cents(player, amount));
        }
        *self.balances.entry(other).or_default() += amount;
        player.transfer(Some(one), Some(other), cents(player, amount))
    }
}

fn cents(player: &Player<'_>, cents: u64) -> Amount {
    let unit = player.tokens(1).get() / U256::from(100);
    Amount::new(unit * U256::from(cents))
}

async fn tell(
    player: &Player<'_>,
    stores: &Stores,
    traders: &Traders,
) -> anyhow::Result<MarketStory> {
    let token = player.token;
    let state = stores.balances.token(token).await?;
    let state = state.context("the token was registered")?;
    let scale = Scale::of(state.spec.metadata.decimals);
    let programme = &player.programme.id;
    let standings = stores.points.standings(programme, None, LEADERS).await?;
    let programmes = stores.points.programmes(token).await?;
    let settled = programmes.first().and_then(|state| state.settled());
    let leaders = standings.value.into_iter().map(|standing| Leader {
        account: standing.account,
        earned: Earned::new(standing.raw, scale),
    });
    Ok(MarketStory {
        chain_id: token.chain.get(),
        token: token.address,
        hours: HOURS,
        blocks: player.chain.head().number.get(),
        transfers: player.chain.transfers().len(),
        accounts: traders.accounts.len(),
        holders: state.totals.holders,
        settled: settled.context("two days are settled")?.get(),
        fork: fork_story(stores, token).await?,
        leaders: leaders.collect(),
        audit: player.verify().await?,
    })
}

/// The fork as the store recorded it.
async fn fork_story(stores: &Stores, token: TokenId) -> anyhow::Result<ForkStory> {
    let mut after = EventSeq::START;
    loop {
        let events = stores.events.events(after, EVENTS_PAGE).await?;
        let last = events.last().context("the fork left no record")?;
        after = last.sequence;
        let records = events.iter().filter_map(|event| match &event.event {
            Event::Reorged(record) if record.chain == token.chain => Some(record),
            _ => None,
        });
        if let Some(story) = records.filter_map(story_of).next() {
            return Ok(story);
        }
    }
}

fn story_of(record: &ReorgRecord) -> Option<ForkStory> {
    let token = record.tokens.first()?;
    Some(ForkStory {
        from_block: token.from.number.get(),
        to_block: record.to.number.get(),
        changes_removed: token.changes_removed,
        statements_reversed: token.statements_reversed,
    })
}
