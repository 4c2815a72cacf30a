//! The contracts whose logs a run keeps, and what must be kept of them.

use alloy_primitives::{B256, Bytes};
use pledge_core::ledger::{UnreadableLog, erc20};
use pledge_core::logs::{ConfirmedLog, ContractSpec, ContractState, Events};
use pledge_core::ports::{ContractLogsQuery, LogOrder};
use pledge_core::types::{BlockNumber, ContractId, Log, Topics};

use super::check::require;
use super::control::now;
use super::history::{History, Known, token};
use crate::Fixture;
use crate::world::CHAIN;

/// An event that no contract has.
const NEVER_EMITTED: B256 = B256::repeat_byte(0xee);

/// Every log of the first token, an event that it never has, and the transfers of the second.
pub(super) fn specs() -> [ContractSpec; 3] {
    let spec = |name, index, start, events| ContractSpec {
        id: ContractId::new(CHAIN, name).expect("a valid name"),
        address: token(index).address,
        events,
        start_block: BlockNumber::new(start),
    };
    let only = |topic0| Events::only([topic0]).expect("one event");
    [
        spec("every", 0, 3, Events::all()),
        spec("approvals", 0, 3, only(NEVER_EMITTED)),
        spec("transfers", 1, 1, only(erc20::TRANSFER_TOPIC)),
    ]
}

/// Registers the contracts that are followed from the beginning.
pub(super) fn set_up(fixture: &Fixture) {
    let [every, approvals, _] = specs();
    [every, approvals].iter().for_each(|spec| follow(fixture, spec));
}

/// Registers the contract that is followed later. Returns whether it was not followed before.
pub(super) fn follow_late(fixture: &Fixture) -> bool {
    let [.., late] = specs();
    let is_new = states(fixture).iter().all(|known| known.spec != late);
    follow(fixture, &late);
    is_new
}

fn follow(fixture: &Fixture, spec: &ContractSpec) {
    now(fixture.logs.register_contract(spec)).expect("the spec is always the same");
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
        begun.flat_map(|known| logs_of(known)).filter(|kept| is_kept(spec, &kept.log)).collect();
    let count = kept.len() as u64;
    require(kept == expected, || format!("{}: {kept:#?}\nmust be\n{expected:#?}", spec.id))?;
    require(*logs == count, || format!("{}: {logs} logs are counted of {count}", spec.id))?;
    Ok(count)
}

/// Whether a contract keeps a log, by a rule apart from the engine's, which is what is checked.
fn is_kept(spec: &ContractSpec, log: &Log) -> bool {
    let topic0 = log.topics.as_slice().first();
    let is_asked = |topic0s: &[B256]| topic0.is_some_and(|topic0| topic0s.contains(topic0));
    log.address == spec.address && spec.events.topic0s().is_none_or(is_asked)
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
