//! Tokens, and how far their ledgers are.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ChangeType, SupplyCheck};
use crate::audit::Attribution;
use crate::error::StoreError;
use crate::event::RewindCause;
use crate::types::{
    Amount, BlockId, BlockNumber, BlockRef, CumulativeAmount, Decimals, Epoch, Overflow, Timestamp,
    TokenId, require_cursor,
};

/// What a token's contract reports about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMetadata {
    /// At most [`TokenMetadata::SYMBOL_CHARS_MAX`] printable characters; may be empty.
    pub symbol: String,
    /// 0 to 77.
    pub decimals: Decimals,
}

impl TokenMetadata {
    /// Longer symbols are cut by the chain source that reads them.
    pub const SYMBOL_CHARS_MAX: usize = 64;
}

/// A token to follow. Fixed once registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSpec {
    /// Chain and contract address.
    pub id: TokenId,
    /// Symbol and decimals.
    pub metadata: TokenMetadata,
    /// First block whose logs count: the block of its deployment or any before it.
    pub start_block: BlockNumber,
}

impl TokenSpec {
    /// The error of registering the same token with another spec.
    pub fn refuse(&self, other: &Self) -> StoreError {
        let detail = format!(
            "token {} is registered with start_block {}, symbol {} and {} decimals, not {}, {} and \
             {}; a token's spec is fixed, so use a new database to follow it differently",
            self.id,
            self.start_block,
            self.metadata.symbol,
            self.metadata.decimals.get(),
            other.start_block,
            other.metadata.symbol,
            other.metadata.decimals.get()
        );
        StoreError::invalid("register a token", detail)
    }
}

/// Whether a token is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenStatus {
    /// Followed, block by block.
    Active,
    /// Stopped for a reason that needs an operator; the others go on.
    Halted(String),
    /// Stopped by an operator, with the operator's reason if one was given, until one resumes it.
    Paused(Option<String>),
    /// Stopped by an operator, and by its ledger besides.
    PausedAndHalted {
        /// The operator's reason, if one was given.
        pause: Option<String>,
        /// Why the ledger cannot go on.
        halt: String,
    },
}

impl TokenStatus {
    /// The status in one word, without the reason: `paused` whether it is halted too or not.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Halted(_) => "halted",
            Self::Paused(_) | Self::PausedAndHalted { .. } => "paused",
        }
    }

    /// Whether the ledger stopped it, also where an operator did besides.
    pub const fn is_halted(&self) -> bool {
        matches!(self, Self::Halted(_) | Self::PausedAndHalted { .. })
    }

    /// Whether an operator stopped it, also where the ledger did besides.
    pub const fn is_paused(&self) -> bool {
        matches!(self, Self::Paused(_) | Self::PausedAndHalted { .. })
    }

    /// The status after the ledger stops the token. A pause stays next to the halt.
    #[must_use]
    pub fn halted(&self, reason: &str) -> Self {
        let halt = reason.to_owned();
        match self {
            Self::Paused(pause) | Self::PausedAndHalted { pause, .. } => {
                Self::PausedAndHalted { pause: pause.clone(), halt }
            }
            Self::Active | Self::Halted(_) => Self::Halted(halt),
        }
    }

    /// The status after the fault is gone that halted the token. A pause stays.
    #[must_use]
    pub fn healed(&self) -> Self {
        match self {
            Self::Active | Self::Halted(_) => Self::Active,
            Self::Paused(pause) | Self::PausedAndHalted { pause, .. } => {
                Self::Paused(pause.clone())
            }
        }
    }

    /// The status after an operator stops the token. A halt stays next to the pause.
    #[must_use]
    pub fn paused(&self, by: &Attribution) -> Self {
        let pause = by.reason();
        match self.halt_reason() {
            None => Self::Paused(pause),
            Some(halt) => Self::PausedAndHalted { pause, halt: halt.to_owned() },
        }
    }

    /// The status after an operator resumes the token, having found it as `found`: one that is active
    /// stays so. Otherwise why that is refused: something else stops it than what the operator decided
    /// about.
    pub fn resumed(&self, found: &Self) -> Result<Self, String> {
        if *self == Self::Active || self == found {
            return Ok(Self::Active);
        }
        Err(format!("it is {self}, not {found} as it was found: read it again, then resume it"))
    }

    /// The reason of the status that is named; `None` while it is active, or where an operator gave
    /// none. Of a token that is paused and halted, the operator's.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Active => None,
            Self::Halted(reason) => Some(reason),
            Self::Paused(pause) | Self::PausedAndHalted { pause, .. } => pause.as_deref(),
        }
    }

    /// Why the ledger stopped it, whether it is paused too or not; `None` if it did not.
    pub fn halt_reason(&self) -> Option<&str> {
        match self {
            Self::Halted(halt) | Self::PausedAndHalted { halt, .. } => Some(halt),
            Self::Active | Self::Paused(_) => None,
        }
    }

    /// Why the ledger stopped it, where it is paused too.
    pub fn halt_under_pause(&self) -> Option<&str> {
        self.halt_reason().filter(|_| self.is_paused())
    }
}

impl fmt::Display for TokenStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_status(f, self.name(), self.reason(), self.halt_under_pause())
    }
}

