//! What was done, and what it changed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::AuditObject;
use crate::event::ReorgRecord;
use crate::indexer::ChainStatus;
use crate::ledger::{TokenState, TokenStatus};
use crate::points::{DecisionKind, DecisionRecord, Programme, Reach};
use crate::types::{
    Account, BlockId, BlockRef, ChainId, EntryNumber, Epoch, OutOfRange, ProgrammeId, RateSchedule,
    SetName, ShardCount, Timestamp, TokenId, WeightBp, WindowLength, checked_name,
};

/// What was done, by name. The engine's are the constants; a domain of its own names others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Action(Cow<'static, str>);

impl Action {
    /// A chain is not followed until it is resumed.
    pub const PAUSE_CHAIN: Self = Self(Cow::Borrowed("pause_chain"));
    /// A paused or halted chain is followed again.
    pub const RESUME_CHAIN: Self = Self(Cow::Borrowed("resume_chain"));
    /// A token is not followed until it is resumed.
    pub const PAUSE_TOKEN: Self = Self(Cow::Borrowed("pause_token"));
    /// A paused or halted token is followed again.
    pub const RESUME_TOKEN: Self = Self(Cow::Borrowed("resume_token"));
    /// A chain's ledger goes back to a block.
    pub const REWIND_CHAIN: Self = Self(Cow::Borrowed("rewind_chain"));
    /// What that takes back of one token.
    pub const REWIND_TOKEN: Self = Self(Cow::Borrowed("rewind_token"));
    /// The failed batches of a settlement are tried again.
    pub const RETRY_SETTLEMENT: Self = Self(Cow::Borrowed("retry_settlement"));
    /// A token gets one more programme.
    pub const ADD_PROGRAMME: Self = Self(Cow::Borrowed("add_programme"));
    /// A programme gets other rates.
    pub const CHANGE_PROGRAMME: Self = Self(Cow::Borrowed("change_programme"));
    /// Accounts get weights of their own.
    pub const SET_WEIGHTS: Self = Self(Cow::Borrowed("set_weights"));
    /// A set of accounts with a bonus is replaced.
    pub const REPLACE_BONUS_SET: Self = Self(Cow::Borrowed("replace_bonus_set"));
    /// Accounts earn nothing until they are reinstated.
    pub const SUSPEND: Self = Self(Cow::Borrowed("suspend"));
    /// Suspended accounts earn again.
    pub const REINSTATE: Self = Self(Cow::Borrowed("reinstate"));
    /// Accounts have no part in a token's programmes.
    pub const EXCLUDE: Self = Self(Cow::Borrowed("exclude"));
    /// Accounts have their part again.
    pub const INCLUDE: Self = Self(Cow::Borrowed("include"));
    /// An empty store takes an archive over.
    pub const IMPORT_ARCHIVE: Self = Self(Cow::Borrowed("import_archive"));

    /// A name of 1 to 32 characters of `a-z`, `0-9`, `-` and `_`.
    pub fn new(name: &str) -> Result<Self, OutOfRange> {
        checked_name("action", name).map(|name| Self(name.into()))
    }

    /// The name, as it is stored and shown.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Action {
    type Error = OutOfRange;

    fn try_from(name: String) -> Result<Self, OutOfRange> {
        Self::new(&name)
    }
}

impl std::str::FromStr for Action {
    type Err = OutOfRange;

    fn from_str(name: &str) -> Result<Self, OutOfRange> {
        Self::new(name)
    }
}

impl From<Action> for String {
    fn from(action: Action) -> Self {
        action.0.into_owned()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of the state as a write found or left it: a JSON object. Its text has the keys of every
/// object in ascending order, so that equal snapshots have equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Fields", into = "Fields")]
pub struct Snapshot(Fields);

type Fields = serde_json::Map<String, serde_json::Value>;

impl From<Fields> for Snapshot {
    fn from(mut fields: Fields) -> Self {
        // Any crate of a program may switch `serde_json/preserve_order` on, which keeps the order in
        // which keys were written.
        fields.values_mut().for_each(serde_json::Value::sort_all_objects);
        fields.sort_keys();
        Self(fields)
    }
}

impl From<Snapshot> for Fields {
    fn from(snapshot: Snapshot) -> Self {
        snapshot.0
    }
}

impl Snapshot {
    /// The fields of a value. An error for what is no object in JSON.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::to_value(value).and_then(serde_json::from_value)
    }

    fn of_fields(fields: &impl Serialize) -> Self {
        Self::of(fields).expect("the fields of a struct are an object")
    }
}

/// What was done to what, with the state before and after, as the transaction saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// What was done.
    pub action: Action,
    /// What it was done to.
    pub object: AuditObject,
    /// What the write found; `None` where there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Snapshot>,
    /// What it left; `None` where nothing is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Snapshot>,
}

/// The failed batches of a settlement, and their attempts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Attempts {
    /// How many batches failed.
    pub batches: u64,
    /// How often they were tried, all together.
    pub attempts: u64,
}

