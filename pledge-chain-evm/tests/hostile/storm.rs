//! A chain that grows and forks under a node that does whatever a seed draws; then calm.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use fastrand::Rng;
use pledge_chain_evm::LogProof;
use pledge_testing::hostile_node::{
    Envelope, Failing, Fault, Hint, LIMIT_TEXTS, Lie, Limit, Measure, Outlook, Refusal, Struck,
    Switch, SwitchId, Wire,
};
use serde_json::json;

use crate::follower::{Follower, WINDOW, address};

const SEEDS: u64 = 24;
const ROUNDS: u64 = 40;
const CONFIRMATIONS: u64 = 3;
const ACCOUNTS: u64 = 6;

const LOGS: &[&str] = &["eth_getLogs"];
const BLOCKS: &[&str] = &["eth_getBlockByNumber"];
const RECEIPTS: &[&str] = &["eth_getBlockReceipts", "eth_getTransactionReceipt"];

/// A storm, and the faults that it met.
struct Storm {
    rng: Rng,
    follower: Follower,
    /// No fork goes below it: these headers may have been forgotten.
    lowest: u64,
    set: Vec<(usize, SwitchId)>,
    met: BTreeSet<usize>,
}

/// Every fault of the storm, in an order that does not change, and whether an answer takes its time.
fn switches(follower: &Follower, rng: &mut Rng) -> Vec<(Switch, bool)> {
    let mut switches: Vec<(Switch, bool)> = faults(follower, rng)
        .into_iter()
        .map(|(fault, names)| {
            let is_slow = matches!(fault, Fault::Wire(Wire::Silence | Wire::Drip(_)));
            (Switch::of(fault).only(names), is_slow)
        })
        .collect();
    for failing in Failing::ALL {
        for struck in [Struck::Request, Struck::Call] {
            let switch = failing.switch(struck, rng.u32(10..=60), rng.u64(..));
            switches.push((switch, failing == Failing::Silence));
        }
    }
    switches
}

fn faults(follower: &Follower, rng: &mut Rng) -> Vec<(Fault, &'static [&'static str])> {
    let head = follower.chain.head().number();
    let limit = |measure, max, rng: &mut Rng| {
        let text = LIMIT_TEXTS[rng.usize(..LIMIT_TEXTS.len())];
        let hints = [Hint::Right, Hint::Inverted, Hint::Exclusive, Hint::Elsewhere, Hint::Same];
        let hint = hints[rng.usize(..hints.len())];
        Fault::from(Refusal::Limit(Limit { measure, max, text, hint }))
    };
    let mut faults: Vec<(Fault, &'static [&'static str])> = vec![
        (limit(Measure::Blocks, 3, rng), LOGS),
        (limit(Measure::Logs, 4, rng), LOGS),
        (Refusal::error(-32_000, "header not found").into(), LOGS),
        (Refusal::error(-32_603, "internal error").into(), &[]),
        (Refusal::error(-32_005, "rate limit reached").into(), &[]),
        (Outlook::Behind(rng.u64(1..6).min(head)).into(), &["latest"]),
        (Outlook::Behind(rng.u64(1..6).min(head)).into(), &[]),
        (Outlook::Behind(rng.u64(1..6).min(head)).into(), BLOCKS),
        (Outlook::Behind(rng.u64(1..6).min(head)).into(), LOGS),
    ];
    let lies = [
        Lie::Unsorted,
        Lie::Twice,
        Lie::SharedIndex,
        Lie::Field("blockHash", json!(B256::repeat_byte(7))),
        Lie::Field("removed", json!(true)),
        Lie::NoField("blockHash"),
        Lie::Field("blockNumber", json!("0xffff")),
    ];
    faults.extend(lies.into_iter().map(|lie| (Fault::from(lie), LOGS)));
    faults.push((Lie::NULL.into(), BLOCKS));
    let omissions = [Lie::NoLogs, Lie::OneLogLess, Lie::AtMost(0), Lie::NULL];
    faults.extend(omissions.into_iter().map(|lie| (Fault::from(lie), RECEIPTS)));
    let envelopes = [
        Envelope::WrongIds,
        Envelope::SameIds,
        Envelope::Reordered,
        Envelope::Short,
        Envelope::NoResult,
        Envelope::BatchMax(3),
        Envelope::OneError(-32_603, "internal error".to_owned()),
    ];
    faults.extend(envelopes.into_iter().map(|envelope| (Fault::from(envelope), &[][..])));
    let wires = [
        Wire::status(429, ""),
        Wire::status(502, "<html>"),
        Wire::status(413, "too large"),
        Wire::Half,
        Wire::Cut,
        Wire::Nested(1_000),
        Wire::Endless,
        Wire::Silence,
        Wire::Drip(Duration::from_millis(20)),
    ];
    faults.extend(wires.into_iter().map(|wire| (Fault::from(wire), &[][..])));
    faults
}

