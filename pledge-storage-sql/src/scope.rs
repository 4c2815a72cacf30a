//! The scopes of decisions, as rows name them.

use pledge_core::points::{DecisionRecord, Reach, Scope};
use pledge_core::types::{ChainId, ProgrammeId, TokenId};

use crate::connection::Value;
use crate::fault::Fault;
use crate::row::{DecisionRow, ProgrammeRow, TokenRow};

/// A scope by the small number that is its key: of a programme or a token, or the id of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ScopeKey {
    reach: Reach,
    key: u64,
}

impl ScopeKey {
    pub(crate) const ALL: Self = Self { reach: Reach::All, key: 0 };

    pub(crate) const fn programme(key: u64) -> Self {
        Self { reach: Reach::Programme, key }
    }

    pub(crate) const fn token(key: u64) -> Self {
        Self { reach: Reach::Token, key }
    }

    pub(crate) const fn chain(chain: ChainId) -> Self {
        Self { reach: Reach::Chain, key: chain.get() }
    }

    pub(crate) const fn new(reach: Reach, key: u64) -> Self {
        Self { reach, key }
    }

    /// The scope's column.
    pub(crate) const fn scope(self) -> &'static str {
        self.reach.name()
    }

    /// The key's column.
    pub(crate) const fn key(self) -> u64 {
        self.key
    }

    /// The condition for the programmes that it reaches, with its values.
    pub(crate) fn programmes(self) -> (&'static str, Vec<Value>) {
        let key = Value::Number(self.key);
        match self.reach {
            Reach::Programme => ("WHERE id = ?", vec![key]),
            Reach::Token => ("WHERE token = ?", vec![key]),
            Reach::Chain => ("WHERE token IN (SELECT id FROM token WHERE chain = ?)", vec![key]),
            Reach::All => ("", Vec::new()),
        }
    }
}

/// Scopes of which each contains the ones before it, at most one of each width.
#[derive(Debug, Clone)]
pub(crate) struct Scopes {
    known: Vec<(ScopeKey, Scope)>,
}

impl Scopes {
    /// Those that reach every programme of a token, and those that reach one of them.
    pub(crate) fn of_token(token: &TokenRow, programme: Option<&ProgrammeRow>) -> Self {
        let id: TokenId = token.state.spec.id;
        let own = programme.map(|row| {
            let id: ProgrammeId = row.programme.id.clone();
            (ScopeKey::programme(row.key), Scope::Programme(id))
        });
        let of_token = (ScopeKey::token(token.key), Scope::Token(id));
        let wider = Self::of_chain(id.chain).known;
        Self { known: own.into_iter().chain([of_token]).chain(wider).collect() }
    }

    /// Those that reach a whole chain.
    pub(crate) fn of_chain(chain: ChainId) -> Self {
        let of_chain = (ScopeKey::chain(chain), Scope::Chain(chain));
        Self { known: [of_chain].into_iter().chain(Self::all().known).collect() }
    }

    /// The one that reaches everything.
    pub(crate) fn all() -> Self {
        Self { known: vec![(ScopeKey::ALL, Scope::All)] }
    }

    /// The condition for decisions in one of them; a mark for each of the values.
    pub(crate) fn condition(&self) -> String {
        vec!["(scope = ? AND scope_key = ?)"; self.known.len()].join(" OR ")
    }

    pub(crate) fn values(&self) -> Vec<Value> {
        let of_key = |key: ScopeKey| [Value::from(key.scope()), Value::Number(key.key())];
        self.known.iter().flat_map(|(key, _)| of_key(*key)).collect()
    }

    /// A decision that was read by the condition.
    pub(crate) fn record(&self, row: DecisionRow) -> Result<DecisionRecord, Fault> {
        let known = self.known.iter().find(|(key, _)| *key == row.scope);
        let (_, scope) = known.ok_or_else(|| Fault::corrupt("a decision has another scope"))?;
        Ok(row.in_scope(scope.clone()))
    }
}