#[derive(Serialize)]
struct StatusFields<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// How many characters the whole reason has, where only its beginning is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_chars: Option<usize>,
    /// Why it is halted, where it is paused too.
    #[serde(skip_serializing_if = "Option::is_none")]
    halt_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    halt_reason_chars: Option<usize>,
}

impl<'a> StatusFields<'a> {
    fn of_chain(status: &'a ChainStatus) -> Self {
        Self::of(status.name(), status.reason(), status.halt_under_pause())
    }

    fn of_token(status: &'a TokenStatus) -> Self {
        Self::of(status.name(), status.reason(), status.halt_under_pause())
    }

    fn of(status: &'a str, reason: Option<&'a str>, halt_reason: Option<&'a str>) -> Self {
        let (reason, reason_chars) = cut(reason);
        let (halt_reason, halt_reason_chars) = cut(halt_reason);
        Self { status, reason, reason_chars, halt_reason, halt_reason_chars }
    }
}

/// What is kept of a reason, and the characters of the whole where that is less. The ledger's own may
/// be as long as a node's answer, and a record is short.
fn cut(reason: Option<&str>) -> (Option<&str>, Option<usize>) {
    let end = reason.and_then(|reason| reason.char_indices().nth(Act::REASON_CHARS_MAX));
    let kept = reason.map(|reason| end.map_or(reason, |(end, _)| &reason[..end]));
    (kept, end.and(reason).map(|reason| reason.chars().count()))
}

#[derive(Serialize)]
struct ProgrammeFields<'a> {
    rates: &'a RateSchedule,
    window: WindowLength,
    shards: ShardCount,
}

/// The newest block of each thing that a rewind takes back.
#[derive(Serialize)]
struct AboveFields {
    tokens: BTreeMap<String, BlockId>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    contracts: BTreeMap<String, BlockId>,
}

/// Where a token's ledger is, and whether it is followed.
#[derive(Serialize)]
struct TokenFields<'a> {
    cursor: Option<BlockRef>,
    epoch: Epoch,
    #[serde(flatten)]
    status: StatusFields<'a>,
}

impl<'a> TokenFields<'a> {
    fn of(state: &'a TokenState) -> Self {
        let status = StatusFields::of_token(&state.status);
        Self { cursor: state.cursor, epoch: state.epoch, status }
    }
}

#[derive(Serialize)]
struct BackAtFields {
    block: BlockRef,
}

/// A decision about accounts: by its number its entries are found.
#[derive(Serialize)]
struct DecisionFields<'a> {
    decision: EntryNumber,
    from: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<&'a SetName>,
    accounts: u64,
    /// The account, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Account>,
    /// Its weight or bonus, where the decision states one.
    #[serde(skip_serializing_if = "Option::is_none")]
    basis_points: Option<WeightBp>,
}

impl Act {
    /// The characters that are kept of a status' reason; a longer one is cut, with the number that it has.
    pub const REASON_CHARS_MAX: usize = 4_000;

    /// A chain's status was changed; `None` if it stays as it is.
    pub fn on_chain(
        action: Action,
        chain: ChainId,
        before: &ChainStatus,
        after: &ChainStatus,
    ) -> Option<Self> {
        let fields = |status| Snapshot::of_fields(&StatusFields::of_chain(status));
        (before != after).then(|| Self {
            action,
            object: AuditObject::chain(chain),
            before: Some(fields(before)),
            after: Some(fields(after)),
        })
    }

    /// A token's status was changed; `None` if it stays as it is.
    pub fn on_token(
        action: Action,
        token: TokenId,
        before: &TokenStatus,
        after: &TokenStatus,
    ) -> Option<Self> {
        let fields = |status| Snapshot::of_fields(&StatusFields::of_token(status));
        (before != after).then(|| Self {
            action,
            object: AuditObject::token(token),
            before: Some(fields(before)),
            after: Some(fields(after)),
        })
    }

    /// A chain's ledger went back: the first of its acts, then [`Act::rewind_token`] for each token in
    /// the order of the record.
    pub fn rewind(record: &ReorgRecord) -> Self {
        let tokens = record.tokens.iter().map(|one| (one.token.to_string(), one.from));
        let contracts = record.contracts.iter().map(|one| (one.contract.to_string(), one.from));
        let before = AboveFields { tokens: tokens.collect(), contracts: contracts.collect() };
        Self {
            action: Action::REWIND_CHAIN,
            object: AuditObject::chain(record.chain),
            before: Some(Snapshot::of_fields(&before)),
            after: Some(Snapshot::of_fields(&BackAtFields { block: record.to })),
        }
    }

    /// A token's ledger went back with its chain's. An act of its own, so that it is found by the token.
    pub fn rewind_token(before: &TokenState, after: &TokenState) -> Self {
        Self {
            action: Action::REWIND_TOKEN,
            object: AuditObject::token(after.spec.id),
            before: Some(Snapshot::of_fields(&TokenFields::of(before))),
            after: Some(Snapshot::of_fields(&TokenFields::of(after))),
        }
    }

