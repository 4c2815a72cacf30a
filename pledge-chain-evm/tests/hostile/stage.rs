//! A chain of forty blocks, a node of it and a source over the node.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use pledge_chain_evm::{EvmChain, EvmConfig};
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ledger::erc20::{decode, transfers_of};
use pledge_core::ports::{ChainSource, HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::types::BlockNumber;
use pledge_testing::hostile_node::transfer;
use pledge_testing::world::CHAIN;
use pledge_testing::{HostileChain, HostileNode};

pub(crate) const TOKEN: Address = Address::repeat_byte(0x70);
pub(crate) const HEAD: u64 = 40;
/// A block with five transfers, as every fifth one from here on; the others have one or none.
pub(crate) const FULL: u64 = 5;

/// No test waits longer, whatever the bounds of the source are.
const SURELY: Duration = Duration::from_secs(60);

pub(crate) struct Stage {
    pub(crate) chain: HostileChain,
    pub(crate) node: HostileNode,
    pub(crate) evm: EvmChain,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With a config changed.
    pub(crate) async fn with(change: impl FnOnce(&mut EvmConfig)) -> Self {
        let chain = chain();
        let node = HostileNode::of(&chain).await;
        let evm = connect(&node, change).await.unwrap();
        Self { chain, node, evm }
    }

    pub(crate) async fn range(&self, from: u64, to: u64) -> Result<LogsAnswer, ChainError> {
        read(&self.evm, from, to, HeaderDetail::All).await
    }

    /// All of a range, in as many answers as it takes.
    pub(crate) async fn whole(&self, from: u64, to: u64) -> Result<LogsAnswer, ChainError> {
        let mut all = LogsAnswer::default();
        let mut next = from;
        while next <= to {
            let part = self.range(next, to).await?;
            next = part.last().unwrap().number.get() + 1;
            all.headers.extend(part.headers);
            all.logs.extend(part.logs);
        }
        Ok(all)
    }

    /// Asserts that a range is read, and that it is the truth.
    pub(crate) async fn expect_truth(&self, from: u64, to: u64) {
        self.expect_answer(&self.whole(from, to).await.unwrap(), from, to);
    }

    /// Asserts that answer are the truth of a range.
    pub(crate) fn expect_answer(&self, answer: &LogsAnswer, from: u64, to: u64) {
        assert_eq!(hashes(answer), self.true_hashes(from, to));
        assert_eq!(amounts(answer), self.true_amounts(from, to));
    }

    /// Asserts that a range is not read to its end, and why.
    pub(crate) async fn expect_error(&self, kind: ChainErrorKind, from: u64, to: u64) -> String {
        let error = self.whole(from, to).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        error.to_string()
    }

    fn true_hashes(&self, from: u64, to: u64) -> Vec<String> {
        (from..=to).map(|height| self.chain.block(height).hash.to_string()).collect()
    }

    fn true_amounts(&self, from: u64, to: u64) -> Vec<(u64, U256)> {
        let mut amounts = Vec::new();
        for height in from..=to {
            let block = self.chain.block(height);
            let logs = block.transactions.iter().flat_map(|transaction| &transaction.logs);
            amounts.extend(logs.map(|log| (height, U256::from_be_slice(&log.data.data))));
        }
        amounts
    }
}

fn hashes(answer: &LogsAnswer) -> Vec<String> {
    answer.headers.iter().map(|header| header.hash.to_string()).collect()
}

fn amounts(answer: &LogsAnswer) -> Vec<(u64, U256)> {
    let transfers = answer.logs.iter().map(|log| decode(log).unwrap().unwrap());
    transfers.map(|t| (t.block.get(), t.amount.get())).collect()
}

pub(crate) async fn read(
    evm: &EvmChain,
    from: u64,
    to: u64,
    detail: HeaderDetail,
) -> Result<LogsAnswer, ChainError> {
    let (from, to) = (BlockNumber::new(from), BlockNumber::new(to));
    let request = LogsRequest { from, to, filters: &[transfers_of(&[TOKEN])], detail };
    within(evm.logs(request)).await
}

/// What must end by itself.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SURELY, future).await.expect("the source keeps its bounds")
}

/// A source with waits that suit a test.
pub(crate) async fn connect(
    node: &HostileNode,
    change: impl FnOnce(&mut EvmConfig),
) -> Result<EvmChain, ChainError> {
    let mut config = EvmConfig {
        request_timeout: Duration::from_secs(10),
        retries_max: 2,
        retry_delay_min: Duration::from_millis(1),
        retry_delay_max: Duration::from_millis(5),
        answer_bytes_max: 1 << 20,
        ..EvmConfig::new(CHAIN, node.url().parse().unwrap())
    };
    change(&mut config);
    EvmChain::connect(config).await
}

/// Block `n` comes at second `12 n`.
fn chain() -> HostileChain {
    let chain = HostileChain::new(CHAIN.get(), 0);
    chain.deploy(TOKEN, "USDX", 6);
    for height in 1..=HEAD {
        mine(&chain, height, payments(height));
    }
    chain
}

/// Mines a block with `payments` transfers.
pub(crate) fn mine(chain: &HostileChain, height: u64, payments: u64) {
    let logs: Vec<_> = (0..payments).map(|index| payment(100 * height + index)).collect();
    chain.mine(12 * height, &logs);
}

const fn payments(height: u64) -> u64 {
    match height % FULL {
        0 => 5,
        remainder => remainder % 2,
    }
}

fn payment(amount: u64) -> alloy::primitives::Log {
    let [from, to] = [0xa1, 0xb0].map(Address::repeat_byte);
    transfer(TOKEN, from, to, U256::from(amount))
}
