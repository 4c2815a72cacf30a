//! Who acted in a block: what proves a deployment in it.

use alloy::primitives::{Address, U64};
use serde::Deserialize;
use serde_json::json;

use crate::http::Call;

/// Accounts whose state shows that the node has the state of a block: with the code, one request.
const WITNESSES_MAX: usize = 3;

/// A block with its transactions, as far as they name who acted in it.
#[derive(Debug, Deserialize)]
pub(super) struct FullBlock {
    #[serde(default)]
    miner: Option<Address>,
    transactions: Vec<Sent>,
}

#[derive(Debug, Deserialize)]
struct Sent {
    #[serde(default)]
    from: Option<Address>,
    #[serde(default)]
    to: Option<Address>,
    #[serde(default)]
    nonce: Option<U64>,
}

impl FullBlock {
    /// Whether one of its transactions creates a contract at this address.
    pub(super) fn creates(&self, token: Address) -> bool {
        // A contract that another one creates does not show here; witnesses prove that one.
        self.transactions.iter().any(|sent| match (sent.from, sent.to, sent.nonce) {
            (Some(from), None, Some(nonce)) => from.create(nonce.to()) == token,
            _ => false,
        })
    }

    /// Questions about accounts whose state at the block before is most likely above zero.
    pub(super) fn witnesses(&self, before: u64) -> Vec<Call> {
        let at = format!("{before:#x}");
        let mut senders: Vec<(u64, Address)> = self
            .transactions
            .iter()
            .filter_map(|sent| Some((sent.nonce?.to::<u64>(), sent.from?)))
            .filter(|(nonce, _)| *nonce > 0)
            .collect();
        senders.sort_unstable();
        senders.dedup_by_key(|(_, sender)| *sender);
        // The highest nonces first: those accounts have most surely sent something before this
        // block.
        let nonces = senders.iter().rev().take(WITNESSES_MAX - 1);
        let nonces =
            nonces.map(|(_, sender)| Call::new("eth_getTransactionCount", json!([sender, at])));
        let payers = self.transactions.iter().filter_map(|sent| sent.from).take(1);
        let payers = payers.chain(self.miner);
        let balances = payers.map(|payer| Call::new("eth_getBalance", json!([payer, at])));
        nonces.chain(balances).take(WITNESSES_MAX).collect()
    }
}
