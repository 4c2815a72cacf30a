//! Laws of contracts' logs on a chain that they share with tokens: held headers, and
//! [`LedgerWrites::rewind`](pledge_core::ports::LedgerWrites::rewind).

use pledge_core::error::StoreErrorKind;
use pledge_core::event::{Event, RewindCause, RewoundContract};
use pledge_core::logs::ContractSpec;
use pledge_core::ports::{LogOrder, Rewind};
use pledge_core::types::{BlockId, BlockNumber, BlockRef, ContractId, Epoch};

use super::contracts::{Contracts, ELSEWHERE, event, log, named, vault};
use super::log_store::kind;
use crate::Fixture;
use crate::world::{operator_because, token};

laws! {
    __log_rewind of log_rewind(Fixture):
    headers_of_a_commit_of_logs_are_held_for_the_chain
    a_held_header_of_logs_refuses_a_ledger_of_another_branch
    a_held_header_of_a_ledger_refuses_logs_of_another_branch
    a_commit_of_logs_forgets_headers_below_the_retained_height
    a_rewind_is_the_exact_inverse_of_the_logs_above
    a_rewind_of_logs_bumps_the_epoch_and_is_in_the_record
    an_operators_rewind_of_logs_is_no_reorg
    pages_of_logs_after_a_rewind_are_of_another_epoch
    a_rewind_of_tokens_and_contracts_takes_both_back
    a_rewind_with_a_stale_contract_changes_neither
    a_rewind_with_a_stale_token_changes_neither
    a_rewind_that_leaves_a_contract_above_is_refused
    a_contract_at_the_ancestor_is_left_alone
    contracts_are_rewound_without_a_token
    a_contract_that_begins_above_the_ancestor_has_no_cursor_afterwards
    a_rewind_that_names_a_contract_twice_is_invalid
    a_rewind_of_a_contract_of_another_chain_is_invalid
    a_rewind_of_an_unknown_contract_is_invalid
    a_rewind_to_above_a_contracts_cursor_is_invalid
    the_logs_of_the_other_branch_are_committed_after_a_rewind
}

/// A fork is found in them, whichever write brought them.
async fn headers_of_a_commit_of_logs_are_held_for_the_chain(fixture: Fixture) {
    let contracts = Contracts::open(fixture, &[vault("vault")]).await;
    for seconds in 0..3 {
        contracts.ledger.mine(seconds, &[(0, 1, 1)]);
    }
    let mut message = contracts.message(&[("vault", Vec::new())], 3).await;
    message.blocks.headers.remove(1);
    contracts.store().commit_logs(&message).await.expect("commit");
    assert_eq!(contracts.headers().await, [3, 1].map(|height| contracts.block(height)));
    contracts.ledger.commit_to(2).await.expect("the ledger holds the same and one more");
    assert_eq!(contracts.headers().await, [3, 2, 1].map(|height| contracts.block(height)));
}

/// A token and a contract of one chain are never on different branches.
async fn a_held_header_of_logs_refuses_a_ledger_of_another_branch(fixture: Fixture) {
    let contracts = Contracts::open(fixture, &[vault("vault")]).await;
    for seconds in 0..3 {
        contracts.ledger.mine(seconds, &[(0, 1, 1)]);
    }
    let message = contracts.message(&[("vault", contracts.some_of(3))], 3).await;
    contracts.store().commit_logs(&message).await.expect("commit");
    let before = contracts.everything().await;
    contracts.ledger.chain.fork_at(1);
    for seconds in 5..7 {
        contracts.ledger.mine(seconds, &[(0, 1, 1)]);
    }
    let refused = contracts.ledger.commit_to(3).await;
    assert_eq!(kind(refused), StoreErrorKind::Conflict);
    assert_eq!(contracts.everything().await, before);
}

/// The other way round.
async fn a_held_header_of_a_ledger_refuses_logs_of_another_branch(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let before = contracts.everything().await;
    contracts.ledger.chain.fork_at(2);
    contracts.ledger.mine(700, &[]);
    let message = contracts.message(&[("vault", contracts.some_of(3))], 3).await;
    let refused = contracts.store().commit_logs(&message).await;
    assert_eq!(kind(refused), StoreErrorKind::Conflict);
    assert_eq!(contracts.everything().await, before);
}

