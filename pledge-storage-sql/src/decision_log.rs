//! The decisions of people about points as rows, and the entries of accounts in them.

use std::collections::BTreeSet;

use pledge_core::points::{AccountEntry, DecisionKind, DecisionRecord, Programme, Scope};
use pledge_core::types::{Account, EntryNumber, Step, Timestamp};

use crate::audit;
use crate::bulk::{self, values};
use crate::connection::{Connection, Value};
use crate::fault::Fault;
use crate::query::{query, query_with};
use crate::row::{DecisionRow, EntryRow, ProgrammeRow, TokenRow};
use crate::scope::{ScopeKey, Scopes};

/// An entry with the decision that it is of.
const ENTRIES: &str = "SELECT decision.*, account_entry.account, account_entry.basis_points \
     FROM account_entry JOIN decision ON decision.number = account_entry.number";

/// Numbers other rates of a programme; the token is locked.
pub(crate) async fn decide_rates(
    db: &mut dyn Connection,
    before: &ProgrammeRow,
    after: &Programme,
) -> Result<(), Fault> {
    let Some(from) = before.programme.rates.first_difference(&after.rates) else {
        return Ok(());
    };
    let number = newest(db).await?.next();
    let audit = audit::newest(db).await?.next();
    let (scope, kind) = (Scope::Programme(after.id.clone()), DecisionKind::Rates);
    let record = DecisionRecord { number, scope, from, kind, accounts: 0, audit };
    go_on_after(db, number).await?;
    add(db, &record, ScopeKey::programme(before.key)).await
}

/// The entries of accounts in scopes that reach a programme, by account and number.
pub(crate) async fn entries(
    db: &mut dyn Connection,
    (token, row): (&TokenRow, &ProgrammeRow),
    accounts: &[Account],
) -> Result<Vec<AccountEntry>, Fault> {
    if row.version.is_start() {
        return Ok(Vec::new());
    }
    let accounts: BTreeSet<_> = accounts.iter().copied().collect();
    let accounts: Vec<_> = accounts.into_iter().collect();
    entries_of(db, &Scopes::of_token(token, Some(row)), &accounts).await
}

pub(crate) async fn entries_of(
    db: &mut dyn Connection,
    scopes: &Scopes,
    accounts: &[Account],
) -> Result<Vec<AccountEntry>, Fault> {
    let select = format!("{ENTRIES} WHERE ({}) AND account_entry.account IN", scopes.condition());
    let rows: Vec<EntryRow> = bulk::select(db, &select, &scopes.values(), accounts, "").await?;
    let mut entries = Vec::with_capacity(rows.len());
    for EntryRow { decision, account, basis_points } in rows {
        let record = scopes.record(decision)?;
        let entry = record.entry(account, basis_points);
        entries.push(entry.ok_or_else(|| Fault::corrupt("a change of rates has an entry"))?);
    }
    entries.sort_unstable_by_key(|entry| (entry.account, entry.number));
    Ok(entries)
}

/// The decisions that reach a programme, the newest first.
pub(crate) async fn reaching(
    db: &mut dyn Connection,
    (token, row): (&TokenRow, &ProgrammeRow),
    below: Option<EntryNumber>,
    rows_max: usize,
) -> Result<Vec<DecisionRecord>, Fault> {
    let scopes = Scopes::of_token(token, Some(row));
    let mut sql = format!("SELECT * FROM decision WHERE ({})", scopes.condition());
    let mut values = scopes.values();
    if let Some(below) = below {
        sql += " AND number < ?";
        values.push(Value::Bound(below.get()));
    }
    let page: Vec<DecisionRow> =
        query_with(sql + " ORDER BY number DESC LIMIT ?", values).limit(rows_max).all(db).await?;
    page.into_iter().map(|row| scopes.record(row)).collect()
}

