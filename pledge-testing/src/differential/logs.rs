//! Contracts and their logs, on the chain of the ledger.

use alloy_primitives::{Address, B256, Bytes};
use pledge_core::logs::{ConfirmedLog, ContractSpec, ContractState, Events};
use pledge_core::ports::{ContractCommit, LogsCommit, NewBlocks};
use pledge_core::types::{BlockNumber, BlockRef, ContractId, Log, LogIndex, Topics};

use super::ops::{Logged, LoggedBlock};
use super::{CHAIN, RETAINED, Twins, both, same};

/// Three names of one address: for every log, from later on, and for one event alone.
pub(super) fn specs() -> [ContractSpec; 3] {
    let spec = |name, events, start_block| ContractSpec {
        id: ContractId::new(CHAIN, name).expect("a valid step"),
        address: Address::repeat_byte(0xbb),
        events,
        start_block: BlockNumber::new(start_block),
    };
    let one = Events::only([event(1)]).expect("a valid step");
    [spec("all", Events::all(), 3), spec("late", Events::all(), 9), spec("one", one, 3)]
}

fn event(number: u8) -> B256 {
    B256::repeat_byte(number)
}

fn logs_of(
    spec: &ContractSpec,
    block: &BlockRef,
    logged: &[Logged],
    all: bool,
) -> Vec<ConfirmedLog> {
    let log = |(index, logged): (u64, &Logged)| {
        let topics: Vec<_> = (0..logged.topics).map(|place| event(logged.event + place)).collect();
        let log = Log {
            block: block.number,
            block_hash: block.hash,
            log_index: LogIndex::new(index),
            tx_hash: block.hash,
            address: spec.address,
            topics: Topics::new(&topics).expect("a valid step"),
            data: Bytes::from(vec![logged.event; logged.length]),
        };
        ConfirmedLog { log, time: block.time }
    };
    let logs = (0..).zip(logged).map(log);
    logs.filter(|kept| all || spec.selects(&kept.log)).collect()
}

impl Twins {
    pub(super) async fn register_contracts(&self) {
        for spec in specs() {
            both!(self, logs.register_contract(&spec)).expect("a valid step");
        }
    }

    pub(super) async fn contracts(&self) -> Vec<ContractState> {
        self.reference.logs.contracts(CHAIN).await.expect("a valid step")
    }

    /// Commits logs of a contract and of those at the same cursor, in blocks that are there or new.
    /// Where a log is none that a contract keeps it is left out, unless `all` are to be there.
    pub(super) async fn commit_logs(&mut self, of: usize, blocks: &[LoggedBlock], all: bool) {
        let states = self.contracts().await;
        let first = states[of].clone();
        let base = first.cursor.map(|cursor| cursor.id());
        let together: Vec<_> = states
            .into_iter()
            .filter(|state| state.cursor.map(|cursor| cursor.id()) == base)
            .filter(|state| state.next_block() <= first.next_block())
            .collect();
        let headers = self.blocks_from(first.next_block(), blocks.iter().map(|block| block.later));
        let Some((lowest, tip)) = headers.first().copied().zip(headers.last().copied()) else {
            return;
        };
        let part = |ContractState { spec, .. }: &ContractState| {
            let logged = headers.iter().zip(blocks);
            let logs = logged.flat_map(|(block, mined)| logs_of(spec, block, &mined.logs, all));
            ContractCommit { contract: spec.id.clone(), logs: logs.collect() }
        };
        let commit = LogsCommit {
            contracts: together.iter().map(part).collect(),
            blocks: NewBlocks {
                chain: CHAIN,
                base,
                confirmed_by: None,
                first: lowest,
                tip,
                retain_from: tip.number.down(RETAINED),
                headers,
            },
        };
        self.offer_logs(commit).await;
    }

    /// Blocks of the chain from a height on, then new ones; none if the chain does not reach there.
    fn blocks_from(&self, from: BlockNumber, later: impl Iterator<Item = u64>) -> Vec<BlockRef> {
        let mut blocks: Vec<BlockRef> = Vec::new();
        for (height, later) in (from.get()..).zip(later) {
            let known = self.chain.iter().find(|block| block.number.get() == height).copied();
            let parent = blocks.last().copied().unwrap_or_else(|| self.tip());
            let is_next = parent.number.next().get() == height;
            let block = known.or_else(|| is_next.then(|| self.child(&parent, later)));
            blocks.extend(block);
        }
        blocks
    }

    /// Takes the blocks of a write into the chain: one at a height that it has already takes the place of
    /// those from there on, unless it is the same.
    pub(super) fn extend(&mut self, blocks: &NewBlocks) {
        for header in &blocks.headers {
            let below = self.chain.partition_point(|block| block.number < header.number);
            if self.chain.get(below) != Some(header) {
                self.chain.truncate(below);
                self.chain.push(*header);
            }
        }
    }

    /// Offers a commit of logs, which is refused unless its contracts are at its base.
    pub(super) async fn offer_logs(&mut self, commit: LogsCommit) {
        if both!(self, logs.commit_logs(&commit)).is_ok() {
            self.extend(&commit.blocks);
        }
        self.last_logs = Some(commit);
    }
}