/// Headers go when they are too old.
async fn a_commit_of_logs_forgets_headers_below_the_retained_height(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let mut message = contracts.message(&[("vault", Vec::new())], 5).await;
    message.blocks.retain_from = BlockNumber::new(4);
    contracts.store().commit_logs(&message).await.expect("commit");
    assert_eq!(contracts.headers().await, [5, 4].map(|height| contracts.block(height)));
}

/// After a rewind to any height, the logs are what they were there.
async fn a_rewind_is_the_exact_inverse_of_the_logs_above(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    for height in [4, 2, 1] {
        contracts.rewind(&["vault"], contracts.block(height)).await.expect("rewind");
        let logs: Vec<_> = (1..=height).flat_map(|height| contracts.some_of(height)).collect();
        let state = contracts.state("vault").await;
        assert_eq!(state.cursor, Some(contracts.block(height)));
        assert_eq!(state.logs, logs.len() as u64, "at block {height}");
        assert_eq!(contracts.logs("vault").await, logs, "at block {height}");
    }
}

/// The record names contracts next to tokens.
async fn a_rewind_of_logs_bumps_the_epoch_and_is_in_the_record(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let from = contracts.cursor("vault").await;
    let record = contracts.rewind(&["vault"], contracts.block(3)).await.expect("rewind");
    let (contract, epoch) = (named("vault"), Epoch::new(1));
    let expected = RewoundContract { contract, from, epoch, logs_removed: 9 };
    assert_eq!(record.contracts, [expected]);
    assert_eq!(record.tokens.len(), 1);
    assert_eq!(contracts.state("vault").await.epoch, epoch);
    let events = contracts.ledger.fixture.all_events().await.expect("read");
    assert_eq!(events.last().map(|newest| &newest.event), Some(&Event::Reorged(record).into()));
}

/// It is an event of its own, and needs no held header.
async fn an_operators_rewind_of_logs_is_no_reorg(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    contracts.ledger.mine(9_000, &[]);
    let mut message = contracts.message(&[("vault", contracts.some_of(6))], 6).await;
    message.blocks.retain_from = BlockNumber::new(6);
    contracts.store().commit_logs(&message).await.expect("commit");
    let by = operator_because("a law");
    let reason = by.reason();
    let rewind = contracts.rewind_of(&["vault"], contracts.block(2)).await;
    let refused = contracts.ledger.store().rewind(&rewind).await;
    assert_eq!(kind(refused), StoreErrorKind::BeyondRetention);
    let cause = RewindCause::Operator { by };
    let record = contracts.ledger.store().rewind(&Rewind { cause, ..rewind }).await;
    let record = record.expect("the operator's block 2 is accepted");
    assert_eq!(record.contracts[0].logs_removed, 18);
    let newest = contracts.ledger.fixture.all_events().await.expect("read").pop();
    assert_eq!(newest.map(|newest| newest.event), Some(Event::Rewound { record, reason }.into()));
}

/// A reader that compares epochs notices that pages do not fit together.
async fn pages_of_logs_after_a_rewind_are_of_another_epoch(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let page = contracts.page("vault", LogOrder::OldestFirst, None, 9).await;
    let after = page.value.last().map(|last| last.log.place());
    contracts.rewind(&["vault"], contracts.block(4)).await.expect("rewind");
    let next = contracts.page("vault", LogOrder::OldestFirst, after, 9).await;
    assert_eq!((page.epoch, next.epoch), (Epoch::FIRST, Epoch::new(1)));
    assert_eq!((page.cursor, next.cursor), (Some(contracts.block(5)), Some(contracts.block(4))));
}

/// One write, with one event.
async fn a_rewind_of_tokens_and_contracts_takes_both_back(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let events = contracts.ledger.fixture.all_events().await.expect("read").len();
    let to = contracts.block(2);
    let record = contracts.rewind(&["vault"], to).await.expect("rewind");
    assert_eq!((record.tokens.len(), record.contracts.len()), (1, 1));
    assert_eq!(contracts.ledger.cursor().await, Some(to));
    assert_eq!(contracts.ledger.digest().await.changes.len(), 6);
    assert_eq!(contracts.state("vault").await.cursor, Some(to));
    assert_eq!(contracts.logs("vault").await.len(), 3);
    assert_eq!(contracts.headers().await, [2, 1].map(|height| contracts.block(height)));
    assert_eq!(contracts.ledger.fixture.all_events().await.expect("read").len(), events + 1);
}

