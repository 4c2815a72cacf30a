//! Laws of [`LedgerWrites::rewind`](pledge_core::ports::LedgerWrites::rewind) for the ledger.

use alloy_primitives::Address;
use pledge_core::error::StoreErrorKind;
use pledge_core::event::{Event, ReorgRecord, RewindCause, RewoundToken};
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::TokenSpec;
use pledge_core::ports::{ChainReport, ChainState, Rewind};
use pledge_core::types::{Amount, BlockNumber, BlockRef, Epoch, TokenId};

use super::ledger::Ledger;
use crate::Fixture;
use crate::digest::digest;
use crate::oracle::oracle;
use crate::world::{CHAIN, account, at, spec, token};

laws! {
    __rewind of rewind(Fixture):
    a_rewind_is_the_exact_inverse_of_the_commits_above
    a_rewind_to_before_the_start_leaves_no_ledger
    a_rewind_bumps_the_epoch_and_leaves_a_record
    a_rewind_leaves_no_head_of_the_dead_branch
    a_rewind_leaves_no_block_processed_above_the_ancestor
    a_rewind_from_a_stale_cursor_is_refused_and_writes_nothing
    a_rewind_below_the_held_headers_is_refused_with_its_own_kind
    a_rewind_that_leaves_a_token_above_is_refused
    a_rewind_into_a_gap_of_the_held_headers_goes_to_the_parent_of_one
    an_operators_rewind_goes_below_the_held_headers_exactly
    a_rewind_by_a_person_is_an_event_of_its_own_and_no_reorg
    an_operators_rewind_to_another_block_than_the_held_one_is_refused
    an_operators_rewind_that_cuts_changes_by_time_elsewhere_is_refused
    a_rewind_to_a_block_with_another_time_is_refused
    a_token_that_begins_above_the_ancestor_keeps_nothing_whatever_its_times
    a_rewind_that_names_a_token_twice_is_invalid
    a_rewind_to_above_the_cursor_is_invalid
    a_rewind_to_a_block_of_another_branch_is_refused
    the_other_branch_is_committed_after_a_rewind
    a_halted_token_is_rewound_with_the_others_and_followed_again
}

/// After a rewind to any height, the ledger is what it was there.
async fn a_rewind_is_the_exact_inverse_of_the_commits_above(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.mine(0, &[(0, 1, 1_000), (0, 2, 500)]);
    ledger.mine(600, &[(1, 3, 250), (3, 3, 100), (3, 0, 1)]);
    ledger.mine(600, &[(2, 4, 0), (3, 1, 49), (0, 0, 5)]);
    ledger.mine(4_000, &[(1, 0, 300), (2, 3, 500), (0, 5, 1)]);
    let mut digests = Vec::new();
    for height in 1..=4 {
        ledger.commit_to(height).await.expect("commit");
        digests.push(ledger.digest().await);
    }
    for height in [3, 1] {
        let to = ledger.chain.block(height).expect("mined");
        ledger.rewind_to(to).await.expect("rewind");
        let expected = &digests[usize::try_from(height).expect("small") - 1];
        assert_eq!(&ledger.digest().await, expected, "at block {height}");
        let held = ledger.store().headers(CHAIN, BlockNumber::new(9), 9).await.expect("read");
        assert_eq!(held.first(), Some(&to), "headers above are gone");
    }
}

/// The ancestor is below the start block: the token starts again.
async fn a_rewind_to_before_the_start_leaves_no_ledger(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let genesis = ledger.chain.block(0).expect("genesis");
    ledger.rewind_to(genesis).await.expect("rewind below the lowest held header");
    let state = ledger.store().token(token()).await.expect("read").expect("registered");
    assert_eq!((state.cursor, state.start_time), (None, None));
    assert_eq!(state.totals, Default::default());
    assert_eq!(state.epoch, Epoch::new(1));
    assert_eq!(ledger.digest().await, Default::default());
    ledger.commit_to(5).await.expect("it starts again");
}

/// The epoch shows readers that history changed, and the record shows why.
async fn a_rewind_bumps_the_epoch_and_leaves_a_record(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let (to, from) = ledger.chain.block(3).zip(ledger.chain.block(5)).expect("mined");
    let record = ledger.rewind_to(to).await.expect("rewind");
    let token_part = RewoundToken {
        token: token(),
        from: from.id(),
        epoch: Epoch::new(1),
        changes_removed: 5,
        statements_reversed: 0,
    };
    let (tokens, contracts) = (vec![token_part], Vec::new());
    let expected = ReorgRecord { chain: CHAIN, to, tokens, contracts };
    assert_eq!(record, expected);
    let events = ledger.fixture.all_events().await.expect("read");
    assert_eq!(events.last().map(|e| &e.event), Some(&Event::Reorged(expected).into()));
    let seen = ledger.store().states(token(), &[account(1)]).await.expect("read");
    assert_eq!((seen.cursor, seen.epoch), (Some(to), Epoch::new(1)));
}

