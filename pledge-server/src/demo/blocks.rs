//! The blocks of the market: how many an hour, and how many confirm one.

pub(super) const BLOCKS_PER_HOUR: u64 = 12;
pub(super) const BLOCK_MINUTES: u64 = 60 / BLOCKS_PER_HOUR;
pub(super) const CONFIRMATIONS: u64 = 6;
