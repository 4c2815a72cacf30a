//! The contracts whose logs a run keeps, and what must be kept of them.

use alloy_primitives::Bytes;
use pledge_core::ledger::{UnreadableLog, erc20};
use pledge_core::logs::{ConfirmedLog, ContractSpec, ContractState, Events};
use pledge_core::ports::{ContractLogsQuery, LogOrder};
use pledge_core::types::{BlockNumber, ContractId, Log, Topics};

use super::check::require;
use super::control::now;
use super::history::{History, Known, token};
use crate::Fixture;
use crate::world::CHAIN;

/// Every log of the first token, and the transfers of the second.
pub(super) fn specs() -> [ContractSpec; 2] {
    let spec = |name, index, start, events| ContractSpec {
        id: ContractId::new(CHAIN, name).expect("a valid name"),
        address: token(index).address,
        events,
        start_block: BlockNumber::new(start),
    };
    let transfers = Events::only([erc20::TRANSFER_TOPIC]).expect("one event");
    [spec("every", 0, 3, Events::all()), spec("transfers", 1, 1, transfers)]
}

/// Registers one of the contracts.
pub(super) fn follow(fixture: &Fixture, index: usize) {
    now(fixture.logs.register_contract(&specs()[index])).expect("the spec is always the same");
}

/// The contracts that are followed.
pub(super) fn states(fixture: &Fixture) -> Vec<ContractState> {
    now(fixture.logs.contracts(CHAIN)).expect("read")
}

/// What is kept of a contract is what the branch of its cursor has.
pub(super) fn check_branch(
    fixture: &Fixture,
    history: &History,
    state: &ContractState,
) -> Result<u64, String> {
    let ContractState { spec, cursor, logs, .. } = state;
    let query = ContractLogsQuery {
        contract: spec.id.clone(),
        order: LogOrder::OldestFirst,
        after: None,
        limit: usize::MAX,
    };
    let kept = now(fixture.logs.contract_logs(&query)).expect("read").value;
    let branch = cursor.map(|cursor| history.branch_of(cursor.hash)).unwrap_or_default();
    let begun = branch.iter().filter(|known| known.header.number >= spec.start_block);
    let expected: Vec<_> =
        begun.flat_map(|known| logs_of(known)).filter(|kept| spec.selects(&kept.log)).collect();
    let count = kept.len() as u64;
    require(kept == expected, || format!("{}: {kept:#?}\nmust be\n{expected:#?}", spec.id))?;
    require(*logs == count, || format!("{}: {logs} logs are counted of {count}", spec.id))?;
    Ok(count)
}

/// The logs of a block, as its contracts wrote them.
fn logs_of(known: &Known) -> impl Iterator<Item = ConfirmedLog> {
    let (block_hash, time) = (known.header.hash, known.header.time);
    let transfers = known.transfers.iter().map(move |transfer| erc20::encode(transfer, block_hash));
    let unreadable = known.unreadable.iter().map(move |log| {
        let UnreadableLog { token: address, block, log_index, tx_hash } = *log;
        let topics = Topics::new(&[erc20::TRANSFER_TOPIC]).expect("one is not too many");
        Log { block, block_hash, log_index, tx_hash, address, topics, data: Bytes::new() }
    });
    transfers.chain(unreadable).map(move |log| ConfirmedLog { log, time })
}
