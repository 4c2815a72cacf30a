//! The operations on a store.

use std::ops::Range;

use super::deciding::Choice;
use alloy_primitives::Address;
use pledge_core::types::Account;
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Debug, Clone)]
pub(super) enum Op {
    Commit(Vec<Mined>),
    /// The last commit once more.
    CommitAgain,
    /// Commits logs of a contract in its next blocks; now and then also logs that it does not keep.
    Logs {
        of: usize,
        blocks: Vec<LoggedBlock>,
        all: bool,
    },
    /// The last commit of logs once more.
    LogsAgain,
    /// Rewinds this many blocks, by a reorg or for an operator's reason; now and then one that is above
    /// is left out.
    Rewind {
        depth: u64,
        forgets: bool,
        by: Option<u8>,
    },
    /// What an operator does, with one of a few reasons or none.
    Act {
        act: Acted,
        reason: u8,
    },
    /// Settles one batch in the next shard, or records its failure.
    Settle {
        limit: usize,
        fails: bool,
    },
    /// Tries a shard's first failed batch again, or records its next failure.
    Retry {
        fails: bool,
    },
    /// The last batch once more.
    SettleAgain,
    /// Changes the rate some seconds after the newest block.
    Schedule {
        after: u64,
        rate: u128,
    },
    /// A person decides about accounts.
    Decide(Choice),
    ResetFailures,
    /// Halts the token, or finds its fault gone.
    Halt(bool),
    HaltChain,
    /// Records an answer about the supply at the cursor, or none; now and then at another block.
    Supply {
        on_chain: Option<u64>,
        stale: bool,
    },
    /// The edge at the time of a block so far below the newest, or a second later; now and then another block
    /// than the right one, or of the epoch before.
    Edge {
        below: usize,
        later: u64,
        is_wrong: bool,
        is_late: bool,
    },
}

/// What an operator does with the chain or the token.
#[derive(Debug, Clone, Copy)]
pub(super) enum Acted {
    PauseChain,
    ResumeChain,
    PauseToken,
    ResumeToken,
}

/// A block some seconds after the last, with transfers among accounts, and logs that cannot be
/// read.
#[derive(Debug, Clone)]
pub(super) struct Mined {
    pub(super) later: u64,
    pub(super) moves: Vec<Move>,
    pub(super) unreadable: u64,
}

pub(super) type Move = (u8, u8, u64);

/// A block with logs of contracts, some seconds after the last where it is not there yet.
#[derive(Debug, Clone)]
pub(super) struct LoggedBlock {
    pub(super) later: u64,
    pub(super) logs: Vec<Logged>,
}

/// A log of an event with a number of topics and of bytes of data.
#[derive(Debug, Clone)]
pub(super) struct Logged {
    pub(super) event: u8,
    pub(super) topics: u8,
    pub(super) length: usize,
}

pub(super) fn account(number: u8) -> Account {
    let mut bytes = [number; 20];
    bytes[0] = number.wrapping_mul(37).wrapping_add(1);
    Account::new(Address::from(bytes)).expect("a valid step")
}

pub(super) fn address(number: u8) -> Address {
    if number == 0 { Address::ZERO } else { account(number).address() }
}

pub(super) fn ops(steps: Range<usize>) -> impl Strategy<Value = Vec<Op>> {
    let unreadable = prop_oneof![4 => Just(0_u64), 1 => 1_u64..5];
    let block = (0_u64..5_000, vec((0_u8..8, 0_u8..8, 0_u64..1_000), 0..5), unreadable)
        .prop_map(|(later, moves, unreadable)| Mined { later, moves, unreadable });
    let logged = (1_u8..3, 0_u8..5, 0_usize..70).prop_map(|(event, topics, length)| Logged {
        event,
        topics,
        length,
    });
    let logged_block =
        (0_u64..5_000, vec(logged, 0..4)).prop_map(|(later, logs)| LoggedBlock { later, logs });
    // Resumed more often than paused: a paused token takes no block.
    let acted = prop_oneof![
        2 => Just(Acted::PauseChain),
        2 => Just(Acted::ResumeChain),
        1 => Just(Acted::PauseToken),
        3 => Just(Acted::ResumeToken),
    ];
    let named = vec(0_u8..8, 0..4);
    let choice = (0_u8..8, named, 0_u32..30_000, 0_u8..4, prop::option::of(0_u64..9_000)).prop_map(
        |(kind, accounts, basis_points, scope, after)| Choice {
            kind,
            accounts,
            basis_points,
            scope,
            after,
        },
    );
    let op = prop_oneof![
        6 => vec(block, 1..5).prop_map(Op::Commit),
        1 => Just(Op::CommitAgain),
        5 => (0_usize..3, vec(logged_block, 1..5), prop::bool::weighted(0.2))
            .prop_map(|(of, blocks, all)| Op::Logs { of, blocks, all }),
        1 => Just(Op::LogsAgain),
        2 => (0_u64..9, prop::bool::weighted(0.1), prop::option::weighted(0.3, 1_u8..3))
            .prop_map(|(depth, forgets, by)| Op::Rewind { depth, forgets, by }),
        3 => (acted, 0_u8..3).prop_map(|(act, reason)| Op::Act { act, reason }),
        9 => (1_usize..4, prop::bool::weighted(0.2))
            .prop_map(|(limit, fails)| Op::Settle { limit, fails }),
        3 => any::<bool>().prop_map(|fails| Op::Retry { fails }),
        1 => Just(Op::SettleAgain),
        1 => (0_u64..9_000, 0_u128..9).prop_map(|(after, rate)| Op::Schedule { after, rate }),
        3 => choice.prop_map(Op::Decide),
        1 => Just(Op::ResetFailures),
        1 => any::<bool>().prop_map(Op::Halt),
        1 => Just(Op::HaltChain),
        1 => (prop::option::of(0_u64..3), prop::bool::weighted(0.2))
            .prop_map(|(on_chain, stale)| Op::Supply { on_chain, stale }),
        3 => (0_usize..4, 0_u64..2, prop::bool::weighted(0.2), prop::bool::weighted(0.2))
            .prop_map(|(below, later, is_wrong, is_late)| {
                Op::Edge { below, later, is_wrong, is_late }
            }),
    ];
    vec(op, steps)
}
