//! The result of a verification.

use std::fmt;

use pledge_core::ledger::{TokenState, UnreadableLog};
use pledge_core::types::{Account, Amount, ChainId};
use serde::Serialize;

use crate::output::{as_text, counted};

/// Mismatches listed for a token; the rest is counted.
const LISTED_MAX: usize = 20;
/// Unreadable logs listed for a token; the rest is counted.
pub(super) const UNREADABLE_LISTED_MAX: usize = 5;

#[derive(Debug, Default, Serialize)]
pub struct VerifyReport {
    /// The verified tokens, by chain and address.
    pub tokens: Vec<TokenReport>,
    /// Chains of the database without a configured node.
    pub unverified: Vec<UnverifiedChain>,
}

/// A chain that was not verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnverifiedChain {
    pub chain_id: ChainId,
    /// Its name in the database.
    pub name: String,
}

/// The outcome for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    /// No block is confirmed yet: there is nothing to verify.
    NotStarted,
    /// The token is halted and was not verified.
    Halted,
    /// Every balance agrees, but the contract's `totalSupply` is not their sum: the contract mints
    /// or burns without a log.
    NonConserving,
    /// The ledger differs from the contract or from itself.
    Mismatch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The ledger's balance from the contract's `balanceOf`.
    Balance,
    /// A change's balance or integral from the fold of those before it.
    Change,
    /// A total from the points that the changes give.
    Total,
    /// A statement from the points that the changes give in its window.
    Statement,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    #[serde(serialize_with = "as_text")]
    pub account: Account,
    pub subject: Subject,
    /// The stored value.
    pub stored: String,
    /// The expected value.
    pub expected: String,
}

/// Three sums, which should be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SupplyReport {
    /// Sum of the ledger's balances.
    pub accounts: Amount,
    /// The ledger's own count of mints and burns.
    pub ledger: Amount,
    /// The contract's `totalSupply`.
    pub contract: Amount,
}

#[derive(Debug, Serialize)]
pub struct TokenReport {
    pub chain_id: u64,
    pub token: String,
    pub symbol: String,
    pub verdict: Verdict,
    /// Why the token was not verified, if it was not.
    pub reason: Option<String>,
    /// The block of the comparison.
    pub at_block: Option<u64>,
    pub accounts: u64,
    /// Logs that look like transfers and cannot be read. What they moved is in no balance here.
    pub unreadable_logs: u64,
    /// The first unreadable logs.
    pub unreadable: Vec<UnreadableLog>,
    /// The first differences.
    pub mismatches: Vec<Mismatch>,
    pub mismatches_total: u64,
    pub supply: Option<SupplyReport>,
    /// Whether the sums are equal.
    pub supply_ok: bool,
    /// Whether totals and statements are what the changes give.
    pub points_ok: bool,
}

impl TokenReport {
    pub(super) fn begin(state: &TokenState) -> Self {
        Self {
            chain_id: state.spec.id.chain.get(),
            token: state.spec.id.address.to_string(),
            symbol: state.spec.metadata.symbol.clone(),
            verdict: Verdict::NotStarted,
            reason: None,
            at_block: state.cursor.map(|cursor| cursor.number.get()),
            accounts: 0,
            unreadable_logs: state.unreadable_logs,
            unreadable: Vec::new(),
            mismatches: Vec::new(),
            mismatches_total: 0,
            supply: None,
            supply_ok: true,
            points_ok: true,
        }
    }

    pub(super) fn halted(&mut self, reason: &str) {
        self.verdict = Verdict::Halted;
        self.reason = Some(reason.to_owned());
    }

    pub(super) fn mismatch(
        &mut self,
        subject: Subject,
        account: Account,
        stored: impl fmt::Display,
        expected: impl fmt::Display,
    ) {
        self.mismatches_total += 1;
        if matches!(subject, Subject::Total | Subject::Statement) {
            self.points_ok = false;
        }
        if self.mismatches.len() < LISTED_MAX {
            self.mismatches.push(Mismatch {
                account,
                subject,
                stored: stored.to_string(),
                expected: expected.to_string(),
            });
        }
    }