async fn is_refused(contracts: &Contracts, rewind: &Rewind, with: StoreErrorKind) {
    let before = contracts.everything().await;
    let refused = contracts.ledger.store().rewind(rewind).await;
    assert_eq!(kind(refused), with);
    assert_eq!(contracts.everything().await, before);
}

/// A rewind names the cursor of each contract that it starts from.
async fn a_rewind_with_a_stale_contract_changes_neither(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    contracts.store().register_contract(&vault("also")).await.expect("register");
    let message = contracts.message(&[("also", contracts.some_of(5))], 5).await;
    contracts.store().commit_logs(&message).await.expect("commit");
    let rewind = contracts.rewind_of(&["also", "vault"], contracts.block(2)).await;
    for stale in [
        contracts.block(4).id(),
        BlockId { number: BlockNumber::new(5), ..contracts.block(4).id() },
    ] {
        let mut rewind = rewind.clone();
        rewind.contracts[1].1 = stale;
        is_refused(&contracts, &rewind, StoreErrorKind::Conflict).await;
    }
    contracts.ledger.store().rewind(&rewind).await.expect("the right one");
}

/// Nor do contracts go back alone.
async fn a_rewind_with_a_stale_token_changes_neither(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let mut rewind = contracts.rewind_of(&["vault"], contracts.block(2)).await;
    rewind.tokens[0].1 = contracts.block(4).id();
    is_refused(&contracts, &rewind, StoreErrorKind::Conflict).await;
}

/// The headers above the ancestor are dropped for all that is followed, so nothing may stay there.
async fn a_rewind_that_leaves_a_contract_above_is_refused(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let to = contracts.block(4);
    let mut rewind = contracts.rewind_of(&["vault"], to).await;
    rewind.contracts.clear();
    is_refused(&contracts, &rewind, StoreErrorKind::Conflict).await;
    let mut rewind = contracts.rewind_of(&["vault"], to).await;
    assert_eq!(rewind.tokens.len(), 1);
    rewind.tokens.clear();
    is_refused(&contracts, &rewind, StoreErrorKind::Conflict).await;
}

/// It need not be named, and its epoch stays.
async fn a_contract_at_the_ancestor_is_left_alone(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    for (name, height) in [("at", 3), ("below", 2)] {
        contracts.store().register_contract(&vault(name)).await.expect("register");
        let message = contracts.message(&[(name, contracts.some_of(2))], height).await;
        contracts.store().commit_logs(&message).await.expect("commit");
    }
    contracts.store().register_contract(&vault("new")).await.expect("register");
    let left = async || -> Vec<_> {
        let all = contracts.everything().await.contracts.into_iter();
        all.filter(|(state, _)| state.spec.id != named("vault")).collect::<Vec<_>>()
    };
    let before = left().await;
    assert_eq!(before.len(), 3);
    contracts.rewind(&["vault"], contracts.block(3)).await.expect("the others are not above");
    assert_eq!(left().await, before);
}

/// A chain may have no token at all.
async fn contracts_are_rewound_without_a_token(fixture: Fixture) {
    let contracts = Contracts::open(fixture, &[vault("vault")]).await;
    for seconds in 0..3 {
        contracts.ledger.mine(seconds, &[]);
    }
    let message = contracts.message(&[("vault", contracts.some_of(2))], 3).await;
    contracts.store().commit_logs(&message).await.expect("commit");
    let record = contracts.rewind(&["vault"], contracts.block(1)).await.expect("rewind");
    assert_eq!((record.tokens.len(), record.contracts[0].logs_removed), (0, 2));
    assert_eq!(contracts.logs("vault").await, []);
    assert_eq!(contracts.headers().await, [contracts.block(1)]);
}

