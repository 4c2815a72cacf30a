//! Laws of [`LogStore`](pledge_core::ports::LogStore): what is registered and committed.

use alloy_primitives::{Address, B256};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::logs::{ContractSpec, ContractState, Events};
use pledge_core::ports::{ContractLogsQuery, LogOrder, LogsCommit, Seen};
use pledge_core::types::{BlockNumber, ChainId, ContractId, Epoch};

use super::contracts::{Contracts, ELSEWHERE, VAULT, event, log, log_with, named, vault};
use crate::Fixture;
use crate::world::{CHAIN, at, token};

laws! {
    __log_store of log_store(Fixture):
    a_contract_that_is_registered_has_no_logs
    a_contract_that_is_registered_again_is_as_it_was
    another_spec_under_a_name_is_refused_and_both_are_named
    a_contract_of_an_unknown_chain_is_invalid
    contracts_are_listed_by_the_bytes_of_their_names
    contracts_of_chains_do_not_see_each_other
    a_contract_that_is_unknown_is_none_to_read_and_invalid_to_write
    logs_and_their_number_come_with_the_cursor
    the_same_logs_again_are_refused_and_nothing_is_written
    logs_on_another_base_are_refused_and_nothing_is_written
    of_two_contracts_with_one_at_the_base_neither_is_written
    logs_out_of_the_chains_order_are_invalid
    logs_outside_the_blocks_are_invalid
    logs_older_than_the_cursor_are_invalid
    a_commit_that_names_a_contract_twice_is_invalid
    a_log_that_the_contract_does_not_keep_is_invalid
    contracts_at_one_cursor_are_committed_together
    of_two_writers_of_logs_one_wins
    two_names_of_one_address_are_independent
    contracts_and_tokens_of_one_address_are_independent
}

pub(super) fn kind<T: std::fmt::Debug>(refused: Result<T, StoreError>) -> StoreErrorKind {
    refused.expect_err("the store must refuse").kind()
}

/// Its next block is the first whose logs count.
async fn a_contract_that_is_registered_has_no_logs(fixture: Fixture) {
    let spec = ContractSpec { start_block: BlockNumber::new(7), ..vault("vault") };
    let contracts = Contracts::open(fixture, &[]).await;
    let state = contracts.store().register_contract(&spec).await.expect("register");
    assert_eq!(state, ContractState { spec, cursor: None, epoch: Epoch::FIRST, logs: 0 });
    assert_eq!(contracts.state("vault").await, state);
    assert_eq!(contracts.logs("vault").await, []);
}

/// A restart registers what it follows.
async fn a_contract_that_is_registered_again_is_as_it_was(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let before = contracts.everything().await;
    let state = contracts.store().register_contract(&vault("vault")).await.expect("the same");
    assert_eq!((state.cursor, state.logs), (Some(contracts.block(5)), 15));
    assert_eq!(contracts.everything().await, before);
}

/// The operator sees what is kept and what was asked for.
async fn another_spec_under_a_name_is_refused_and_both_are_named(fixture: Fixture) {
    let kept = ContractSpec { events: Events::only([event(1)]).expect("one"), ..vault("vault") };
    let contracts = Contracts::open(fixture, std::slice::from_ref(&kept)).await;
    let before = contracts.everything().await;
    let address = Address::repeat_byte(0x81);
    let start_block = BlockNumber::new(2);
    let events = Events::only([event(2)]).expect("one");
    for (other, named) in [
        (ContractSpec { address, ..kept.clone() }, [VAULT, address].map(|it| it.to_string())),
        (ContractSpec { start_block, ..kept.clone() }, ["start_block 1", ", 2 "].map(Into::into)),
        (ContractSpec { events, ..kept.clone() }, [event(1), event(2)].map(|it| it.to_string())),
        (ContractSpec { events: Events::all(), ..kept }, [event(1).to_string(), "all".into()]),
    ] {
        let refused = contracts.store().register_contract(&other).await;
        let error = refused.expect_err("another spec");
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
        assert!(named.iter().all(|name| error.to_string().contains(name)), "{error}");
    }
    assert_eq!(contracts.everything().await, before);
}