/// Goes back to block 3 after a report, and returns the chain's state before and after.
async fn rewind_after_report(fixture: Fixture, processed: u64) -> [ChainState; 2] {
    let ledger = Ledger::with_blocks(fixture).await;
    let report = ChainReport {
        chain: CHAIN,
        status: ChainStatus::Live,
        head: Some(BlockNumber::new(9)),
        head_time: Some(at(9_000)),
        processed: Some(BlockNumber::new(processed)),
    };
    ledger.store().report_chain(&report).await.expect("report");
    let state = async || ledger.store().chains().await.expect("read").remove(0);
    let before = state().await;
    ledger.rewind_to(ledger.chain.block(3).expect("mined")).await.expect("rewind");
    [before, state().await]
}

/// The newest head is unknown until it is reported; nothing else of the chain changes.
async fn a_rewind_leaves_no_head_of_the_dead_branch(fixture: Fixture) {
    let [before, after] = rewind_after_report(fixture, 3).await;
    assert_eq!(after, ChainState { head: None, head_time: None, ..before });
}

/// What was fetched above it was of the branch that was left.
async fn a_rewind_leaves_no_block_processed_above_the_ancestor(fixture: Fixture) {
    let [_, after] = rewind_after_report(fixture, 7).await;
    assert_eq!(after.processed, Some(BlockNumber::new(3)));
}

/// A rewind names the cursor it starts from.
async fn a_rewind_from_a_stale_cursor_is_refused_and_writes_nothing(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let before = ledger.digest().await;
    let (to, stale) = ledger.chain.block(2).zip(ledger.chain.block(4)).expect("mined");
    let rewind = Rewind {
        chain: CHAIN,
        to,
        tokens: vec![(token(), stale.id())],
        contracts: Vec::new(),
        cause: RewindCause::Reorg,
    };
    let error = ledger.store().rewind(&rewind).await.expect_err("the cursor is at 5");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!(ledger.digest().await, before);
    let held = ledger.store().headers(CHAIN, BlockNumber::new(9), 9).await.expect("read");
    assert_eq!(held.len(), 5);
}

/// Six blocks, of which the headers from 4 on are held.
async fn forgetful(fixture: Fixture) -> Ledger {
    let ledger = Ledger::with_blocks(fixture).await;
    ledger.mine(9_000, &[]);
    let mut message = ledger.message(&[token()], 6).await;
    message.blocks.retain_from = BlockNumber::new(4);
    ledger.store().commit(&message).await.expect("commit");
    ledger
}

/// Blocks below the held headers cannot be reached.
async fn a_rewind_below_the_held_headers_is_refused_with_its_own_kind(fixture: Fixture) {
    let ledger = forgetful(fixture).await;
    let before = ledger.digest().await;
    let too_deep = ledger.chain.block(2).expect("mined");
    let error = ledger.rewind_to(too_deep).await.expect_err("block 2 is two below the lowest");
    assert_eq!(error.kind(), StoreErrorKind::BeyondRetention);
    assert_eq!(ledger.digest().await, before);
    let parent = ledger.chain.block(3).expect("mined");
    ledger.rewind_to(parent).await.expect("the parent of the lowest held header");
}

/// Held headers name their parents, wherever the gap is.
async fn a_rewind_into_a_gap_of_the_held_headers_goes_to_the_parent_of_one(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    for number in 1..=6 {
        ledger.mine(number, &[(0, 1, number)]);
    }
    let mut message = ledger.message(&[token()], 6).await;
    message.blocks.headers.retain(|header| ![2, 3, 4].contains(&header.number.get()));
    ledger.store().commit(&message).await.expect("commit");
    let [between, parent] = [3, 4].map(|number| ledger.chain.block(number).expect("mined"));
    let error = ledger.rewind_to(between).await.expect_err("no held header links to block 3");
    assert_eq!(error.kind(), StoreErrorKind::BeyondRetention);
    let stranger = BlockRef { hash: between.hash, ..parent };
    let error = ledger.rewind_to(stranger).await.expect_err("not the parent of block 5");
    assert_eq!(error.kind(), StoreErrorKind::BeyondRetention);
    ledger.rewind_to(parent).await.expect("block 5 links to it");
    let first = ledger.chain.block(1).expect("mined");
    let expected = oracle(token(), &first, &parent, &ledger.chain.transfers(), &[]);
    assert_eq!(ledger.digest().await, expected);
    let held = ledger.store().headers(CHAIN, BlockNumber::new(9), 9).await.expect("read");
    assert_eq!(held, [first]);
}