/// Its blocks were of another branch, so it begins again.
async fn a_contract_that_begins_above_the_ancestor_has_no_cursor_afterwards(fixture: Fixture) {
    let start = |name, height| {
        let start_block = BlockNumber::new(height);
        ContractSpec { start_block, ..vault(name) }
    };
    let specs = [start("late", 4), start("later", 5)];
    let contracts = Contracts::behind_blocks(fixture, &specs).await;
    for name in ["late", "later"] {
        let message = contracts.message(&[(name, contracts.some_of(5))], 5).await;
        contracts.store().commit_logs(&message).await.expect("commit");
    }
    let to = contracts.block(4);
    contracts.rewind(&["late", "later"], to).await.expect("rewind");
    for (name, cursor) in [("late", Some(to)), ("later", None)] {
        let state = contracts.state(name).await;
        assert_eq!((state.cursor, state.epoch, state.logs), (cursor, Epoch::new(1), 0), "{name}");
        assert_eq!(contracts.logs(name).await, [], "{name}");
        let message = contracts.message(&[(name, contracts.some_of(5))], 5).await;
        contracts.store().commit_logs(&message).await.expect("it begins again");
        assert_eq!(contracts.logs(name).await, contracts.some_of(5), "{name}");
    }
}

/// One rewind moves a contract once.
async fn a_rewind_that_names_a_contract_twice_is_invalid(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let rewind = contracts.rewind_of(&["vault", "vault"], contracts.block(2)).await;
    is_refused(&contracts, &rewind, StoreErrorKind::Invalid).await;
}

/// A rewind is of one chain, even where the other chain's blocks are the same.
async fn a_rewind_of_a_contract_of_another_chain_is_invalid(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    contracts.ledger.store().register_chain(ELSEWHERE, "elsewhere").await.expect("register");
    let id = ContractId::new(ELSEWHERE, "vault").expect("a name");
    let spec = ContractSpec { id: id.clone(), ..vault("vault") };
    contracts.store().register_contract(&spec).await.expect("register");
    contracts.store().register_contract(&vault("new")).await.expect("register");
    let mut message = contracts.message(&[("new", contracts.some_of(5))], 5).await;
    (message.blocks.chain, message.contracts[0].contract) = (ELSEWHERE, id.clone());
    contracts.store().commit_logs(&message).await.expect("commit");
    let mut rewind = contracts.rewind_of(&["vault"], contracts.block(2)).await;
    rewind.contracts.push((id.clone(), contracts.block(5).id()));
    is_refused(&contracts, &rewind, StoreErrorKind::Invalid).await;
    let elsewhere = contracts.store().contract(&id).await.expect("read").expect("registered");
    assert_eq!(elsewhere.logs, 5);
}

/// A name may be misspelt.
async fn a_rewind_of_an_unknown_contract_is_invalid(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    let mut rewind = contracts.rewind_of(&["vault"], contracts.block(2)).await;
    rewind.contracts.push((named("vaul"), contracts.block(5).id()));
    is_refused(&contracts, &rewind, StoreErrorKind::Invalid).await;
}

/// A rewind never moves forward.
async fn a_rewind_to_above_a_contracts_cursor_is_invalid(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let message = contracts.message(&[("vault", contracts.some_of(2))], 2).await;
    contracts.store().commit_logs(&message).await.expect("commit");
    let rewind = contracts.rewind_of(&["vault"], contracts.block(4)).await;
    assert_eq!(rewind.tokens, [(token(), contracts.block(5).id())]);
    is_refused(&contracts, &rewind, StoreErrorKind::Invalid).await;
}

/// Other logs at the same places.
async fn the_logs_of_the_other_branch_are_committed_after_a_rewind(fixture: Fixture) {
    let contracts = Contracts::with_logs(fixture).await;
    contracts.rewind(&["vault"], contracts.block(2)).await.expect("rewind");
    let before = contracts.logs("vault").await;
    contracts.ledger.chain.fork_at(2);
    contracts.ledger.mine(5_000, &[]);
    let block: BlockRef = contracts.ledger.mine(6_000, &[]);
    let logs: Vec<_> = (0..4).map(|index| log(&block, index, event(7))).collect();
    let message = contracts.message(&[("vault", logs.clone())], 4).await;
    contracts.store().commit_logs(&message).await.expect("commit the other branch");
    assert_eq!(contracts.logs("vault").await, [before, logs].concat());
    assert_eq!(contracts.state("vault").await.logs, 7);
}