/// Refuses a batch where a decision that it has not read changes time before its end.
pub(crate) async fn require_read(
    db: &mut dyn Connection,
    (token, row): (&TokenRow, &ProgrammeRow),
    (read, end): (EntryNumber, Timestamp),
) -> Result<(), Fault> {
    if row.version <= read {
        return Ok(());
    }
    let scopes = Scopes::of_token(token, Some(row));
    let sql = format!(
        "SELECT * FROM decision WHERE ({}) AND number > ? AND effective_from < ? \
         ORDER BY number LIMIT 1",
        scopes.condition()
    );
    let found: Option<DecisionRow> =
        query_with(sql, scopes.values()).bound(read.get()).bound(end.get()).one(db).await?;
    let later = found.map(|row| scopes.record(row)).transpose()?;
    let refused = later.and_then(|later| later.refuse_batch(read, end));
    refused.map_or(Ok(()), |detail| Err(Fault::conflict(detail)))
}

/// The changes of a programme's rates, by number.
pub(crate) async fn versions(
    db: &mut dyn Connection,
    row: &ProgrammeRow,
) -> Result<Vec<Step<EntryNumber>>, Fault> {
    if row.version.is_start() {
        return Ok(Vec::new());
    }
    let rows: Vec<DecisionRow> = query(
        "SELECT * FROM decision WHERE scope = 'programme' AND scope_key = ? AND kind = 'rates' \
         ORDER BY number",
    )
    .bind(row.key)
    .all(db)
    .await?;
    Ok(rows.iter().map(|row| Step { from: row.from, value: row.number }).collect())
}

/// The highest number of a decision that reaches every programme of a token.
pub(crate) async fn newest_of_token(
    db: &mut dyn Connection,
    token: &TokenRow,
) -> Result<EntryNumber, Fault> {
    let scopes = Scopes::of_token(token, None);
    let sql = format!("SELECT MAX(number) AS newest FROM decision WHERE {}", scopes.condition());
    let newest: Option<EntryNumber> = query_with(sql, scopes.values()).value(db, "newest").await?;
    Ok(newest.unwrap_or_default())
}

/// The number given last, after which no other takes one until the transaction ends. Taken after the locks
/// of tokens and before the number of an act.
pub(crate) async fn newest(db: &mut dyn Connection) -> Result<EntryNumber, Fault> {
    let for_update = db.dialect().for_update();
    let newest = query(format!("SELECT newest FROM decision_counter WHERE id = 0 {for_update}"));
    let newest = newest.value(db, "newest").await?;
    newest.ok_or_else(|| Fault::corrupt("the counter of decisions is gone"))
}

/// Numbers decisions on after this one.
pub(crate) async fn go_on_after(db: &mut dyn Connection, newest: EntryNumber) -> Result<(), Fault> {
    query("UPDATE decision_counter SET newest = ? WHERE id = 0").bind(newest).execute(db).await?;
    Ok(())
}

/// Adds a decision that has its number, and makes it the version of every programme that it reaches.
pub(crate) async fn add(
    db: &mut dyn Connection,
    record: &DecisionRecord,
    key: ScopeKey,
) -> Result<(), Fault> {
    query(
        "INSERT INTO decision (number, kind, scope, scope_key, set_name, effective_from, \
         effective_until, accounts, audit_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(record.number)
    .bind(record.kind.name())
    .bind(key.scope())
    .bind(key.key())
    .bind(record.kind.set().map(|set| set.as_str()))
    .bind(record.from)
    .bind(record.kind.until())
    .bind(record.accounts)
    .bind(record.audit)
    .execute(db)
    .await?;
    // In the same write, so that no batch reads entries above the version it names.
    let (reached, values) = key.programmes();
    let update = format!("UPDATE programme SET version = ? {reached}");
    let values = std::iter::once(record.number.into()).chain(values).collect();
    query_with(update, values).execute(db).await?;
    Ok(())
}

/// Adds entries whose decisions are there.
pub(crate) async fn add_entries(
    db: &mut dyn Connection,
    entries: &[AccountEntry],
) -> Result<(), Fault> {
    let insert = "INSERT INTO account_entry (account, number, basis_points)";
    bulk::write(db, insert, "", entries, |entry| {
        values![entry.account, entry.number, entry.ruling.value()]
    })
    .await
}
