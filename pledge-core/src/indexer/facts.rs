//! What is wanted of a range of blocks, and what is read in a verified answer.

use alloy_primitives::{Address, B256};

use crate::ledger::{Transfer, UnreadableLog, erc20};
use crate::logs::ContractSpec;
use crate::ports::{LogsAnswer, header_of};
use crate::types::{BlockNumber, BlockRef, ContractId, Log, LogFilter};

/// The logs that a group needs of each block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Tokens whose transfers are wanted, ascending.
    pub(super) tokens: Vec<Address>,
    /// Contracts whose logs are wanted: two may have one address.
    names: Vec<ContractId>,
    /// Their logs, those of the same events together.
    contracts: Vec<Selection>,
}

impl Wanted {
    /// The transfers of these tokens, ascending, and the logs of these contracts.
    pub(super) fn new<'a>(
        tokens: Vec<Address>,
        contracts: impl IntoIterator<Item = &'a ContractSpec>,
    ) -> Self {
        let (mut selections, mut names) = (Vec::<Selection>::new(), Vec::new());
        for ContractSpec { id, address, events, .. } in contracts {
            names.push(id.clone());
            let topic0s = events.topic0s();
            let same = |one: &&mut Selection| one.topic0s.as_deref() == topic0s;
            match selections.iter_mut().find(same) {
                Some(one) => one.add(*address),
                None => selections.push(Selection::new(*address, topic0s)),
            }
        }
        Self { tokens, names, contracts: selections }
    }

    /// The transfers of these tokens alone.
    pub(super) fn transfers_of(tokens: Vec<Address>) -> Self {
        Self { tokens, ..Self::default() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.contracts.is_empty()
    }

    /// As filters of a request.
    pub(super) fn filters(&self) -> Vec<LogFilter<'_>> {
        let transfers = (!self.tokens.is_empty()).then(|| erc20::transfers_of(&self.tokens));
        transfers.into_iter().chain(self.contracts.iter().map(Selection::filter)).collect()
    }

    fn has_token(&self, address: &Address) -> bool {
        // Where nothing else is asked for, every log is of a token.
        self.contracts.is_empty() || self.tokens.binary_search(address).is_ok()
    }

    fn has_log(&self, log: &Log) -> bool {
        self.contracts.iter().any(|contracts| contracts.filter().matches(log))
    }

    /// Whether both are for one token or one contract.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.tokens.iter().any(|token| other.tokens.contains(token))
            || self.names.iter().any(|name| other.names.contains(name))
    }
}

/// Logs to ask for: those of contracts with the same events.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Selection {
    /// The contracts' addresses, ascending.
    addresses: Vec<Address>,
    /// `None` for every event.
    topic0s: Option<Vec<B256>>,
}

impl Selection {
    fn new(address: Address, topic0s: Option<&[B256]>) -> Self {
        Self { addresses: vec![address], topic0s: topic0s.map(<[B256]>::to_vec) }
    }

    /// Adds one more contract.
    fn add(&mut self, address: Address) {
        if let Err(at) = self.addresses.binary_search(&address) {
            self.addresses.insert(at, address);
        }
    }

    fn filter(&self) -> LogFilter<'_> {
        LogFilter { addresses: &self.addresses, topic0s: self.topic0s.as_deref() }
    }
}

/// The blocks of a range with what was wanted of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RangeFacts {
    /// As in the answer.
    pub(super) headers: Vec<BlockRef>,
    /// Transfers of the tokens, decoded, in the chain's order.
    pub(super) transfers: Vec<Transfer>,
    /// Logs of the tokens with the topic of a transfer that cannot be read as one, in the same
    /// order.
    pub(super) unreadable: Vec<UnreadableLog>,
    /// Logs of the contracts, in the same order.
    pub(super) logs: Vec<Log>,
}

impl RangeFacts {
    /// Decodes the logs of a verified answer.
    pub(super) fn of(answer: LogsAnswer, wanted: &Wanted) -> Self {
        let LogsAnswer { headers, mut logs } = answer;
        let (mut transfers, mut unreadable) = (Vec::with_capacity(logs.len()), Vec::new());
        for log in logs.iter().filter(|log| wanted.has_token(&log.address)) {
            match erc20::decode(log) {
                Ok(transfer) => transfers.extend(transfer),
                Err(log) => unreadable.push(log),
            }
        }
        logs.retain(|log| wanted.has_log(log));
        Self { headers, transfers, unreadable, logs }
    }

