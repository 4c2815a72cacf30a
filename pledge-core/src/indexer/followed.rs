//! What is followed on a chain, and how far each thing is: pure.

use std::collections::BTreeMap;
use std::fmt;

use alloy_primitives::Address;

use crate::ledger::TokenState;
use crate::logs::ContractState;
use crate::types::{BlockId, BlockNumber, BlockRef, ContractId, Epoch, TokenId};

/// What a cursor belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FollowedId {
    /// The ledger of a token.
    Token(TokenId),
    /// The logs of a contract.
    Contract(ContractId),
}

impl fmt::Display for FollowedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(token) => write!(f, "token {token}"),
            Self::Contract(contract) => write!(f, "contract {contract}"),
        }
    }
}

/// One followed thing, without what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Followed {
    pub(super) id: FollowedId,
    pub(super) start_block: BlockNumber,
    /// Newest block in its store; `None` before the first.
    pub(super) cursor: Option<BlockRef>,
    /// How often it was rewound.
    pub(super) epoch: Epoch,
    /// Whether it is followed, neither halted nor paused.
    pub(super) is_active: bool,
    /// Whether a fault alone stopped it, which may be gone. What an operator paused is left alone.
    pub(super) may_heal: bool,
}

impl From<&TokenState> for Followed {
    fn from(token: &TokenState) -> Self {
        Self {
            id: FollowedId::Token(token.spec.id),
            start_block: token.spec.start_block,
            cursor: token.cursor,
            epoch: token.epoch,
            is_active: token.is_active(),
            may_heal: token.status.is_halted() && !token.status.is_paused(),
        }
    }
}

impl From<&ContractState> for Followed {
    fn from(contract: &ContractState) -> Self {
        Self {
            id: FollowedId::Contract(contract.spec.id.clone()),
            start_block: contract.spec.start_block,
            cursor: contract.cursor,
            epoch: contract.epoch,
            is_active: true,
            may_heal: false,
        }
    }
}

impl Followed {
    /// The next block that is needed.
    pub(super) fn next_block(&self) -> BlockNumber {
        self.cursor.map_or(self.start_block, |cursor| cursor.number.next())
    }
}

/// Everything at one cursor: it goes on together, by one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) cursor: Option<BlockRef>,
    /// The next block that is needed.
    pub(super) next: BlockNumber,
    /// In the order of their ids.
    pub(super) members: Vec<Followed>,
}

impl Group {
    /// One thing alone.
    pub(super) fn of(one: &Followed) -> Self {
        Self { cursor: one.cursor, next: one.next_block(), members: vec![one.clone()] }
    }

    /// The block that a write of the group builds on.
    pub(super) fn base(&self) -> Option<BlockId> {
        self.cursor.map(|cursor| cursor.id())
    }

    /// Its tokens, where contracts are among its members.
    pub(super) fn without_contracts(&self) -> Option<Self> {
        let is_token = |member: &&Followed| matches!(member.id, FollowedId::Token(_));
        let members: Vec<_> = self.members.iter().filter(is_token).cloned().collect();
        let is_mixed = !members.is_empty() && members.len() < self.members.len();
        is_mixed.then_some(Self { members, ..*self })
    }

    /// Its tokens, ascending.
    pub(super) fn tokens(&self) -> impl Iterator<Item = TokenId> {
        self.members.iter().filter_map(|member| match &member.id {
            FollowedId::Token(token) => Some(*token),
            FollowedId::Contract(_) => None,
        })
    }

    /// The contracts whose logs it keeps, ascending.
    pub(super) fn contracts(&self) -> impl Iterator<Item = &ContractId> {
        self.members.iter().filter_map(|member| match &member.id {
            FollowedId::Token(_) => None,
            FollowedId::Contract(contract) => Some(contract),
        })
    }

    /// The addresses of its tokens, ascending.
    pub(super) fn token_addresses(&self) -> Vec<Address> {
        self.tokens().map(|token| token.address).collect()
    }
}

/// Groups what is followed by cursor, those furthest behind first.
pub(super) fn group_by_cursor<'a>(all: impl IntoIterator<Item = &'a Followed>) -> Vec<Group> {
    let mut groups: BTreeMap<_, Group> = BTreeMap::new();
    for followed in all {
        let (cursor, next) = (followed.cursor, followed.next_block());
        // With the hash: cursors at one height may be on two branches, which no request may join.
        let key = (next, cursor.map(|cursor| cursor.hash));
        let empty = || Group { cursor, next, members: Vec::new() };
        groups.entry(key).or_insert_with(empty).members.push(followed.clone());
    }
    groups.into_values().collect()
}