    /// Failed batches were given new attempts; `None` if each has all of them.
    pub fn retry(
        programme: &ProgrammeId,
        window_start: Timestamp,
        before: Attempts,
    ) -> Option<Self> {
        let after = Attempts { attempts: 0, ..before };
        (before != after).then(|| Self {
            action: Action::RETRY_SETTLEMENT,
            object: AuditObject::settlement(programme, window_start),
            before: Some(Snapshot::of_fields(&before)),
            after: Some(Snapshot::of_fields(&after)),
        })
    }

    /// A decision about accounts was taken; `rows` are those for which it changes something. `None` for a
    /// change of rates, which is [`Act::programme`].
    pub fn decision(record: &DecisionRecord, rows: &[(Account, WeightBp)]) -> Option<Self> {
        let action = match record.kind {
            DecisionKind::Rates => return None,
            DecisionKind::Weights { .. } => Action::SET_WEIGHTS,
            DecisionKind::BonusSet { .. } => Action::REPLACE_BONUS_SET,
            DecisionKind::Suspend => Action::SUSPEND,
            DecisionKind::Reinstate => Action::REINSTATE,
            DecisionKind::Exclude => Action::EXCLUDE,
            DecisionKind::Include => Action::INCLUDE,
        };
        let one = if let [one] = rows { Some(*one) } else { None };
        let states_value = record.scope.reach() == Reach::Programme;
        let after = DecisionFields {
            decision: record.number,
            from: record.from,
            until: record.kind.until(),
            set: record.kind.set(),
            accounts: record.accounts,
            account: one.map(|(account, _)| account),
            basis_points: one.map(|(_, value)| value).filter(|_| states_value),
        };
        let object = AuditObject::scope(&record.scope);
        Some(Self { action, object, before: None, after: Some(Snapshot::of_fields(&after)) })
    }

    /// A programme was added, or changed; `None` if it stays as it is.
    pub fn programme(before: Option<&Programme>, after: &Programme) -> Option<Self> {
        let fields = |programme: &Programme| {
            let Programme { rates, window, shards, .. } = programme;
            Snapshot::of_fields(&ProgrammeFields { rates, window: *window, shards: *shards })
        };
        let is_new = before.is_none();
        (before != Some(after)).then(|| Self {
            action: if is_new { Action::ADD_PROGRAMME } else { Action::CHANGE_PROGRAMME },
            object: AuditObject::programme(&after.id),
            before: before.map(fields),
            after: Some(fields(after)),
        })
    }
}

impl Attempts {
    /// With one more failed batch.
    pub fn add(&mut self, attempts: u32) {
        self.batches += 1;
        self.attempts += u64::from(attempts);
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;

    use super::*;

    #[test]
    fn what_changes_nothing_is_no_act() {
        let token = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(1) };
        let programme = Programme::main(token, "0.05".parse().unwrap());
        let paused = ChainStatus::Paused(None);
        assert_eq!(Act::on_chain(Action::PAUSE_CHAIN, token.chain, &paused, &paused), None);
        let halted = TokenStatus::Halted("why".to_owned());
        assert_eq!(Act::on_token(Action::PAUSE_TOKEN, token, &halted, &halted), None);
        assert_eq!(Act::programme(Some(&programme), &programme), None);
        let window = Timestamp::ZERO;
        let mut fresh = Attempts::default();
        assert_eq!(Act::retry(&programme.id, window, fresh), None);
        fresh.add(0);
        assert_eq!(Act::retry(&programme.id, window, fresh), None);
        fresh.add(3);
        let act = Act::retry(&programme.id, window, fresh).unwrap();
        let json = serde_json::to_string(&act).unwrap();
        let figures = r#""before":{"attempts":3,"batches":2},"after":{"attempts":0,"batches":2}"#;
        assert!(json.contains(figures), "{json}");
    }

    #[test]
    fn an_act_is_read_as_it_is_written() {
        let token = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(1) };
        let programme = Programme::main(token, "0.05".parse().unwrap());
        let added = Act::programme(None, &programme).unwrap();
        assert_eq!((&added.action, &added.before), (&Action::ADD_PROGRAMME, &None));
        let json = serde_json::to_string(&added).unwrap();
        assert_eq!(serde_json::from_str::<Act>(&json).unwrap(), added);
    }

    /// In a build with `serde_json/preserve_order` too: `cargo test -p pledge-core --features
    /// serde_json/preserve_order`.
    #[test]
    fn the_text_of_a_snapshot_has_its_keys_in_order_however_they_were_written() {
        let written = r#"{"b":[{"d":1,"c":{"f":2,"e":3}}],"a":null}"#;
        let sorted = r#"{"a":null,"b":[{"c":{"e":3,"f":2},"d":1}]}"#;
        let read: Snapshot = serde_json::from_str(written).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), sorted);
        let value: serde_json::Value = serde_json::from_str(written).unwrap();
        assert_eq!(serde_json::to_string(&Snapshot::of(&value).unwrap()).unwrap(), sorted);
    }

    #[test]
    fn an_action_has_a_short_plain_name() {
        assert_eq!(Action::new("pause_chain").unwrap(), Action::PAUSE_CHAIN);
        for wrong in ["", "Pause", "pause chain", &"x".repeat(33)] {
            assert!(Action::new(wrong).is_err(), "{wrong:?}");
        }
    }
}