    /// The first block of the range.
    pub(super) fn first(&self) -> Option<&BlockRef> {
        self.headers.first()
    }

    /// The last block of the range.
    pub(super) fn last(&self) -> Option<&BlockRef> {
        self.headers.last()
    }

    /// The header of a block, if it is there.
    pub(super) fn header(&self, number: BlockNumber) -> Option<&BlockRef> {
        header_of(&self.headers, number)
    }

    /// The transfers below a block, without the logs of contracts. The last block may have no
    /// header here.
    pub(super) fn transfers_below(&self, block: BlockNumber) -> Self {
        let headers = self.headers.iter().filter(|header| header.number < block).copied();
        let transfers = self.transfers.iter().filter(|transfer| transfer.block < block).cloned();
        let unreadable = self.unreadable.iter().filter(|log| log.block < block).copied();
        Self {
            headers: headers.collect(),
            transfers: transfers.collect(),
            unreadable: unreadable.collect(),
            logs: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;

    use super::*;
    use crate::logs::Events;
    use crate::types::{ChainId, LogIndex, Topics};

    const TOKEN: Address = Address::repeat_byte(1);
    const POOL: Address = Address::repeat_byte(2);
    const OTHER: Address = Address::repeat_byte(3);
    const SWAP: B256 = B256::repeat_byte(0xee);

    fn contract(name: &str, address: Address, events: Events) -> ContractSpec {
        let id = ContractId::new(ChainId::new(1), name).unwrap();
        ContractSpec { id, address, events, start_block: BlockNumber::new(1) }
    }

    /// A log with an event's topic and nothing else, which is no transfer.
    fn log(index: u64, address: Address, topic0: B256) -> Log {
        Log {
            block: BlockNumber::new(1),
            block_hash: B256::ZERO,
            log_index: LogIndex::new(index),
            tx_hash: B256::ZERO,
            address,
            topics: Topics::new(&[topic0]).unwrap(),
            data: Bytes::new(),
        }
    }

    #[test]
    fn contracts_with_the_same_events_share_a_filter() {
        let only = || Events::only([SWAP]).unwrap();
        let specs = [
            contract("b", POOL, only()),
            contract("a", OTHER, Events::all()),
            contract("c", TOKEN, only()),
            contract("d", POOL, only()),
        ];
        let wanted = Wanted::new(vec![TOKEN], &specs);
        let shown: Vec<_> =
            wanted.filters().iter().map(|f| (f.addresses.to_vec(), f.topic0s.is_some())).collect();
        assert_eq!(
            shown,
            [(vec![TOKEN], true), (vec![TOKEN, POOL], true), (vec![OTHER], false)],
            "an address is asked for once, and addresses ascend"
        );
    }

    #[test]
    fn a_log_goes_to_all_that_want_it_and_to_nothing_else() {
        let answer = LogsAnswer {
            headers: Vec::new(),
            logs: vec![
                log(0, TOKEN, erc20::TRANSFER_TOPIC),
                log(1, POOL, erc20::TRANSFER_TOPIC),
                log(2, POOL, SWAP),
            ],
        };
        let places = |wanted: &Wanted| {
            let facts = RangeFacts::of(answer.clone(), wanted);
            let unreadable = facts.unreadable.iter().map(|log| log.log_index.get());
            let logs = facts.logs.iter().map(|log| log.log_index.get());
            (unreadable.collect::<Vec<_>>(), logs.collect::<Vec<_>>())
        };
        let pool = contract("pool", POOL, Events::all());
        assert_eq!(places(&Wanted::new(vec![TOKEN], [&pool])), (vec![0], vec![1, 2]));
        let both = contract("token", TOKEN, Events::all());
        assert_eq!(places(&Wanted::new(vec![TOKEN], [&both])), (vec![0], vec![0]));
        let swaps = contract("pool", POOL, Events::only([SWAP]).unwrap());
        assert_eq!(places(&Wanted::new(Vec::new(), [&swaps])), (vec![], vec![2]));
    }
}