/// A chain is registered before what is on it.
async fn a_contract_of_an_unknown_chain_is_invalid(fixture: Fixture) {
    let contracts = Contracts::open(fixture, &[]).await;
    for chain in [ELSEWHERE, ChainId::new(u64::MAX)] {
        let id = ContractId::new(chain, "vault").expect("a name");
        let spec = ContractSpec { id: id.clone(), ..vault("vault") };
        let refused = contracts.store().register_contract(&spec).await;
        assert_eq!(kind(refused), StoreErrorKind::Invalid, "{chain}");
        assert_eq!(contracts.store().contract(&id).await.expect("read"), None, "{chain}");
    }
}

/// Whatever a database thinks of case, accents and signs.
async fn contracts_are_listed_by_the_bytes_of_their_names(fixture: Fixture) {
    let names = ["b", "a_b", "a-b", "a0b", "ab", "a", "-", "_", "0"];
    let contracts = Contracts::open(fixture, &names.map(vault)).await;
    let listed = contracts.store().contracts(CHAIN).await.expect("read");
    let listed: Vec<_> = listed.iter().map(|state| state.spec.id.name()).collect();
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!(listed, sorted);
}

/// A name is unique on its chain alone.
async fn contracts_of_chains_do_not_see_each_other(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let balances = contracts.ledger.store();
    balances.register_chain(ELSEWHERE, "elsewhere").await.expect("register");
    let id = ContractId::new(ELSEWHERE, "vault").expect("a name");
    let spec = ContractSpec { id, ..vault("vault") };
    let state = contracts.store().register_contract(&spec).await.expect("register");
    assert_eq!(state, ContractState::registered(spec));
    assert_eq!(contracts.store().contracts(ELSEWHERE).await.expect("read"), [state]);
    let here = contracts.state("vault").await;
    assert_eq!(here.logs, 15);
    assert_eq!(contracts.store().contracts(CHAIN).await.expect("read"), [here]);
}

/// A caller may pass any chain and name.
async fn a_contract_that_is_unknown_is_none_to_read_and_invalid_to_write(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let before = contracts.everything().await;
    contracts.ledger.mine(9_000, &[]);
    let mut message = contracts.message(&[("vault", Vec::new())], 6).await;
    message.contracts[0].contract = named("vaul");
    let refused = contracts.store().commit_logs(&message).await;
    assert_eq!(kind(refused), StoreErrorKind::Invalid);
    for number in [0, CHAIN.get(), i64::MAX as u64, 1 << 63, u64::MAX] {
        let id = ContractId::new(ChainId::new(number), "vaul").expect("a name");
        assert_eq!(contracts.store().contract(&id).await.expect("read"), None, "{id}");
        let query =
            ContractLogsQuery { contract: id, order: LogOrder::OldestFirst, after: None, limit: 9 };
        let refused = contracts.store().contract_logs(&query).await;
        assert_eq!(kind(refused), StoreErrorKind::Invalid, "{number}");
    }
    assert_eq!(contracts.store().contracts(ELSEWHERE).await.expect("read"), []);
    assert_eq!(contracts.everything().await, before);
}

/// A read returns the cursor and the epoch with the logs.
async fn logs_and_their_number_come_with_the_cursor(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let state = contracts.state("vault").await;
    let tip = Some(contracts.block(5));
    assert_eq!((state.cursor, state.epoch, state.logs), (tip, Epoch::FIRST, 15));
    let logs: Vec<_> = (1..=5).flat_map(|height| contracts.some_of(height)).collect();
    let order = LogOrder::OldestFirst;
    let seen = contracts.page("vault", order, None, usize::MAX).await;
    assert_eq!(seen, Seen { cursor: tip, epoch: Epoch::FIRST, value: logs });
}

/// A commit names its base, so it counts only once.
async fn the_same_logs_again_are_refused_and_nothing_is_written(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let message = contracts.message(&[("vault", contracts.some_of(1))], 1).await;
    contracts.store().commit_logs(&message).await.expect("commit");
    let before = contracts.everything().await;
    let again = contracts.store().commit_logs(&message).await;
    assert_eq!(kind(again), StoreErrorKind::Conflict);
    assert_eq!(contracts.everything().await, before);
}

/// Number and hash of the base must both be the cursor's.
async fn logs_on_another_base_are_refused_and_nothing_is_written(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    contracts.ledger.mine(9_000, &[]);
    let message = contracts.message(&[("vault", contracts.some_of(6))], 6).await;
    let before = contracts.everything().await;
    let mut other_hash = message.clone();
    other_hash.blocks.base.as_mut().expect("there is a base").hash = B256::repeat_byte(9);
    let mut other_number = message.clone();
    other_number.blocks.base.as_mut().expect("there is a base").number = BlockNumber::new(4);
    let mut no_base = message;
    no_base.blocks.base = None;
    for message in [other_hash, other_number, no_base] {
        let refused = contracts.store().commit_logs(&message).await;
        assert_eq!(kind(refused), StoreErrorKind::Conflict);
        assert_eq!(contracts.everything().await, before);
    }
}