/// An operator who knows the chain may rewind below the held headers, as exactly.
async fn an_operators_rewind_goes_below_the_held_headers_exactly(fixture: Fixture) {
    let ledger = forgetful(fixture).await;
    let to = ledger.chain.block(2).expect("mined");
    let record = ledger.rewind_by_operator(to).await.expect("the operator's block 2 is accepted");
    assert_eq!(record.to, to);
    let first = ledger.chain.block(1).expect("mined");
    let expected = oracle(token(), &first, &to, &ledger.chain.transfers(), &[]);
    assert_eq!(ledger.digest().await, expected);
    assert_eq!(ledger.store().headers(CHAIN, BlockNumber::new(9), 9).await.expect("read"), []);
    ledger.commit_to(6).await.expect("the ledger goes on from there");
}

/// It is not counted as a reorg.
async fn a_rewind_by_a_person_is_an_event_of_its_own_and_no_reorg(fixture: Fixture) {
    let ledger = forgetful(fixture).await;
    let record =
        ledger.rewind_by_operator(ledger.chain.block(2).expect("mined")).await.expect("rewind");
    let reason = Some("a law".to_owned());
    let newest = ledger.fixture.all_events().await.expect("read").pop().map(|newest| newest.event);
    assert_eq!(newest, Some(Event::Rewound { record, reason }.into()));
    let counts = async || {
        let state = ledger.store().token(token()).await.expect("read").expect("registered");
        (state.epoch.get(), state.rewinds_by_operator, state.reorgs())
    };
    assert_eq!(counts().await, (1, 1, 0));
    ledger.commit_to(6).await.expect("the ledger goes on from there");
    ledger.rewind_to(ledger.chain.block(5).expect("mined")).await.expect("block 5 is held");
    assert_eq!(counts().await, (2, 1, 1));
}

/// A held header overrides the operator's block.
async fn an_operators_rewind_to_another_block_than_the_held_one_is_refused(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let before = ledger.digest().await;
    ledger.chain.fork_at(2);
    let stranger = ledger.mine(700, &[]);
    let error = ledger.rewind_by_operator(stranger).await.expect_err("another block 3 is held");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!(ledger.digest().await, before);
}

/// A block with the time of another branch would cut the changes elsewhere than its height does.
async fn an_operators_rewind_that_cuts_changes_by_time_elsewhere_is_refused(fixture: Fixture) {
    let ledger = forgetful(fixture).await;
    let before = ledger.digest().await;
    let to = ledger.chain.block(2).expect("mined");
    for time in [at(0), at(8_000)] {
        let elsewhere = BlockRef { time, ..to };
        let error = ledger.rewind_by_operator(elsewhere).await.expect_err("the times differ");
        assert_eq!(error.kind(), StoreErrorKind::Conflict);
        assert_eq!(ledger.digest().await, before);
    }
}

/// Times divide the changes where heights do, so the ancestor's time must be right even if its hash
/// is.
async fn a_rewind_to_a_block_with_another_time_is_refused(fixture: Fixture) {
    let ledger = forgetful(fixture).await;
    let before = ledger.digest().await;
    let [parent, held] = [3, 4].map(|number| ledger.chain.block(number).expect("mined"));
    for to in [parent, held] {
        for time in [at(0), at(8_000)] {
            let elsewhere = BlockRef { time, ..to };
            let error = ledger.rewind_to(elsewhere).await.expect_err("the times differ");
            assert_eq!(error.kind(), StoreErrorKind::Conflict);
        }
    }
    assert_eq!(ledger.digest().await, before);
}

/// The token's blocks were of another branch and may have any time.
async fn a_token_that_begins_above_the_ancestor_keeps_nothing_whatever_its_times(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    let other = TokenId { chain: CHAIN, address: Address::repeat_byte(0x71) };
    let late = TokenSpec { start_block: BlockNumber::new(6), ..spec(other) };
    ledger.store().register_token(&late).await.expect("register");
    for number in 1..=5 {
        ledger.mine(number, &[]);
    }
    ledger.mine_amounts(6, other, &[(0, 1, Amount::from(7_u64))]);
    let orphan = ledger.mine_amounts(7, other, &[(1, 2, Amount::from(3_u64))]);
    let message = ledger.message(&[other], 7).await;
    ledger.store().commit(&message).await.expect("commit");
    ledger.chain.fork_at(3);
    ledger.mine(100, &[]);
    let to = ledger.mine(200, &[]);
    ledger.commit_to(5).await.expect("commit the other branch");
    let tokens = vec![(other, orphan.id())];
    let rewind =
        Rewind { chain: CHAIN, to, tokens, contracts: Vec::new(), cause: RewindCause::Reorg };
    let record = ledger.store().rewind(&rewind).await.expect("rewind");
    assert_eq!(record.tokens[0].changes_removed, 3);
    let (balances, points) = (&ledger.fixture.balances, &ledger.fixture.points);
    let left = digest(balances, points, other).await.expect("read");
    assert_eq!(left, Default::default());
    let state = ledger.store().token(other).await.expect("read").expect("registered");
    assert_eq!((state.cursor, state.totals), (None, Default::default()));
}