    pub(super) fn conclude(&mut self, supply: SupplyReport) {
        let consistent = supply.accounts == supply.ledger;
        self.supply_ok = consistent && supply.ledger == supply.contract;
        self.supply = Some(supply);
        self.verdict = if self.mismatches_total > 0 || !consistent {
            Verdict::Mismatch
        } else if !self.supply_ok {
            Verdict::NonConserving
        } else {
            Verdict::Ok
        };
    }
}

impl VerifyReport {
    /// Whether anything was compared, and nothing differs anywhere.
    pub fn is_fine(&self) -> bool {
        let fine = |token: &TokenReport| matches!(token.verdict, Verdict::Ok | Verdict::NotStarted);
        self.compared() > 0 && self.tokens.iter().all(fine)
    }

    /// Tokens whose ledger was compared with the contract.
    fn compared(&self) -> usize {
        let skipped =
            |token: &&TokenReport| matches!(token.verdict, Verdict::NotStarted | Verdict::Halted);
        self.tokens.len() - self.tokens.iter().filter(skipped).count()
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tokens.iter().try_for_each(|token| write!(f, "{token}"))?;
        for UnverifiedChain { chain_id, name } in &self.unverified {
            writeln!(f, "{name} ({chain_id}): not verified, no node of it is configured or named")?;
        }
        match self.compared() {
            0 => writeln!(f, "nothing was verified"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for TokenReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The verdict comes first, on one line, so that a list of many tokens can be scanned;
        // details follow.
        write!(f, "{} {} on chain {}: ", self.symbol, self.token, self.chain_id)?;
        let at = self.at_block.map_or(String::new(), |block| format!(" at block {block}"));
        let accounts = counted(self.accounts, "account");
        match self.verdict {
            Verdict::Ok => writeln!(f, "ok{at}: {accounts}, supply and points agree")?,
            Verdict::NotStarted => writeln!(f, "no block is confirmed yet")?,
            Verdict::Halted => {
                let reason = self.reason.as_deref().unwrap_or_default();
                writeln!(f, "halted, not verified: {reason}")?;
            }
            Verdict::NonConserving => {
                let why = if self.unreadable_logs == 0 {
                    "it mints or burns without Transfer logs"
                } else {
                    "logs that cannot be read mint or burn"
                };
                writeln!(
                    f,
                    "non_conserving{at}: the balances of {accounts} agree with the contract, but its \
                     totalSupply is not their sum: {why}"
                )?;
            }
            Verdict::Mismatch => {
                writeln!(f, "MISMATCH{at}: {} in {accounts}", self.mismatches_total)?;
            }
        }
        if let Some(supply) = self.supply.filter(|_| !self.supply_ok) {
            let SupplyReport { accounts, ledger, contract } = supply;
            writeln!(f, "  supply: balances {accounts}, ledger {ledger}, contract {contract}")?;
        }
        if self.unreadable_logs > 0 {
            let logs = counted(self.unreadable_logs, "log");
            writeln!(
                f,
                "  {logs} that look like transfers cannot be read and are in no balance here:"
            )?;
            self.unreadable.iter().try_for_each(|log| writeln!(f, "    {log}"))?;
        }
        for Mismatch { account, subject, stored, expected } in &self.mismatches {
            let subject = format!("{subject:?}").to_lowercase();
            writeln!(f, "  {account} {subject}: {stored} stored, {expected} expected")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_in_which_nothing_was_compared_is_not_fine() {
        let mut report = VerifyReport::default();
        let away = UnverifiedChain { chain_id: ChainId::new(5), name: "away".to_owned() };
        report.unverified.push(away);
        assert!(!report.is_fine());
        let text = report.to_string();
        assert!(text.contains("away (5): not verified"), "{text}");
        assert!(text.contains("nothing was verified"), "{text}");
    }
}