/// All contracts of a commit or none, in any order.
async fn of_two_contracts_with_one_at_the_base_neither_is_written(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    contracts.store().register_contract(&vault("new")).await.expect("register");
    contracts.ledger.mine(9_000, &[]);
    let logs = contracts.some_of(6);
    let mut message = contracts.message(&[("vault", logs.clone()), ("new", logs)], 6).await;
    let before = contracts.everything().await;
    for _ in 0..2 {
        let refused = contracts.store().commit_logs(&message).await;
        assert_eq!(kind(refused), StoreErrorKind::Conflict);
        assert_eq!(contracts.everything().await, before);
        message.contracts.reverse();
    }
}

async fn are_invalid(contracts: &Contracts, wrong: impl IntoIterator<Item = LogsCommit>) {
    let before = contracts.everything().await;
    for (number, message) in wrong.into_iter().enumerate() {
        let refused = contracts.store().commit_logs(&message).await;
        assert_eq!(kind(refused), StoreErrorKind::Invalid, "message {number}");
        assert_eq!(contracts.everything().await, before, "message {number}");
    }
}

/// A message that contradicts itself is a bug of its writer, and nothing of it is written.
async fn logs_out_of_the_chains_order_are_invalid(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let logs = [contracts.some_of(1), contracts.some_of(3)].concat();
    let message = contracts.message(&[("vault", logs)], 3).await;
    let [mut swapped, mut repeated, mut back_in_time, mut headers] =
        [(); 4].map(|()| message.clone());
    swapped.contracts[0].logs.swap(1, 2);
    let twice = repeated.contracts[0].logs[3].clone();
    repeated.contracts[0].logs.push(twice);
    back_in_time.contracts[0].logs[3].time = at(0);
    headers.blocks.headers.reverse();
    are_invalid(&contracts, [swapped, repeated, back_in_time, headers]).await;
    contracts.store().commit_logs(&message).await.expect("the right one");
}

/// By height, by time and by chain.
async fn logs_outside_the_blocks_are_invalid(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let logs = [contracts.some_of(2), contracts.some_of(3)].concat();
    let message = contracts.message(&[("vault", logs)], 3).await;
    let [mut above, mut below, mut upside_down, mut late, mut early, mut elsewhere] =
        [(); 6].map(|()| message.clone());
    above.blocks.tip = contracts.block(2);
    below.blocks.first = contracts.block(3);
    (upside_down.blocks.first, upside_down.blocks.tip) = (contracts.block(3), contracts.block(1));
    late.contracts[0].logs[4].time = at(4_001);
    early.contracts[0].logs[0].time = contracts.block(0).time;
    elsewhere.contracts[0].contract = ContractId::new(ELSEWHERE, "vault").expect("a name");
    are_invalid(&contracts, [above, below, upside_down, late, early, elsewhere]).await;
    contracts.store().commit_logs(&message).await.expect("the right one");
}

/// Time never goes back along a contract.
async fn logs_older_than_the_cursor_are_invalid(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    contracts.ledger.mine(7_999, &[]);
    let message = contracts.message(&[("vault", contracts.some_of(6))], 6).await;
    are_invalid(&contracts, [message]).await;
}

/// One commit moves a contract once, whether its two entries differ or not.
async fn a_commit_that_names_a_contract_twice_is_invalid(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let logs = contracts.some_of(1);
    let same = contracts.message(&[("vault", logs.clone()), ("vault", logs.clone())], 1).await;
    let without_logs = contracts.message(&[("vault", logs), ("vault", Vec::new())], 1).await;
    are_invalid(&contracts, [same, without_logs]).await;
}

