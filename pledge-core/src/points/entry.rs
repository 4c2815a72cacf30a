//! What people decided about points, as it is kept: decisions, and the entries of accounts in them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::audit::AuditNumber;
use crate::types::{
    Account, ChainId, EntryNumber, ProgrammeId, SetName, Timestamp, TokenId, WeightBp,
};

/// Where a decision holds, ascending from narrow to wide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// In one programme.
    Programme(ProgrammeId),
    /// In every programme of a token, those that are added later too.
    Token(TokenId),
    /// In every programme of a chain's tokens.
    Chain(ChainId),
    /// In every programme of the store.
    All,
}

/// How wide a scope is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// One programme.
    Programme,
    /// A token.
    Token,
    /// A chain.
    Chain,
    /// The whole store.
    All,
}

/// A decision as it is kept: a version of the programmes that it reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Its number.
    pub number: EntryNumber,
    /// Where it holds.
    pub scope: Scope,
    /// From when on it holds.
    pub from: Timestamp,
    /// What was decided.
    #[serde(flatten)]
    pub kind: DecisionKind,
    /// The number of accounts with an entry of it.
    pub accounts: u64,
    /// The record of who decided it, and why.
    pub audit: AuditNumber,
}

/// What was decided, without the accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DecisionKind {
    /// A programme has other rates.
    Rates,
    /// Accounts have weights of their own.
    Weights {
        /// When they end; `None` for never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A set of accounts with a bonus each, in place of the set of the same name.
    BonusSet {
        /// The set's name.
        set: SetName,
    },
    /// Accounts earn nothing.
    Suspend,
    /// Suspensions of exactly this scope end.
    Reinstate,
    /// Accounts have no part in a token's programmes, from the start.
    Exclude,
    /// Exclusions end, as if they had never been.
    Include,
}

/// What one decision states about one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountEntry {
    /// The account.
    pub account: Account,
    /// The decision's number: of entries that hold at an instant the highest counts.
    pub number: EntryNumber,
    /// The first instant at which it holds.
    pub from: Timestamp,
    /// What it states.
    #[serde(flatten)]
    pub ruling: Ruling,
}

/// What an entry states. Of each subject ([`Ruling::is_about_the_same`]) one entry counts at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ruling", rename_all = "snake_case")]
pub enum Ruling {
    /// The account's weight, in place of the base weight.
    Weight {
        /// In basis points. Zero is no suspension: bonuses are added to it.
        weight: WeightBp,
        /// The first instant at which it does not hold any more; `None` for never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// What a set adds to the account's weight; zero once the account is not in the set.
    Bonus {
        /// The set's name.
        set: SetName,
        /// In basis points.
        bonus: WeightBp,
    },
    /// Whether the account is suspended in one scope.
    Suspension {
        /// The width of the scope. Only one scope of each width reaches a programme.
        reach: Reach,
        /// Whether a suspension begins or ends.
        suspended: bool,
    },
    /// Whether the account is excluded from the token.
    Exclusion {
        /// Whether an exclusion is made or lifted.
        excluded: bool,
    },
}

impl Scope {
    /// How wide it is.
    pub const fn reach(&self) -> Reach {
        match self {
            Self::Programme(_) => Reach::Programme,
            Self::Token(_) => Reach::Token,
            Self::Chain(_) => Reach::Chain,
            Self::All => Reach::All,
        }
    }

    /// Whether it holds in a programme.
    pub fn reaches(&self, programme: &ProgrammeId) -> bool {
        match self {
            Self::Programme(id) => id == programme,
            wider => wider.covers(programme.token),
        }
    }

    /// Whether it holds in every programme of a token.
    pub fn covers(&self, token: TokenId) -> bool {
        match self {
            Self::Programme(_) => false,
            Self::Token(id) => *id == token,
            Self::Chain(chain) => *chain == token.chain,
            Self::All => true,
        }
    }

    /// Whether every programme that another scope reaches is reached by this one.
    pub fn contains(&self, other: &Self) -> bool {
        match other {
            Self::Programme(programme) => self.reaches(programme),
            Self::Token(token) => self.covers(*token),
            Self::Chain(chain) => *self == Self::Chain(*chain) || *self == Self::All,
            Self::All => *self == Self::All,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Programme(programme) => write!(f, "programme {programme}"),
            Self::Token(token) => write!(f, "token {token}"),
            Self::Chain(chain) => write!(f, "chain {chain}"),
            Self::All => f.write_str("all"),
        }
    }
}

impl Reach {
    /// The name in answers and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Programme => "programme",
            Self::Token => "token",
            Self::Chain => "chain",
            Self::All => "all",
        }
    }
}

