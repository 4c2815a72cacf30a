//! The contract of the file, as the engine calls it.

use pledge_core::error::ChainError;
use pledge_core::ledger::Transfer;
use pledge_core::ledger::erc20::{View, encode_number, encode_text};
use pledge_core::primitives::{Address, Bytes, U256};
use pledge_core::types::{Amount, Call, CallOutcome, Reverted};

use super::csv_chain::{Answer, CsvChain, TOKEN};

const TOKEN_ADDRESS: Address = TOKEN.address;

impl CsvChain {
    /// What the one contract of the file returns; every other address has no code and no balance.
    pub(super) fn outcome(&self, call: &Call, rows: &[&Transfer]) -> Answer<CallOutcome> {
        let view = match call {
            Call::Contract { to: Some(TOKEN_ADDRESS), data } => View::decode(data),
            Call::Contract { .. } => return Ok(Ok(Bytes::new())),
            Call::Code(TOKEN_ADDRESS) => return Ok(Ok(Bytes::from_static(b"csv"))),
            Call::Code(_) => return Ok(Ok(Bytes::new())),
            Call::Balance(_) => return Ok(Ok(encode_number(U256::ZERO))),
        };
        let amount =
            |amount: Option<Amount>| amount.map(|a| encode_number(a.get())).ok_or_else(impossible);
        Ok(match view {
            Some(View::Decimals) => Ok(encode_number(U256::from(self.metadata.decimals.get()))),
            Some(View::Symbol) => Ok(encode_text(&self.metadata.symbol)),
            Some(View::BalanceOf(account)) => {
                let (received, sent) = flows(rows, account);
                Ok(amount(received.zip(sent).and_then(|(r, s)| r.checked_sub(s)))?)
            }
            Some(View::TotalSupply) => {
                let (burned, minted) = flows(rows, Address::ZERO);
                Ok(amount(minted.zip(burned).and_then(|(m, b)| m.checked_sub(b)))?)
            }
            None => Err(Reverted("the file has no such function".to_owned())),
        })
    }
}

/// All that an address received, and all that it sent; `None` beyond 2^256 - 1.
fn flows(rows: &[&Transfer], who: Address) -> (Option<Amount>, Option<Amount>) {
    let sum = |side: fn(&Transfer) -> Address| {
        let mut amounts = rows.iter().filter(|row| side(row) == who).map(|row| row.amount);
        amounts.try_fold(Amount::ZERO, Amount::checked_add)
    };
    (sum(|row| row.to), sum(|row| row.from))
}

fn impossible() -> ChainError {
    ChainError::persistent("read balances", "more is sent than held, or a sum exceeds 2^256 - 1")
}
