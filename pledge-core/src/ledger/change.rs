//! Transfers and the changes they make.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::types::{
    Account, Amount, BalanceSeconds, BlockNumber, LogIndex, OutOfRange, Overflow, Timestamp,
};

/// One `Transfer(address,address,uint256)` log, as the chain has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The contract that emitted it.
    pub token: Address,
    /// Its block's height.
    pub block: BlockNumber,
    /// Its place in the block.
    pub log_index: LogIndex,
    /// Hash of the transaction that emitted it.
    pub tx_hash: B256,
    /// Sender; zero is a mint.
    pub from: Address,
    /// Receiver; zero is a burn.
    pub to: Address,
    /// In base units of the token.
    pub amount: Amount,
}

/// A log with the topic of a transfer that cannot be read as one: an ERC-721 transfer, data of
/// another length, an address with more than 20 bytes. What it moved is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableLog {
    /// The contract that emitted it.
    pub token: Address,
    /// Its block's height.
    pub block: BlockNumber,
    /// Its place in the block.
    pub log_index: LogIndex,
    /// Hash of the transaction that emitted it.
    pub tx_hash: B256,
}

/// What a transfer meant for one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeType {
    /// Created for it, from the zero address.
    Mint,
    /// Destroyed by it, to the zero address.
    Burn,
    /// Received from another account, or from itself.
    TransferIn,
    /// Sent to another account, or to itself.
    TransferOut,
}

/// Which half of a transfer a change is. A self-transfer writes `Out`, then `In`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Leg {
    /// The sender's half.
    Out,
    /// The receiver's half.
    In,
}

impl ChangeType {
    /// The name used in JSON and in stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mint => "mint",
            Self::Burn => "burn",
            Self::TransferIn => "transfer_in",
            Self::TransferOut => "transfer_out",
        }
    }

    /// Whether it adds to the balance or subtracts from it.
    pub const fn leg(self) -> Leg {
        match self {
            Self::Mint | Self::TransferIn => Leg::In,
            Self::Burn | Self::TransferOut => Leg::Out,
        }
    }
}

impl fmt::Display for ChangeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChangeType {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        [Self::Mint, Self::Burn, Self::TransferIn, Self::TransferOut]
            .into_iter()
            .find(|change_type| change_type.as_str() == text)
            .ok_or_else(|| {
                OutOfRange::new("change type", text, "mint, burn, transfer_in or transfer_out")
            })
    }
}

/// What one transfer did to one account. Its key is `(token, block, log_index, leg)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The account whose balance changed.
    pub account: Account,
    /// A mint, a burn, or one side of a transfer.
    pub change_type: ChangeType,
    /// The amount, without a sign: `change_type` gives the direction.
    pub amount: Amount,
    /// The balance after it; where `netted`, the balance at the block's end.
    pub balance_after: Amount,
    /// The integral of the account's balance up to this block's time.
    pub balance_seconds: BalanceSeconds,
    /// The other account; `None` for a mint or a burn.
    pub counterparty: Option<Account>,
    /// Hash of the transaction that emitted the log.
    pub tx_hash: B256,
    /// Its block's height.
    pub block: BlockNumber,
    /// Its block's time.
    pub time: Timestamp,
    /// The log's place in the block.
    pub log_index: LogIndex,
    /// Whether the account's balance, log by log, would leave the range of a `uint256` somewhere in
    /// this block, so that all its rows of the block carry the balance at the block's end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub netted: bool,
}

impl fmt::Display for UnreadableLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, block) = (self.log_index.get(), self.block);
        write!(f, "log {index} of block {block} in transaction {}", self.tx_hash)
    }
}

impl UnreadableLog {
    /// Its position among all logs of its token.
    pub const fn place(&self) -> (BlockNumber, LogIndex) {
        (self.block, self.log_index)
    }
}

impl Change {
    /// Its position among all changes of its token.
    pub const fn place(&self) -> (BlockNumber, LogIndex, Leg) {
        (self.block, self.log_index, self.change_type.leg())
    }

    /// The account's state right after it.
    pub const fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            balance: self.balance_after,
            balance_seconds: self.balance_seconds,
            time: self.time,
            block: self.block,
        }
    }
}

/// An account's balance and its integral at the last change, valid until the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Balance from `time` on.
    pub balance: Amount,
    /// Integral up to `time`.
    pub balance_seconds: BalanceSeconds,
    /// When the balance last changed.
    pub time: Timestamp,
    /// The block of that change.
    pub block: BlockNumber,
}

impl Checkpoint {
    /// The integral at a later instant, if the balance stays the same until then.
    #[inline]
    pub fn balance_seconds_at(&self, time: Timestamp) -> Result<BalanceSeconds, Overflow> {
        self.balance_seconds.plus(self.balance, self.time, time)
    }
}