impl Storm {
    async fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let verify = if rng.bool() { LogProof::Bloom } else { LogProof::Receipts };
        let follower = Follower::impatient(CONFIRMATIONS, verify).await;
        follower.mine(12, &[(0, 1, 1_000_000)]);
        Self { rng, follower, lowest: 1, set: Vec::new(), met: BTreeSet::new() }
    }

    /// A block of transfers that everybody can pay.
    fn mine(&mut self) {
        let mut held = self.follower.held();
        let mut moves = Vec::new();
        for _ in 0..self.rng.u64(0..5) {
            let (from, to) = (self.rng.u64(0..=ACCOUNTS), self.rng.u64(0..=ACCOUNTS));
            let most = held.get(&address(from)).map_or(0, |held| held.to::<u64>());
            let amount =
                if from == 0 { self.rng.u64(0..1_000) } else { self.rng.u64(0..=most / 2) };
            if from != 0 {
                *held.entry(address(from)).or_default() -= alloy::primitives::U256::from(amount);
            }
            if to != 0 {
                *held.entry(address(to)).or_default() += alloy::primitives::U256::from(amount);
            }
            moves.push((from, to, amount));
        }
        self.follower.mine(self.rng.u64(0..900), &moves);
    }

    fn fork(&mut self) {
        let deepest = self.follower.chain.head().number().saturating_sub(self.lowest);
        let depth = if self.rng.bool() { deepest } else { deepest.min(CONFIRMATIONS) };
        let depth = self.rng.u64(0..=depth);
        self.follower.drop_blocks(depth);
        for _ in 0..self.rng.u64(1..=depth + 1) {
            self.mine();
        }
    }

    fn switch(&mut self) {
        if self.set.len() > 2 || (!self.set.is_empty() && self.rng.bool()) {
            let (_, id) = self.set.swap_remove(self.rng.usize(..self.set.len()));
            self.follower.node.off(id);
        }
        let mut switches = switches(&self.follower, &mut self.rng);
        let kind = self.rng.usize(..switches.len());
        let (switch, is_slow) = switches.swap_remove(kind);
        let times = if is_slow { 1 } else { self.rng.u64(1..12) };
        let id = self.follower.node.on(switch.times(times));
        self.set.push((kind, id));
    }

    async fn round(&mut self) {
        for _ in 0..self.rng.u64(0..3) {
            self.mine();
        }
        if self.rng.u64(0..7) == 0 {
            self.fork();
        }
        if self.rng.bool() {
            self.switch();
        }
        let head = self.follower.chain.head().number();
        self.lowest = self.lowest.max(head.saturating_sub(WINDOW - 1));
        for _ in 0..self.rng.u64(1..4) {
            self.follower.poll().await;
        }
        let met = self.set.iter().filter(|(_, id)| self.follower.node.met(*id) > 0);
        self.met.extend(met.map(|(kind, _)| *kind));
    }

    async fn calm(&mut self) {
        self.follower.node.calm();
        self.follower.mine_empty(CONFIRMATIONS + 1);
        self.follower.expect_truth().await;
    }
}

/// Whatever a node does, and whatever the chain does meanwhile: what is in the ledger in the end is what
/// one pass over the chain gives. `PLEDGE_SEED` replays one storm.
#[tokio::test]
async fn after_any_storm_the_ledger_is_that_of_one_clean_pass() {
    let replayed = std::env::var("PLEDGE_SEED").ok();
    let seeds: Vec<u64> = match &replayed {
        Some(text) => vec![text.parse().expect("PLEDGE_SEED is a number that a failure printed")],
        None => (0..SEEDS).map(|number| RandomState::new().hash_one(number)).collect(),
    };
    let began = Instant::now();
    let mut met = BTreeSet::new();
    for seed in &seeds {
        println!("replay with PLEDGE_SEED={seed}");
        let mut storm = Storm::new(*seed).await;
        for _ in 0..ROUNDS {
            storm.round().await;
        }
        storm.calm().await;
        met.extend(storm.met);
    }
    println!("{} storms in {:?}, faults met: {met:?}", seeds.len(), began.elapsed());
    if replayed.is_none() {
        let all = switches(&Follower::new(CONFIRMATIONS).await, &mut Rng::with_seed(0)).len();
        assert!(5 * met.len() > 4 * all, "only {} of {all} faults were met", met.len());
    }
}
