//! The chain as the engine asks for it.

use async_trait::async_trait;
use pledge_core::error::ChainError;
use pledge_core::ledger::Transfer;
use pledge_core::ledger::erc20::{self, View, encode_number, encode_text};
use pledge_core::ports::{ChainSource, LogsAnswer, LogsRequest};
use pledge_core::primitives::{Address, Bytes, U256};
use pledge_core::types::{
    Amount, BlockId, BlockNumber, BlockRef, Call, CallOutcome, ChainId, Reverted,
};

use super::csv_chain::{Answer, CsvChain, TOKEN};

const TOKEN_ADDRESS: Address = TOKEN.address;

#[async_trait]
impl ChainSource for CsvChain {
    async fn chain_id(&self) -> Answer<ChainId> {
        Ok(TOKEN.chain)
    }

    async fn head(&self) -> Answer<BlockRef> {
        self.block(BlockNumber::new(self.transfers.len() as u64))
    }

    async fn finalized(&self) -> Answer<Option<BlockRef>> {
        self.head().await.map(Some)
    }

    async fn headers(&self, from: BlockNumber, to: BlockNumber) -> Answer<Vec<BlockRef>> {
        (from.get()..=to.get()).map(|number| self.block(BlockNumber::new(number))).collect()
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Answer<LogsAnswer> {
        let headers = self.headers(request.from, request.to).await?;
        let mut logs = Vec::new();
        for row in &self.transfers {
            if (request.from..=request.to).contains(&row.block) {
                logs.push(erc20::encode(row, self.block(row.block)?.hash));
            }
        }
        logs.retain(|log| request.filter.matches(log));
        Ok(LogsAnswer { headers, logs })
    }

    async fn calls(&self, calls: &[Call], at: BlockId) -> Answer<Vec<CallOutcome>> {
        let rows = self.until(at)?;
        calls.iter().map(|call| self.outcome(call, &rows)).collect()
    }
}

impl CsvChain {
    /// What the one contract of the file returns; every other address has no code and no balance.
    fn outcome(&self, call: &Call, rows: &[&Transfer]) -> Answer<CallOutcome> {
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