/// One rewind moves a token once.
async fn a_rewind_that_names_a_token_twice_is_invalid(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let before = ledger.digest().await;
    let cursor = ledger.cursor().await.expect("committed").id();
    let to = ledger.chain.block(3).expect("mined");
    let tokens = vec![(token(), cursor); 2];
    let rewind =
        Rewind { chain: CHAIN, to, tokens, contracts: Vec::new(), cause: RewindCause::Reorg };
    let error = ledger.store().rewind(&rewind).await.expect_err("named twice");
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert_eq!(ledger.digest().await, before);
}

/// A rewind never moves forward.
async fn a_rewind_to_above_the_cursor_is_invalid(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let before = ledger.digest().await;
    let above = ledger.mine(9_000, &[]);
    let error = ledger.rewind_to(above).await.expect_err("block 6 is above the cursor");
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert_eq!(ledger.digest().await, before);
}

/// Headers above the ancestor are dropped for every token of the chain, so no token may stay there:
/// not even one that moved during the rewind.
async fn a_rewind_that_leaves_a_token_above_is_refused(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let other = TokenId { chain: CHAIN, address: Address::repeat_byte(0x71) };
    ledger.store().register_token(&spec(other)).await.expect("register");
    let [second, third] = [2, 3].map(|number| ledger.chain.block(number).expect("mined"));
    let message = ledger.message(&[other], 3).await;
    ledger.store().commit(&message).await.expect("commit");
    let before = ledger.digest().await;
    let error = ledger.rewind_to(second).await.expect_err("the other token is at block 3");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!(ledger.digest().await, before);
    let held = ledger.store().headers(CHAIN, BlockNumber::new(9), 9).await.expect("read");
    assert_eq!(held.len(), 5);
    ledger.rewind_to(third).await.expect("the other token is at the ancestor");
}

/// The ancestor's hash counts, not only its height.
async fn a_rewind_to_a_block_of_another_branch_is_refused(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    ledger.chain.fork_at(2);
    let stranger = ledger.mine(700, &[]);
    let error = ledger.rewind_to(stranger).await.expect_err("block 3 is another one");
    assert_eq!(error.kind(), StoreErrorKind::BeyondRetention);
}

/// After the rewind the other branch gives the state of a clean pass over it.
async fn the_other_branch_is_committed_after_a_rewind(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    ledger.rewind_to(ledger.chain.block(2).expect("mined")).await.expect("rewind");
    ledger.chain.fork_at(2);
    ledger.mine(5_000, &[(2, 4, 500)]);
    ledger.mine(6_000, &[(4, 1, 1)]);
    ledger.commit_to(4).await.expect("commit the other branch");
    let (start, cursor) = ledger.chain.block(1).zip(ledger.chain.block(4)).expect("mined");
    let expected = oracle(token(), &start, &cursor, &ledger.chain.transfers(), &[]);
    assert_eq!(ledger.digest().await, expected);
}

/// Halted tokens hold orphaned facts, too.
async fn a_halted_token_is_rewound_with_the_others_and_followed_again(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    let other = TokenId { chain: CHAIN, address: Address::repeat_byte(0x71) };
    ledger.store().register_token(&spec(other)).await.expect("register");
    ledger.mine(0, &[(0, 1, 1_000)]);
    ledger.mine(1, &[(1, 2, 1)]);
    let message = ledger.message(&[token(), other], 2).await;
    ledger.store().commit(&message).await.expect("commit");
    let cursor = message.blocks.tip.id();
    ledger.store().halt_token(other, Some(cursor), "why").await.expect("halt");
    let to = ledger.chain.block(1).expect("mined");
    let rewind = Rewind {
        chain: CHAIN,
        to,
        tokens: vec![(token(), cursor), (other, cursor)],
        contracts: Vec::new(),
        cause: RewindCause::Reorg,
    };
    ledger.store().rewind(&rewind).await.expect("rewind both");
    for id in [token(), other] {
        let state = ledger.store().token(id).await.expect("read").expect("registered");
        assert_eq!((state.cursor, state.epoch), (Some(to), Epoch::new(1)));
        assert!(state.is_active());
    }
    let empty = digest(ledger.store(), &ledger.fixture.points, other).await.expect("read");
    assert_eq!(empty.changes, []);
}
