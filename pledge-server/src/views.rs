//! What the API shows, as the command line words it for an operator.

use std::fmt;
use std::time::Duration;

use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::TokenStatus;
use pledge_core::primitives::Address;
use pledge_http::views::{Age, ContractView, Marks, NonConserving};

use crate::output::counted;

/// A figure, or a dash if there is none.
pub(crate) fn figure(figure: Option<impl fmt::Display>) -> String {
    figure.map_or("-".to_owned(), |figure| figure.to_string())
}

/// How long ago a block was mined.
pub(crate) fn ago(age: Age) -> String {
    let seconds = age.seconds();
    let lasts = humantime::format_duration(Duration::from_secs(seconds.unsigned_abs()));
    if seconds < 0 { format!("{lasts} ahead of the clock") } else { format!("{lasts} ago") }
}

/// A contract whose logs are kept, in one line.
pub(crate) fn contract_line(contract: &ContractView) -> String {
    let ContractView { name, address, last_confirmed_block, last_confirmed_time, .. } = contract;
    let (block, time) = (figure(*last_confirmed_block), figure(*last_confirmed_time));
    let (logs, epoch) = (counted(contract.logs, "log"), contract.epoch.get());
    format!("{name} {address}: {logs}, confirmed {block} at {time}, epoch {epoch}")
}

/// The reasons of a status in one line, after its name: of what is paused and halted, both.
pub(crate) fn because(reason: Option<&String>, halt_reason: Option<&String>) -> String {
    let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
    let halt = halt_reason.map_or(String::new(), |halt| format!("; halted too: {halt}"));
    reason + &halt
}

/// Each mark of a token as a sentence.
pub(crate) fn marks_in_words(marks: &Marks) -> Vec<String> {
    let Marks { unreadable_logs, non_conserving, supply_unanswered } = marks;
    let unreadable = (*unreadable_logs > 0).then(|| {
        let logs = counted(*unreadable_logs, "log");
        format!("{logs} that look like transfers cannot be read")
    });
    let supply = non_conserving.map(|NonConserving { block, ledger, on_chain }| {
        format!("at block {block} the supply was {ledger} here and {on_chain} by the contract")
    });
    let unanswered = supply_unanswered.as_ref();
    let unanswered = unanswered.map(|why| format!("the supply could not be compared: {why}"));
    unreadable.into_iter().chain(supply).chain(unanswered).collect()
}

/// How the operator sets a chain going again; `None` if the chain recovers alone.
///
/// A halted chain has no held block in common with its nodes, so resuming alone would halt it
/// again.
pub(crate) fn way_on(name: &str, status: &ChainStatus) -> Option<String> {
    match status {
        ChainStatus::Paused(_) => Some(format!("`pledge resume {name}` sets it going again")),
        ChainStatus::Halted(_) | ChainStatus::PausedAndHalted { .. } => Some(format!(
            "`pledge rewind {name} --to BLOCK` takes it back to a block that its node has too, then \
             `pledge resume {name}` sets it going again"
        )),
        ChainStatus::Syncing | ChainStatus::Live | ChainStatus::Degraded(_) => None,
    }
}

/// How the operator sets a token going again; `None` if it is active.
pub(crate) fn way_on_of_token(chain: &str, token: Address, status: &TokenStatus) -> Option<String> {
    let resume = format!("`pledge resume {chain} --token {token}`");
    match status {
        TokenStatus::Active => None,
        TokenStatus::Halted(_) | TokenStatus::PausedAndHalted { .. } => Some(format!(
            "once its cause is gone, {resume} follows it again; while it is there, it halts again"
        )),
        TokenStatus::Paused(_) => Some(format!("{resume} follows it again")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use pledge_core::types::{Amount, BlockNumber, Timestamp};

    use super::*;

    #[test]
    fn an_age_ahead_of_the_clock_is_worded_so() {
        let age = |time, now| {
            let time = Timestamp::new(time).unwrap();
            ago(Age::of(time, UNIX_EPOCH + Duration::from_secs(now)))
        };
        assert_eq!(age(100, 161), "1m 1s ago");
        assert_eq!(age(161, 100), "1m 1s ahead of the clock");
    }

    #[test]
    fn each_mark_is_a_sentence_with_its_figures() {
        let block = BlockNumber::new(7);
        let (ledger, on_chain) = (Amount::from(50), Amount::from(150));
        let all = Marks {
            unreadable_logs: 1,
            non_conserving: Some(NonConserving { block, ledger, on_chain }),
            supply_unanswered: Some("pruned".to_owned()),
        };
        let expected = [
            "1 log that look like transfers cannot be read",
            "at block 7 the supply was 50 here and 150 by the contract",
            "the supply could not be compared: pruned",
        ];
        assert_eq!(marks_in_words(&all), expected);
        let none = Marks { unreadable_logs: 0, non_conserving: None, supply_unanswered: None };
        assert!(marks_in_words(&none).is_empty());
    }
}