/// What is kept is what was registered: address and first topic.
async fn a_log_that_the_contract_does_not_keep_is_invalid(fixture: Fixture) {
    let events = Events::only([event(1), event(2)]).expect("two");
    let some = ContractSpec { events, ..vault("some") };
    let contracts = Contracts::behind_blocks(fixture, &[vault("all"), some]).await;
    let block = contracts.block(1);
    let kept = [log(&block, 0, event(1)), log_with(&block, 1, &[event(2), event(9)], b"")];
    let stranger = |index| {
        let mut log = log(&block, index, event(1));
        log.log.address = Address::repeat_byte(0x81);
        log
    };
    let unnamed = [log(&block, 2, event(3)), log_with(&block, 2, &[event(3), event(1)], b"")];
    let anonymous = log_with(&block, 2, &[], b"an anonymous event");
    let message = async |name, logs: &[_]| contracts.message(&[(name, logs.to_vec())], 1).await;
    let mut wrong = vec![message("all", &[stranger(0)]).await];
    for log in unnamed.iter().chain([&anonymous, &stranger(2)]) {
        wrong.push(message("some", &[&kept[..], std::slice::from_ref(log)].concat()).await);
    }
    are_invalid(&contracts, wrong).await;
    let commit = message("some", &kept).await;
    contracts.store().commit_logs(&commit).await.expect("each is one of its events");
    let every = [&kept[..], &unnamed[..1]].concat();
    let commit = message("all", &every).await;
    contracts.store().commit_logs(&commit).await.expect("it keeps all");
    assert_eq!((contracts.logs("some").await, contracts.logs("all").await), (kept.into(), every));
}

/// One message carries every contract at one cursor.
async fn contracts_at_one_cursor_are_committed_together(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &["a", "b", "c"].map(vault)).await;
    let parts = [("a", contracts.some_of(2)), ("b", Vec::new()), ("c", contracts.some_of(1))];
    let message = contracts.message(&parts, 2).await;
    contracts.store().commit_logs(&message).await.expect("commit all");
    for (name, logs) in parts {
        let state = contracts.state(name).await;
        assert_eq!((state.cursor, state.logs), (Some(contracts.block(2)), logs.len() as u64));
        assert_eq!(contracts.logs(name).await, logs);
    }
}

/// Two messages on one base: the second is refused whole.
async fn of_two_writers_of_logs_one_wins(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let short = contracts.message(&[("vault", contracts.some_of(1))], 1).await;
    let long = contracts.message(&[("vault", contracts.some_of(2))], 2).await;
    let store = contracts.store();
    let (first, second) = tokio::join!(store.commit_logs(&short), store.commit_logs(&long));
    let (height, loser) = if first.is_ok() { (1, second) } else { (2, first) };
    assert_eq!(kind(loser), StoreErrorKind::Conflict);
    assert_eq!(contracts.logs("vault").await, contracts.some_of(height));
    assert_eq!(contracts.state("vault").await.cursor, Some(contracts.block(height)));
}

/// One may be followed from later on, or for other events.
async fn two_names_of_one_address_are_independent(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let events = Events::only([event(1)]).expect("one");
    let late = ContractSpec { events, start_block: BlockNumber::new(3), ..vault("late") };
    contracts.store().register_contract(&late).await.expect("register");
    let before = contracts.state("vault").await;
    let message = contracts.message(&[("late", contracts.some_of(4))], 4).await;
    contracts.store().commit_logs(&message).await.expect("commit");
    assert_eq!(contracts.state("vault").await, before);
    assert_eq!(contracts.logs("vault").await.len(), 15);
    let state = contracts.state("late").await;
    assert_eq!((state.cursor, state.logs), (Some(contracts.block(4)), 4));
    assert_eq!(contracts.logs("late").await, contracts.some_of(4));
}

/// What is kept of a contract changes nothing in the ledger of the token that it is.
async fn contracts_and_tokens_of_one_address_are_independent(fixture: Fixture) {
    let address = token().address;
    let contracts = Contracts::open(fixture, &[ContractSpec { address, ..vault("token") }]).await;
    contracts.ledger.mine(0, &[(0, 1, 1_000)]);
    contracts.ledger.mine(600, &[(1, 2, 1)]);
    contracts.ledger.commit_to(1).await.expect("commit");
    let before = contracts.ledger.digest().await;
    let mut logs = contracts.some_of(2);
    logs.iter_mut().for_each(|kept| kept.log.address = address);
    let message = contracts.message(&[("token", logs.clone())], 2).await;
    contracts.store().commit_logs(&message).await.expect("commit");
    assert_eq!(contracts.ledger.digest().await, before);
    contracts.ledger.commit_to(2).await.expect("the ledger goes on");
    assert_eq!(contracts.logs("token").await, logs);
}
