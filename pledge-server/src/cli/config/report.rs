//! What `pledge config check` found, one line per check.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pledge_core::types::{BlockNumber, Timestamp};
use serde::Serialize;

use crate::cli::Verdict;
use crate::config::{ConfigError, Key, NodeUrl, Problem};
use crate::output::counted;
use crate::setup::NodeFacts;

#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Check {
    key: String,
    outcome: Outcome,
    /// What was found, or what is wrong and the remedy.
    message: String,
    #[serde(flatten)]
    facts: Option<Facts>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Ok,
    /// It may be right, but cannot be reached or read now.
    Failed,
    /// The operator has to change the configuration.
    Wrong,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Facts {
    Node(NodeFacts),
    Token(TokenFacts),
    Contract(ContractFacts),
}

#[derive(Debug, Serialize)]
pub(super) struct TokenFacts {
    pub(super) address: String,
    pub(super) symbol: String,
    pub(super) decimals: u8,
    pub(super) start_block: BlockNumber,
    pub(super) start: Start,
}

#[derive(Debug, Serialize)]
pub(super) struct ContractFacts {
    pub(super) address: String,
    /// The number of events that are kept; `None` for all.
    pub(super) events: Option<usize>,
    pub(super) start_block: BlockNumber,
    pub(super) start: Start,
}

/// Where the start block comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Start {
    Registered,
    Configured,
    Found,
}

impl Report {
    /// A configuration that cannot even be read.
    pub(super) fn of(error: &ConfigError) -> Self {
        let mut report = Self::default();
        report.wrong(error.problems());
        report
    }

    pub(super) fn ok(&mut self, key: &Key, message: String) {
        self.add(key.as_str(), Outcome::Ok, message, None);
    }

    pub(super) fn failed(&mut self, key: &Key, message: String) {
        self.add(key.as_str(), Outcome::Failed, message, None);
    }

    pub(super) fn wrong<'a>(&mut self, problems: impl IntoIterator<Item = &'a Problem>) {
        for Problem { key, what } in problems {
            self.add(key, Outcome::Wrong, what.clone(), None);
        }
    }

    pub(super) fn node(&mut self, key: &Key, url: &NodeUrl, node: NodeFacts) {
        let message = format!("{url}: {}", describe_node(&node, SystemTime::now()));
        self.add(key.as_str(), Outcome::Ok, message, Some(Facts::Node(node)));
    }

    pub(super) fn token(&mut self, key: &Key, token: TokenFacts) {
        let message = describe_token(&token);
        self.add(key.as_str(), Outcome::Ok, message, Some(Facts::Token(token)));
    }

    pub(super) fn contract(&mut self, key: &Key, contract: ContractFacts) {
        let message = describe_contract(&contract);
        self.add(key.as_str(), Outcome::Ok, message, Some(Facts::Contract(contract)));
    }

    /// Passes every key through a function.
    pub(super) fn rename(&mut self, name: impl Fn(&str) -> String) {
        for check in &mut self.checks {
            check.key = name(&check.key);
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        self.checks.extend(other.checks);
    }

    /// The verdict of the worst check.
    pub(super) fn verdict(&self) -> Verdict {
        match self.checks.iter().map(|check| check.outcome).max() {
            None | Some(Outcome::Ok) => Verdict::Fine,
            Some(Outcome::Failed) => Verdict::Failed,
            Some(Outcome::Wrong) => Verdict::Wrong,
        }
    }

    fn add(&mut self, key: &str, outcome: Outcome, message: String, facts: Option<Facts>) {
        self.checks.push(Check { key: key.to_owned(), outcome, message, facts });
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.outcome == outcome).count()
    }
}

fn describe_node(node: &NodeFacts, now: SystemTime) -> String {
    let client = node.client.as_ref().map_or(String::new(), |client| format!(", {client}"));
    let finalized = match node.finalized_block {
        Some(block) => format!("finalized {block}"),
        None => "no finalized block".to_owned(),
    };
    let history = if node.keeps_history {
        "keeps history"
    } else {
        "no state of old blocks, so it cannot find a start_block"
    };
    format!(
        "chain {}{client}, {} ms, block {} ({}), {finalized}, {history}",
        node.chain_id,
        node.latency_ms,
        node.head_block,
        age(node.head_time, now)
    )
}

/// How long ago a block was mined. A scripted chain may be ahead of the clock.
fn age(time: Timestamp, now: SystemTime) -> String {
    let mined = UNIX_EPOCH + Duration::from_secs(time.get());
    match now.duration_since(mined) {
        Ok(age) => {
            format!("{} ago", humantime::format_duration(Duration::from_secs(age.as_secs())))
        }
        Err(_) => "in the future".to_owned(),
    }
}

fn describe_token(token: &TokenFacts) -> String {
    let TokenFacts { address, symbol, decimals, start_block, start } = token;
    let symbol = if symbol.is_empty() { "no symbol" } else { symbol };
    format!("{symbol} {address}, {decimals} decimals, from block {start_block}, {start}")
}

fn describe_contract(contract: &ContractFacts) -> String {
    let ContractFacts { address, events, start_block, start } = contract;
    let events = match events {
        None => "every log".to_owned(),
        Some(events) => counted(*events as u64, "event"),
    };
    format!("{address}, {events}, from block {start_block}, {start}")
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registered => "as in the database",
            Self::Configured => "as configured",
            Self::Found => "found: the block of its deployment",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Failed => "FAILED",
            Self::Wrong => "WRONG",
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.checks.iter().map(|check| check.key.chars().count()).max().unwrap_or(0);
        for Check { key, outcome, message: text, facts: _ } in &self.checks {
            writeln!(f, "{outcome:<6}  {key:<width$}  {text}")?;
        }
        match (self.count(Outcome::Failed), self.count(Outcome::Wrong)) {
            (0, 0) => writeln!(f, "everything is fine"),
            (failed, wrong) => writeln!(f, "{failed} failed, {wrong} to correct"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::root("chains")
    }

    #[test]
    fn the_worst_outcome_is_the_verdict() {
        let mut report = Report::default();
        assert_eq!(report.verdict(), Verdict::Fine);
        report.wrong(ConfigError::at(&key(), "no").problems());
        report.failed(&key(), "not now".to_owned());
        report.ok(&key(), "fine".to_owned());
        assert_eq!(report.verdict(), Verdict::Wrong);
        report.checks.remove(0);
        assert_eq!(report.verdict(), Verdict::Failed);
    }

    #[test]
    fn a_node_is_described_in_one_line() {
        let node = NodeFacts {
            chain_id: pledge_core::types::ChainId::new(5),
            latency_ms: 12,
            client: Some("anvil/v1".to_owned()),
            head_block: BlockNumber::new(7),
            head_time: Timestamp::new(100).unwrap(),
            finalized_block: None,
            keeps_history: true,
        };
        let now = UNIX_EPOCH + Duration::from_secs(161);
        let line =
            "chain 5, anvil/v1, 12 ms, block 7 (1m 1s ago), no finalized block, keeps history";
        assert_eq!(describe_node(&node, now), line);
        let early = UNIX_EPOCH + Duration::from_secs(1);
        assert!(describe_node(&node, early).contains("block 7 (in the future)"));
    }
}
