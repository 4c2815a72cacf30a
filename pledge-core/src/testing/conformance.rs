//! The laws of the ports: what it means for an implementation to be right.
//!
//! A law is a function over a fresh [`Fixture`](super::Fixture), named by the sentence that it
//! proves. A backend runs all of them with one macro a port:
//!
//! ```ignore
//! async fn fixture() -> Fixture {
//!     Fixture::new(Arc::new(MyStore::new()), ())
//! }
//! pledge_core::balance_store_conformance!(fixture());
//! pledge_core::points_store_conformance!(fixture());
//! pledge_core::event_store_conformance!(fixture());
//! pledge_core::engine_conformance!(fixture());
//! pledge_core::engine_properties!(fixture(), 256);
//! ```

pub mod archive;
pub mod archive_refused;
pub mod balance_store;
pub mod block_edges;
pub mod block_ends;
pub mod cases;
pub mod chain_source;
pub mod delivery;
pub mod edges;
pub mod engine;
pub mod engine_audit;
pub mod engine_claims;
pub mod engine_edges;
pub mod engine_finality;
pub mod engine_forks;
pub mod engine_nodes;
pub mod engine_properties;
pub mod engine_rewind;
pub mod engine_settling;
pub mod engine_standstill;
pub mod engine_supply;
pub mod engine_unreadable;
pub mod event_retention;
pub mod event_store;
pub mod failures;
pub mod leases;
pub mod ledger;
pub mod marks;
pub mod notifier;
pub mod pending_cache;
pub mod points_rewind;
pub mod points_store;
pub mod price_source;
pub mod rewind;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// The time that a law may take: hundreds of times what any takes on a slow machine.
const LAW_TIME_MAX: Duration = Duration::from_secs(300);