/// Writes the status of a token or a chain with all its reasons.
pub(crate) fn write_status(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    reason: Option<&str>,
    halt_under_pause: Option<&str>,
) -> fmt::Result {
    f.write_str(name)?;
    match (halt_under_pause, reason) {
        (None, None) => Ok(()),
        (None, Some(reason)) => write!(f, ": {reason}"),
        (Some(halt), None) => write!(f, " and halted: {halt}"),
        (Some(halt), Some(pause)) => write!(f, " and halted: {halt}; paused: {pause}"),
    }
}

/// Sums over a token's accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenTotals {
    /// Accounts with a balance above zero.
    pub holders: u64,
    /// Sum of all balances.
    pub supply: Amount,
    /// All that was minted.
    pub minted: CumulativeAmount,
    /// All that was burned.
    pub burned: CumulativeAmount,
}

/// How far a token's ledger is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenState {
    /// The token that is followed.
    pub spec: TokenSpec,
    /// Newest block in the ledger; `None` before the first.
    pub cursor: Option<BlockRef>,
    /// Time of the start block; `None` before the first commit.
    pub start_time: Option<Timestamp>,
    /// How often the ledger was rewound.
    pub epoch: Epoch,
    /// How many of these an operator asked for: the others were reorgs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rewinds_by_operator: u64,
    /// Followed, halted or paused.
    pub status: TokenStatus,
    /// Sums at the cursor.
    pub totals: TokenTotals,
    /// Logs up to the cursor that look like transfers and cannot be read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable_logs: u64,
    /// The last comparison of the supply with the contract's; `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply_check: Option<SupplyCheck>,
    /// Why the newest comparison had no answer; `None` if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply_unanswered: Option<String>,
}

const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl TokenTotals {
    /// Counts a holder in or out when a balance leaves or reaches zero.
    pub fn balance_moved(&mut self, before: Amount, after: Amount) -> Result<(), Overflow> {
        let holders = match (before.is_zero(), after.is_zero()) {
            (true, false) => self.holders.checked_add(1),
            (false, true) => self.holders.checked_sub(1),
            _ => Some(self.holders),
        };
        self.holders = holders.ok_or(Overflow("holders"))?;
        Ok(())
    }

    /// Takes back all mints and burns above a block, but not the count of holders.
    ///
    /// All at once, because supply is judged at the end of a block: one by one it may leave its
    /// range.
    pub fn undo(&mut self, moves: &SupplyMoves) -> Result<(), Overflow> {
        self.minted = self.minted.try_sub(moves.minted)?;
        self.burned = self.burned.try_sub(moves.burned)?;
        let supply = CumulativeAmount::from(self.supply).try_add(moves.burned)?;
        let supply = supply.try_sub(moves.minted)?.narrow();
        self.supply = supply.ok_or(Overflow("supply"))?;
        Ok(())
    }
}

/// The mints and burns among some changes, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SupplyMoves {
    minted: CumulativeAmount,
    burned: CumulativeAmount,
}

impl SupplyMoves {
    /// Adds one more change.
    pub fn add(&mut self, change_type: ChangeType, amount: Amount) -> Result<(), Overflow> {
        let sum = match change_type {
            ChangeType::Mint => &mut self.minted,
            ChangeType::Burn => &mut self.burned,
            ChangeType::TransferIn | ChangeType::TransferOut => return Ok(()),
        };
        *sum = sum.try_add(amount)?;
        Ok(())
    }
}

impl TokenState {
    /// The state of a token just registered.
    pub fn registered(spec: TokenSpec) -> Self {
        Self {
            spec,
            cursor: None,
            start_time: None,
            epoch: Epoch::FIRST,
            rewinds_by_operator: 0,
            status: TokenStatus::Active,
            totals: TokenTotals::default(),
            unreadable_logs: 0,
            supply_check: None,
            supply_unanswered: None,
        }
    }

    /// Counts a rewind and starts the next epoch.
    pub fn count_rewind(&mut self, cause: &RewindCause) {
        self.epoch = self.epoch.next();
        self.rewinds_by_operator += u64::from(cause.is_operator());
    }

    /// How often a reorg reached the ledger.
    pub const fn reorgs(&self) -> u64 {
        self.epoch.get().saturating_sub(self.rewinds_by_operator)
    }

    /// Why a write that assumed a cursor is refused.
    pub fn require_cursor(&self, assumed: Option<BlockId>) -> Result<(), String> {
        require_cursor(format_args!("token {}", self.spec.id), self.cursor, assumed)
    }

    /// Why a write that assumed an epoch is refused.
    pub fn require_epoch(&self, assumed: Epoch) -> Result<(), String> {
        if self.epoch == assumed {
            return Ok(());
        }
        let (id, epoch, assumed) = (self.spec.id, self.epoch.get(), assumed.get());
        Err(format!("the ledger of token {id} is at epoch {epoch}, not {assumed}"))
    }

    /// The next block the ledger needs.
    pub fn next_block(&self) -> BlockNumber {
        self.cursor.map_or(self.spec.start_block, |cursor| cursor.number.next())
    }

    /// Whether it is followed, neither halted nor paused.
    pub fn is_active(&self) -> bool {
        self.status == TokenStatus::Active
    }
}
