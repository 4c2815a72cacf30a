//! The answers of the API. What they mean is in its document, `/openapi.json`.
//!
//! A field that a newer server adds is not read.
#![expect(missing_docs, reason = "the API's document explains every field by the same name")]

use pledge_core::ledger::ChangeType;
use pledge_core::ports::StatementKind;
use pledge_core::primitives::{Address, B256};
use pledge_core::query::SettlementStatus;
use pledge_core::types::{
    Amount, BalanceSeconds, BlockNumber, ChainId, Decimals, Epoch, LogIndex, Rate, RawPoints,
    Scale, ShardId, Timestamp, WeightBp,
};
use serde::{Deserialize, Serialize};

use crate::List;

/// Declares answers: each is read from JSON, and can be written again.
macro_rules! answers {
    ($($(#[$doc:meta])+ $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)+ })+) => {
        $(
            $(#[$doc])+
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            pub struct $name {
                $($(#[$attribute])* pub $field: $type,)+
            }
        )+
    };
}
pub(crate) use answers;

answers! {
    /// A chain, and how far it is.
    Chain {
        chain_id: ChainId,
        name: String,
        status: String,
        reason_code: Option<String>,
        reason: Option<String>,
        halt_reason: Option<String>,
        head_block: Option<BlockNumber>,
        head_time: Option<Timestamp>,
        head_age_seconds: Option<i64>,
        last_processed_block: Option<BlockNumber>,
        last_confirmed_block: Option<BlockNumber>,
        last_confirmed_time: Option<Timestamp>,
        last_calculated_block: Option<BlockNumber>,
        last_calculated_time: Option<Timestamp>,
        last_confirmed_age_seconds: Option<i64>,
        halted_tokens: Vec<HaltedToken>,
        contracts: Vec<Contract>,
    }

    /// A token that is halted or paused.
    HaltedToken {
        address: Address,
        symbol: String,
        reason_code: String,
        reason: String,
    }

    /// A contract whose logs are kept.
    Contract {
        name: String,
        address: Address,
        start_block: BlockNumber,
        last_confirmed_block: Option<BlockNumber>,
        last_confirmed_time: Option<Timestamp>,
        logs: u64,
        epoch: Epoch,
    }

    /// A token, its sums and one of its programmes.
    Token {
        address: Address,
        symbol: String,
        decimals: Decimals,
        start_block: BlockNumber,
        status: String,
        reason_code: Option<String>,
        reason: Option<String>,
        halt_reason: Option<String>,
        unreadable_logs: u64,
        non_conserving: Option<NonConserving>,
        supply_unanswered: Option<String>,
        last_confirmed_block: Option<BlockNumber>,
        last_confirmed_time: Option<Timestamp>,
        holders: u64,
        total_supply: Amount,
        programme: Option<Programme>,
    }

    /// Two supplies that should be equal.
    NonConserving {
        block: BlockNumber,
        ledger: Amount,
        on_chain: Amount,
    }

    /// By what rule accounts earn points.
    Programme {
        name: String,
        rate: Rate,
        schedule: Vec<RateStep>,
        window_seconds: u64,
        settled: Option<Timestamp>,
        points_scale: Scale,
    }

    /// A rate from an instant on.
    RateStep {
        from: Timestamp,
        rate: Rate,
    }

    /// A page of a token's accounts.
    Leaderboard {
        items: Vec<RankedAccount>,
        next_cursor: Option<String>,
        symbol: String,
        decimals: Decimals,
        settled: Option<Timestamp>,
        points_scale: Option<Scale>,
    }

    /// An account's confirmed balance, and its points in settled windows.
    RankedAccount {
        account: Address,
        balance: Amount,
        balance_formatted: String,
        points: Option<String>,
        points_raw: Option<RawPoints>,
        settled: Option<Timestamp>,
    }

    /// An account on a token at an instant.
    Account {
        account: Address,
        symbol: String,
        decimals: Decimals,
        balance: Amount,
        balance_formatted: String,
        pending_balance: Option<Amount>,
        balance_seconds: BalanceSeconds,
        points: Option<String>,
        points_raw: Option<RawPoints>,
        points_scale: Option<Scale>,
        settled_points: Option<String>,
        weight_bp: Option<WeightBp>,
        at_block: Option<BlockNumber>,
        at_time: Timestamp,
    }

    /// What one transfer did to an account. `amount` has a sign.
    Change {
        change_type: ChangeType,
        amount: String,
        balance_after: Amount,
        netted: bool,
        balance_seconds: BalanceSeconds,
        counterparty: Option<Address>,
        tx_hash: B256,
        log_index: LogIndex,
        block: BlockNumber,
        block_time: Timestamp,
    }

    /// The points earned in `[from, to)`.
    PointsInterval {
        from: Timestamp,
        to: Timestamp,
        points: String,
        points_raw: RawPoints,
    }

    /// What an account was credited for a window, or what a rewind took back. Both numbers have a sign.
    Statement {
        window_start: Timestamp,
        window_end: Timestamp,
        kind: StatementKind,
        epoch: Epoch,
        points: String,
        points_raw: String,
    }

    /// An account everywhere. The raw sum may be wider than [`RawPoints`].
    Portfolio {
        account: Address,
        at_time: Option<Timestamp>,
        total_points: Option<String>,
        total_points_raw: Option<String>,
        points_scale: Option<Scale>,
        tokens: Vec<Holding>,
    }

    /// An account on one token.
    Holding {
        chain_id: ChainId,
        token: Address,
        symbol: String,
        decimals: Decimals,
        status: String,
        balance: Amount,
        balance_formatted: String,
        points: Option<String>,
        points_raw: Option<RawPoints>,
        points_scale: Option<Scale>,
        at_time: Timestamp,
    }

    /// The settlement of one programme and window.
    Settlement {
        id: String,
        chain_id: ChainId,
        token: Address,
        programme: String,
        window_start: Timestamp,
        window_end: Timestamp,
        from_block: Option<BlockNumber>,
        to_block: Option<BlockNumber>,
        status: SettlementStatus,
        attempts: u32,
        reason_code: Option<String>,
        reason: Option<String>,
        accounts: u64,
        points: String,
        points_raw: RawPoints,
        failures: Vec<BatchFailure>,
    }

    /// A batch that waits for another attempt.
    BatchFailure {
        shard: ShardId,
        after: Option<Address>,
        through: Option<Address>,
        attempts: u32,
        reason: String,
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

impl<T: serde::de::DeserializeOwned> List for Page<T> {
    type Item = T;

    fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }

    fn into_items(self) -> Vec<T> {
        self.items
    }
}

impl List for Leaderboard {
    type Item = RankedAccount;

    fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }

    fn into_items(self) -> Vec<RankedAccount> {
        self.items
    }
}