impl DecisionKind {
    /// The name in JSON and in stores.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Rates => "rates",
            Self::Weights { .. } => "weights",
            Self::BonusSet { .. } => "bonus_set",
            Self::Suspend => "suspend",
            Self::Reinstate => "reinstate",
            Self::Exclude => "exclude",
            Self::Include => "include",
        }
    }

    /// The name of the bonus set that it is about.
    pub const fn set(&self) -> Option<&SetName> {
        match self {
            Self::BonusSet { set } => Some(set),
            _ => None,
        }
    }

    /// When what it states about accounts ends.
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Weights { until } => *until,
            _ => None,
        }
    }

    /// Why a decision of this kind cannot have a scope; `None` if it can.
    pub fn refuse_scope(&self, scope: &Scope) -> Option<String> {
        let (fits, remedy) = match self {
            Self::Rates | Self::Weights { .. } | Self::BonusSet { .. } => {
                (scope.reach() == Reach::Programme, "name a programme")
            }
            Self::Suspend | Self::Reinstate => {
                (scope.reach() > Reach::Programme, "name a token, a chain or all")
            }
            Self::Exclude | Self::Include => (scope.reach() == Reach::Token, "name a token"),
        };
        (!fits)
            .then(|| format!("a decision of kind {} cannot hold in {scope}: {remedy}", self.name()))
    }

    /// The entry of an account by this decision, from the number that it has for it: a weight, a bonus, or
    /// none.
    pub(super) fn ruling(&self, reach: Reach, value: WeightBp) -> Option<Ruling> {
        Some(match self {
            Self::Rates => return None,
            Self::Weights { until } => Ruling::Weight { weight: value, until: *until },
            Self::BonusSet { set } => Ruling::Bonus { set: set.clone(), bonus: value },
            Self::Suspend => Ruling::Suspension { reach, suspended: true },
            Self::Reinstate => Ruling::Suspension { reach, suspended: false },
            Self::Exclude => Ruling::Exclusion { excluded: true },
            Self::Include => Ruling::Exclusion { excluded: false },
        })
    }
}

impl DecisionRecord {
    /// The entry of an account by this decision, with the weight or bonus that it has there; `None` for
    /// what has no entries.
    pub fn entry(&self, account: Account, value: WeightBp) -> Option<AccountEntry> {
        let ruling = self.kind.ruling(self.scope.reach(), value)?;
        Some(AccountEntry { account, number: self.number, from: self.from, ruling })
    }
}

impl AccountEntry {
    /// Whether it holds at an instant.
    pub fn holds_at(&self, time: Timestamp) -> bool {
        self.from <= time && self.until().is_none_or(|until| time < until)
    }

    /// The first instant at which it does not hold any more.
    pub const fn until(&self) -> Option<Timestamp> {
        match self.ruling {
            Ruling::Weight { until, .. } => until,
            _ => None,
        }
    }
}

impl Ruling {
    /// Whether two are about the same subject: the weight, one set, the suspension in one scope, the
    /// exclusion.
    pub fn is_about_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bonus { set, .. }, Self::Bonus { set: other, .. }) => set == other,
            (Self::Suspension { reach, .. }, Self::Suspension { reach: other, .. }) => {
                reach == other
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// The weight or bonus that it states; zero for what states none.
    pub const fn value(&self) -> WeightBp {
        match self {
            Self::Weight { weight: value, .. } | Self::Bonus { bonus: value, .. } => *value,
            Self::Suspension { .. } | Self::Exclusion { .. } => WeightBp::ZERO,
        }
    }

    /// Whether an account earns otherwise by this than without an entry about its subject.
    pub(super) fn differs_from_none(&self) -> bool {
        match self {
            Self::Weight { weight, .. } => *weight != super::Programme::BASE_WEIGHT,
            Self::Bonus { bonus, .. } => *bonus != WeightBp::ZERO,
            Self::Suspension { suspended: holds, .. } | Self::Exclusion { excluded: holds } => {
                *holds
            }
        }
    }
}