/// Runs a law to its end.
///
/// A law that does not end takes the process with it, after five minutes and with its name: an
/// implementation may loop without ever waiting, and hold more memory with each round.
pub fn run<F: Future<Output = ()>>(law: F) {
    let (ended, has_ended) = mpsc::channel::<()>();
    let name = std::thread::current().name().unwrap_or("a law").to_owned();
    let watch = std::thread::spawn(move || {
        if has_ended.recv_timeout(LAW_TIME_MAX) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{name} did not end within {LAW_TIME_MAX:?}");
            std::process::abort();
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be built").block_on(law);
    drop(ended);
    watch.join().expect("it only waits");
}

/// One test for each law of a module.
#[doc(hidden)]
#[macro_export]
macro_rules! __laws {
    ($fixture:expr, $module:ident, $($law:ident)+) => {
        $(
            #[test]
            fn $law() {
                $crate::testing::conformance::run(async {
                    let fixture = $fixture.await;
                    $crate::testing::conformance::$module::$law(fixture).await;
                });
            }
        )+
    };
}

/// The laws of [`BalanceStore`](crate::ports::BalanceStore) over a future that gives a fresh
/// [`Fixture`](super::Fixture).
#[macro_export]
macro_rules! balance_store_conformance {
    ($fixture:expr) => {
        $crate::__laws!($fixture, balance_store,
            an_empty_store_knows_nothing
            registering_a_token_again_answers_its_state
            another_spec_for_a_token_is_refused
            a_token_needs_its_chain
            a_chain_report_is_remembered_and_halting_is_an_event
            a_latched_chain_keeps_its_status_until_it_is_resumed
            a_commit_moves_cursor_balances_and_sums_together
            every_change_carries_the_balance_and_the_integral_after_it
            the_same_commit_again_is_refused_and_writes_nothing
            a_commit_on_another_base_is_refused_and_writes_nothing
            a_commit_with_one_bad_token_writes_nothing
            a_commit_out_of_the_chains_order_is_invalid
            a_commit_older_than_the_cursor_is_invalid
            a_commit_that_contradicts_a_held_header_is_refused
            tokens_at_one_cursor_are_committed_together
            of_two_writers_one_wins
            a_halted_token_refuses_commits_until_it_is_reinstated
            held_headers_are_forgotten_below_the_retained_height
            history_is_the_state_after_the_last_change_at_or_before_an_instant
            the_last_change_block_is_the_tokens_own
            histories_split_an_account_at_the_instant_asked_for
            pages_of_histories_are_complete
            histories_end_a_page_before_one_change_too_many
            the_time_of_a_change_is_that_of_its_number
            pages_of_changes_are_complete_and_newest_first
            pages_of_holders_are_complete_and_sorted
            the_largest_amounts_round_trip
            tokens_and_chains_do_not_see_each_other
            a_chain_of_any_number_may_be_asked_for
        );
        $crate::__laws!($fixture, rewind,
            a_rewind_is_the_exact_inverse_of_the_commits_above
            a_rewind_to_before_the_start_leaves_no_ledger
            a_rewind_bumps_the_epoch_and_leaves_a_record
            a_rewind_from_a_stale_cursor_is_refused_and_writes_nothing
            a_rewind_below_the_held_headers_is_refused_with_its_own_kind
            a_rewind_that_leaves_a_token_above_is_refused
            a_rewind_into_a_gap_of_the_held_headers_goes_to_the_parent_of_one
            a_vouched_rewind_goes_below_the_held_headers_exactly
            a_rewind_by_a_person_is_an_event_of_its_own_and_no_reorg
            a_vouched_rewind_to_another_block_than_the_held_one_is_refused
            a_vouched_rewind_that_cuts_changes_by_time_elsewhere_is_refused
            a_rewind_to_a_block_with_another_time_is_refused
            a_token_that_begins_above_the_ancestor_keeps_nothing_whatever_its_times
            a_rewind_that_names_a_token_twice_is_invalid
            a_rewind_to_above_the_cursor_is_invalid
            a_rewind_to_a_block_of_another_branch_is_refused
            the_other_branch_is_committed_after_a_rewind
            a_halted_token_is_rewound_with_the_others_and_followed_again
        );
        $crate::__laws!($fixture, marks,
            unreadable_logs_are_counted_and_their_pages_complete
            unreadable_logs_out_of_the_chains_order_are_invalid
            a_rewind_takes_unreadable_logs_back
            a_supply_is_recorded_at_the_cursor
            a_supply_of_another_block_than_the_cursors_is_refused
            a_rewind_forgets_a_supply_above_the_ancestor
        );
        $crate::__laws!($fixture, block_edges,
            an_edge_is_kept_by_chain_and_instant
            any_number_of_edges_is_kept
            an_edge_that_is_kept_stays
            edges_of_another_epoch_are_refused
            edges_above_the_cursor_or_out_of_order_are_invalid
            a_rewind_takes_the_edges_whose_next_block_is_above
            a_refused_rewind_takes_no_edge
        );
        $crate::__laws!($fixture, edges,
            every_text_comes_back_as_it_was
            texts_that_look_the_same_are_kept_apart
            the_largest_integrals_and_times_round_trip
            the_last_blocks_and_logs_round_trip
        );
    };
}

/// The laws of [`PointsStore`](crate::ports::PointsStore), likewise.
#[macro_export]
macro_rules! points_store_conformance {
    ($fixture:expr) => {
        $crate::__laws!($fixture, points_store,
            a_programme_is_what_was_put
            a_rate_change_in_the_settled_past_is_refused
            a_rate_change_under_a_settlement_is_refused
            a_batch_by_other_rates_is_refused
            windows_and_shards_of_a_programme_cannot_change
            a_batch_moves_points_and_progress_together
            the_same_batch_again_is_refused_and_counts_once
            a_batch_from_another_epoch_is_refused
            a_batch_that_skips_accounts_is_refused
            a_batch_that_goes_backwards_is_refused
            a_batch_outside_its_accounts_or_windows_is_invalid
            a_window_that_is_not_closed_is_refused
            a_shard_is_settled_when_every_account_was_reached
            a_failed_batch_is_recorded_and_the_rest_goes_on
            a_window_whose_batches_all_failed_is_listed
            another_attempt_completes_a_failed_batch
            attempts_are_counted_and_can_be_reset
            settling_every_shard_is_an_event
            standings_are_sorted_and_pages_complete
            pages_of_statements_are_complete_and_in_order
            a_settlement_costs_its_changes_and_not_its_windows
            the_largest_points_round_trip
        );
        $crate::__laws!($fixture, points_rewind,
            a_rewind_takes_back_statements_by_added_rows
            a_rewind_takes_back_rows_that_earned_nothing
            a_rate_cannot_change_where_points_were_published
            a_rewind_takes_back_the_rows_of_each_shard_alone
            a_rewind_restates_totals_to_what_is_still_settled
            a_rewind_leaves_alone_what_was_settled_before_it
            a_rewind_drops_a_settlement_under_way
        );
        $crate::__laws!($fixture, edges, the_points_of_all_time_round_trip);
    };
}

/// The laws of [`EventStore`](crate::ports::EventStore), likewise, and of the
/// [`Dispatcher`](crate::notify::Dispatcher) over it.
#[macro_export]
macro_rules! event_store_conformance {
    ($fixture:expr) => {
        $crate::__laws!($fixture, event_store,
            a_fresh_store_has_no_events_and_every_consumer_at_the_start
            events_come_in_order_with_what_they_describe
            pages_of_events_are_complete
            a_reorg_is_one_more_event_and_takes_none_back
            a_refused_write_leaves_no_event
            a_halted_token_that_is_halted_again_is_no_second_event
            no_event_appears_below_one_that_was_read
            a_position_is_what_was_recorded_last
            a_position_moves_only_from_where_it_stands
            a_position_never_goes_back
            a_position_never_passes_the_newest_event
            of_two_that_move_a_position_one_wins
            positions_do_not_see_each_other
        );
        $crate::__laws!($fixture, event_retention,
            events_go_once_every_consumer_has_them
            the_newest_events_stay_and_their_numbers_go_on
            a_consumer_that_takes_nothing_for_too_long_is_dropped_and_that_is_an_event
            a_consumer_that_takes_one_event_is_waited_for_again
            a_consumer_that_is_dropped_begins_again_with_what_is_kept
        );
        $crate::__laws!($fixture, delivery,
            every_event_is_delivered_in_order
            a_drain_goes_on_behind_the_last_event_delivered
            a_reorg_is_delivered_like_any_other_event
            an_event_that_is_not_taken_is_named_and_stays_due
            a_stopped_drain_says_whether_more_is_due
            a_crash_repeats_at_most_one_batch
            two_dispatchers_of_one_consumer_lose_nothing
            consumers_are_told_apart
        );
    };
}

/// The laws of [`Archive`](crate::ports::Archive), from one store to another, of the same backend or not:
/// two futures that each give a fresh [`ArchiveFixture`](super::ArchiveFixture).
#[macro_export]
macro_rules! archive_conformance {
    ($from:expr, $to:expr) => {
        $crate::__laws!(
            async { $crate::testing::conformance::archive::Move { from: $from.await, to: $to.await } },
            archive,
            an_empty_store_is_an_empty_archive
            an_export_tells_everything_in_the_order_of_the_keys
            an_export_of_equal_stores_is_equal
            an_export_sees_one_snapshot
            an_import_gives_the_same_export
            pages_of_an_archive_are_complete
            the_largest_figures_are_moved
            reversed_statements_survive
            a_settlement_under_way_and_its_failures_survive
            event_numbers_go_on
            an_imported_ledger_goes_on_as_the_original_would
        );
        $crate::__laws!(
            async { $crate::testing::conformance::archive::Move { from: $from.await, to: $to.await } },
            archive_refused,
            an_import_into_a_store_in_use_is_refused
            of_two_imports_one_wins
            an_import_cut_short_leaves_nothing
            records_out_of_order_are_refused
            a_record_without_what_it_refers_to_is_refused
            figures_that_do_not_add_up_are_refused
            a_refused_record_is_named
        );
    };
}

/// The laws of the engine over a store: worked cases and property tests.
#[macro_export]
macro_rules! engine_conformance {
    ($fixture:expr) => {
        $crate::__laws!($fixture, engine_supply,
            a_supply_is_compared_when_a_token_first_is_live
            a_token_followed_too_late_is_marked_with_both_numbers
            a_supply_is_compared_again_after_each_utc_day
            a_difference_marks_a_token_until_it_is_gone
            a_node_without_state_leaves_the_supply_unknown
            a_supply_of_a_lost_branch_is_compared_again
            a_single_false_supply_marks_nothing
            a_node_without_the_block_leaves_the_supply_unknown
            many_supplies_are_compared_in_several_polls
        );
        $crate::__laws!($fixture, engine_unreadable,
            an_unreadable_log_is_counted_with_its_block
            a_reorg_takes_unreadable_logs_back
            unreadable_logs_are_their_tokens_own
            an_unreadable_log_halts_a_token_that_asks_for_it
        );
        $crate::__laws!($fixture, block_ends,
            an_account_may_pass_on_what_it_gets_later_in_the_block
            a_burn_may_come_before_its_mint
            a_transfer_to_oneself_needs_no_cover
            every_row_of_a_netted_account_carries_the_balance_at_the_blocks_end
            a_sum_may_pass_the_largest_amount_inside_a_block
            a_balance_below_zero_at_a_blocks_end_halts_with_its_figures
            a_supply_beyond_the_largest_amount_at_a_blocks_end_halts
            a_rewind_of_netted_rows_is_exact
            a_zero_amount_writes_rows_of_accounts_that_exist_and_makes_none
            pending_balances_are_judged_at_the_end_of_a_block
        );
        $crate::__laws!($fixture, cases,
            case_1_the_seed_earns_twenty_thirds
            case_2_cutting_the_seed_changes_nothing
            case_3_selling_at_the_window_edge_costs_nothing
            case_4_receiving_at_the_window_edge_counts
            case_5_a_flash_balance_earns_nothing
            case_6_a_rate_change_inside_a_window_splits_exactly
            case_8_three_days_of_outage_earn_the_same
            case_9_a_reorg_changes_the_points_exactly
            case_13_three_hours_sum_without_rounding
            case_14_one_base_unit_over_a_year_is_not_lost
            case_15_two_chains_with_different_decimals_add_up
            case_16_the_largest_balance_earns_exactly
            case_17_an_overdraft_halts_the_token_and_writes_nothing
        );
        $crate::__laws!($fixture, engine,
            pending_blocks_show_and_never_enter_the_ledger
            a_pending_overdraft_leaves_the_pending_balance_open
            a_fork_inside_the_confirmations_rebuilds_only_pending
            a_lagging_head_is_no_fork
            a_shorter_branch_is_followed
            a_fork_deeper_than_the_retained_headers_halts_the_chain
            a_resumed_chain_that_still_differs_halts_again
            a_paused_chain_stays_paused_until_it_is_resumed
            a_token_added_later_catches_up_and_joins
            a_halted_token_stays_behind_while_the_others_go_on
            a_token_halts_at_the_block_before_its_fault
            short_answers_leave_no_gap
            failing_calls_delay_and_lose_nothing
            a_finalized_tag_confirms_what_it_reaches
            a_time_that_goes_back_is_asked_for_again
            a_stopped_settlement_goes_on_where_it_stood
            a_deadline_stops_a_settlement_between_batches
            a_rewind_under_a_settlement_is_a_conflict
        );
        $crate::__laws!($fixture, failures,
            a_batch_that_fails_does_not_stop_the_others
            the_next_run_mends_a_failed_batch
            a_batch_is_given_up_after_its_attempts_until_it_is_reset
            a_store_that_is_away_is_no_failure_of_the_batch
            a_conflict_that_passes_is_settled_by_the_same_call
            a_conflict_that_stays_is_an_error_of_the_call
            one_tokens_trouble_keeps_no_other_from_being_settled
        );
        $crate::__laws!($fixture, engine_nodes,
            a_fork_met_by_a_token_that_catches_up_is_resolved
            a_fork_under_a_halted_token_holds_up_no_other
            only_blocks_on_the_branch_of_the_head_are_confirmed
            a_finalized_block_of_another_branch_confirms_nothing
            the_first_blocks_of_a_token_are_on_the_branch_of_the_head
            a_stray_answer_far_from_the_head_is_no_fork
            a_token_that_cannot_be_read_holds_up_no_other
            a_pause_in_the_middle_of_a_slice_lasts
            a_chain_that_halts_again_is_halted_again
            a_token_that_joins_sees_its_pending_blocks
            a_second_indexer_is_a_conflict_and_no_trouble
            a_longer_branch_replaces_the_pending_blocks
            a_fork_of_many_pages_of_headers_is_resolved
            a_fork_just_below_the_held_headers_is_resolved
            a_fork_below_a_cursor_that_is_not_held_halts_the_chain
            a_chain_is_syncing_while_a_token_catches_up
            a_time_that_goes_back_between_slices_is_asked_for_again
        );
        $crate::__laws!($fixture, engine_forks,
            a_fork_above_a_gap_in_the_held_headers_is_resolved
            tokens_on_two_lost_branches_go_back_to_an_ancestor_of_both
            an_ancestor_of_another_tokens_branch_is_none_of_this_one
            an_ancestor_below_the_start_of_a_token_is_found_without_it
            a_fork_is_not_searched_for_where_no_header_is_held
            a_ledger_whose_tip_was_orphaned_while_away_is_rewound_first
            a_restored_backup_goes_on_from_where_it_stands
            a_restored_backup_of_a_lost_branch_is_rewound_first
        );
        $crate::__laws!($fixture, engine_audit,
            an_audit_that_agrees_changes_nothing
            a_block_that_the_audit_has_otherwise_is_not_committed
            a_transfer_that_the_audit_lacks_is_not_committed
            the_block_before_a_fault_is_audited_too
            the_block_before_a_fault_fits_between_its_neighbours
            a_transfer_just_before_a_fault_is_not_lost
            without_the_audit_nothing_is_committed
            a_fork_that_the_audit_does_not_have_takes_nothing_back
            blocks_that_the_audit_lacks_confirm_nothing_below
            a_block_that_is_not_final_for_the_audit_is_not_committed
        );
        $crate::__laws!($fixture, engine_claims,
            a_head_far_above_the_chain_confirms_nothing_early
            a_head_with_a_false_time_is_not_shown
            a_head_far_above_the_chain_hastens_no_backfill
            a_head_that_only_one_of_two_sources_shows_confirms_nothing_early
            a_head_a_little_above_the_chain_confirms_nothing_early
            a_head_below_the_ledger_takes_nothing_back
            a_finalized_block_that_is_not_there_confirms_nothing
            a_time_ahead_of_the_clock_is_not_committed
            the_slack_of_the_clock_is_exact
            a_time_that_goes_back_for_a_while_leaves_no_trace
            a_false_time_that_was_committed_is_taken_back
            a_pending_snapshot_from_elsewhere_confirms_nothing
            a_pending_balance_that_is_not_known_is_none
        );
        $crate::__laws!($fixture, engine_edges,
            every_edge_of_a_closed_window_is_found
            held_headers_show_an_edge_without_the_node
            edges_follow_the_chain_through_a_reorg
            a_node_on_another_branch_shows_no_edge
            a_failed_question_is_asked_again_after_a_minute
            an_edge_waits_for_a_confirmed_block_after_it
        );
        $crate::__laws!($fixture, engine_finality,
            a_chain_without_finality_says_so_after_a_minute
            finality_that_does_not_move_is_reported
        );
        $crate::__laws!($fixture, engine_standstill,
            blocks_that_stay_gone_are_reported_after_a_minute
            what_passes_within_a_minute_is_not_reported
            a_range_that_never_stands_on_the_cursor_is_reported
            an_instance_that_comes_second_reports_nothing
            a_halt_is_over_when_a_reorg_replaces_its_block
            a_halt_stays_while_its_block_does
            a_halted_token_on_a_lost_branch_is_rewound
            a_halted_token_alone_on_a_lost_branch_is_rewound
            a_header_of_a_halted_token_keeps_no_other_from_its_block
        );
        $crate::__laws!($fixture, engine_rewind,
            a_chain_halted_by_a_deep_fork_goes_on_after_a_rewind
            a_rewind_to_above_the_fork_is_refused
            a_rewind_to_above_the_fork_is_exact_where_no_change_lies_between
            a_rewind_to_above_every_token_is_refused
        );
        $crate::__laws!($fixture, engine_settling,
            a_batch_that_keeps_failing_waits_for_a_person
            an_account_of_a_failed_batch_is_settled_no_further
            a_settlement_under_way_ends_where_it_was_going
            shards_that_are_shared_out_are_settled_once_each
            at_a_rate_of_zero_nobody_earns
            statements_sum_to_the_state_through_reorgs_in_turn
            a_programme_added_late_is_settled_from_the_start
            an_answer_holds_from_the_instant_of_a_change
            an_instant_outside_the_ledger_is_refused_with_its_bound
        );
    };
}

/// The property tests of the engine over a store. `$fixture` is a closure's body: it is evaluated
/// once a case.
#[macro_export]
macro_rules! engine_properties {
    ($fixture:expr, $cases:expr) => {
        $crate::__properties!($fixture, $cases, engine_properties,
            any_history_equals_the_oracle
            an_interrupted_settlement_equals_an_uninterrupted_one
            an_outage_equals_no_outage
            points_of_all_accounts_equal_rate_times_supply
            splitting_an_interval_changes_nothing
            reorgs_leave_what_a_clean_pass_gives
            statements_sum_to_the_total_and_only_grow
            a_rewind_is_the_exact_inverse_of_any_blocks
        );
        $crate::__properties!($fixture, $cases, delivery,
            every_event_arrives_at_least_once_in_order_whatever_fails
        );
    };
}

/// The property that a store answers as another that is known to be right. Both are closures'
/// bodies, evaluated once a case.
#[macro_export]
macro_rules! same_answers {
    ($fixture:expr, $reference:expr, $cases:expr) => {
        #[test]
        fn any_history_gives_the_same_answers() {
            $crate::testing::twins::any_history_gives_the_same_answers(
                $cases,
                || Box::pin(async { $fixture.await }),
                || Box::pin(async { $reference.await }),
            );
        }

        #[test]
        fn a_history_of_a_thousand_steps_gives_the_same_answers() {
            $crate::testing::twins::a_history_of_a_thousand_steps_gives_the_same_answers(
                || Box::pin(async { $fixture.await }),
                || Box::pin(async { $reference.await }),
            );
        }
    };
}

/// The property that a store tells the same archive as another that is known to be right, and takes it
/// over. Both are closures' bodies that give an [`ArchiveFixture`](super::ArchiveFixture), evaluated once
/// a case or more.
#[macro_export]
macro_rules! same_archives {
    ($fixture:expr, $reference:expr, $cases:expr) => {
        #[test]
        fn any_history_gives_the_same_archive() {
            $crate::testing::twins::any_history_gives_the_same_archive(
                $cases,
                || Box::pin(async { $fixture.await }),
                || Box::pin(async { $reference.await }),
            );
        }
    };
}

/// One test for each property.
#[doc(hidden)]
#[macro_export]
macro_rules! __properties {
    ($fixture:expr, $cases:expr, $module:ident, $($law:ident)+) => {
        $(
            #[test]
            fn $law() {
                $crate::testing::conformance::$module::$law($cases, || {
                    Box::pin(async { $fixture.await })
                });
            }
        )+
    };
}

/// The laws of [`ChainSource`](crate::ports::ChainSource) over a future that gives a
/// [`SourceFixture`](chain_source::SourceFixture).
#[macro_export]
macro_rules! chain_source_conformance {
    ($fixture:expr) => {
        $crate::__laws!($fixture, chain_source,
            the_chain_id_is_reported
            headers_are_complete_and_linked
            headers_come_in_the_order_asked
            every_header_comes_where_all_are_asked_for
            sparse_answers_bring_ends_and_blocks_with_transfers
            a_range_is_the_sum_of_its_parts
            an_unused_contract_is_an_empty_range
            a_block_that_is_not_there_is_gone
            metadata_is_the_contracts_own
            balances_and_supply_are_what_the_transfers_sum_to
            balances_at_an_orphaned_block_are_gone
        );
    };
}

/// The laws of [`PendingCache`](crate::ports::PendingCache) over a future that gives a fresh cache.
#[macro_export]
macro_rules! pending_cache_conformance {
    ($cache:expr) => {
        $crate::__laws!($cache, pending_cache,
            what_was_stored_last_is_loaded
            chains_do_not_see_each_others_pending_blocks
            a_fresh_cache_is_empty
        );
    };
}

/// The laws of [`Leases`](crate::ports::Leases) over a future that gives fresh ones.
#[macro_export]
macro_rules! leases_conformance {
    ($leases:expr) => {
        $crate::__laws!($leases, leases,
            every_lease_that_is_held_is_seen
            a_renewal_replaces_what_was_offered
            a_lease_that_is_not_renewed_ends
            a_released_lease_is_gone_until_it_is_renewed
            what_is_not_held_may_be_released
            a_lease_that_would_last_too_long_is_refused
        );
    };
}

/// The laws of [`Notifier`](crate::ports::Notifier) over a future that gives a
/// [`NotifierFixture`](notifier::NotifierFixture).
#[macro_export]
macro_rules! notifier_conformance {
    ($fixture:expr) => {
        $crate::__laws!($fixture, notifier,
            an_event_that_is_taken_is_there_whole
            events_are_received_in_the_order_of_the_calls
            a_repeat_is_taken_with_the_same_sequence_number
            a_dropped_call_harms_no_later_one
        );
    };
}

/// The laws of [`PriceSource`](crate::ports::PriceSource) over a future that gives a
/// [`PriceFixture`](price_source::PriceFixture).
#[macro_export]
macro_rules! price_source_conformance {
    ($fixture:expr) => {
        $crate::__laws!($fixture, price_source,
            a_price_is_of_the_token_asked_for_and_above_zero
            a_price_says_when_it_was_observed
            one_observation_is_one_price
            an_unknown_token_is_unknown_and_harms_no_other
        );
    };
}
