//! The schema and its versions.
//!
//! A migration is one text for every database; what they word differently is between braces (see
//! `schema/text.rs`). Migrations are in sets with versions of their own, `engine` and `office`, and
//! recorded in `schema_migration` with the checksum of their texts. A text that was released never
//! changes. A new one is a file in the folder of its set, numbered on, and an entry in `schema/sets.rs`.
//! Without the feature `office` its set is one that this build does not know, and is left alone.

mod fence;
mod plan;
mod sets;
mod tables;
mod text;

use pledge_core::error::StoreErrorKind;

pub(crate) use self::fence::Fence;
use self::plan::{Made, Step, begun_by_another, plan};
use self::sets::{BASELINE, ENGINE, MigrationSet, RECORD, SETS};
use self::tables::{name_table, table_names, table_of, wait_for_tables};
use self::text::statements;
use crate::connection::{Connection, Value};
use crate::database::SchemaVersion;
use crate::dialect::{Conflict, Dialect};
use crate::fault::Fault;
use crate::query::{query, query_with};
use crate::schema_dialect::Part;

/// Where migrations are recorded.
const RECORD_TABLE: &str = "schema_migration";
/// Where they were recorded while each database had texts of its own.
const EARLIER_TABLE: &str = "_sqlx_migrations";

/// A database, as errors name it.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its name or location, without a password.
    pub name: &'a str,
    /// What it is to its user, such as "file".
    pub what: &'static str,
}

/// How far the schema of a database is.
#[derive(Debug)]
pub struct Schema<'a> {
    place: Place<'a>,
    /// The version of the database's own texts, where it has not left them yet.
    earlier: Option<i64>,
    has_record: bool,
    made: Vec<Made>,
}

impl<'a> Schema<'a> {
    /// Reads how far a database is, and changes nothing. `Invalid` for a database of another program,
    /// of a newer release, whether that has ended its change or only begun it, or of two backups.
    pub async fn look(db: &mut dyn Connection, place: Place<'a>) -> Result<Self, Fault> {
        let names = table_names(db).await?;
        // One look at all names, whatever else is there: a table that is not there cannot be asked.
        let has = |table| names.iter().any(|name| name == table);
        let (has_record, is_earlier) = (has(RECORD_TABLE), has(EARLIER_TABLE));
        if !names.is_empty() && !has_record && !is_earlier {
            return Err(foreign(place, db.dialect()));
        }
        let mut schema = Self { place, earlier: None, has_record, made: Vec::new() };
        if is_earlier {
            schema.earlier = Some(earlier_version(db).await?);
        }
        if has_record {
            let select = "SELECT * FROM schema_migration ORDER BY migration_set, version";
            schema.made = query(select).all(db).await?;
        }
        schema.refuse_two_backups()?;
        schema.refuse_newer()?;
        Ok(schema)
    }

    /// Its version: that of the first set which is not up to date, of the engine's where all are.
    pub fn version(&self) -> SchemaVersion {
        let is_empty = self.found(ENGINE.name) == 0;
        let of_set = |set: &MigrationSet| {
            let (found, newest) = (self.found(set.name), set.newest().into());
            SchemaVersion { set: set.name, found, newest, is_empty }
        };
        let behind = SETS.iter().map(of_set).find(|version| !version.is_current());
        behind.unwrap_or_else(|| of_set(&ENGINE))
    }

    /// Whether every migration was made to its end, and is the one that we know.
    pub fn is_whole(&self) -> bool {
        self.earlier.is_none()
            && plan(self.place, SETS, &self.made).is_ok_and(|steps| steps.is_empty())
    }

    /// Whether the database has the texts of its own kind still, which must be at their end before
    /// [`Schema::leave_earlier`].
    pub const fn is_earlier(&self) -> bool {
        self.earlier.is_some()
    }

    /// Logs that a schema is brought up to date, unless it is new or has nothing to do.
    pub fn announce(&self) {
        let version = self.version();
        if !version.is_empty && !version.is_current() {
            let (name, of_set) = (self.place.name, version.of_set());
            let SchemaVersion { found, newest, .. } = version;
            tracing::info!(
                "bringing the schema of `{name}` from version {found}{of_set} to {newest}"
            );
        }
    }

    /// Records what the earlier texts made as the first migration of the engine, forgets them, and
    /// looks again. It may run again after an interruption.
    pub async fn leave_earlier(self, db: &mut dyn Connection) -> Result<Self, Fault> {
        let left = self.record_earlier(db).await;
        left.map_err(|fault| self.explain(fault, db.dialect()))?;
        Self::look(db, self.place).await
    }

    async fn record_earlier(&self, db: &mut dyn Connection) -> Result<(), Fault> {
        // The earlier record goes last: until then a run that is interrupted begins here again.
        self.make_record(db).await?;
        let key = &["migration_set", "version"];
        let or_keep = db.dialect().on_conflict(Conflict { key, updates: &[] });
        insert(db, ENGINE.name, &BASELINE, true, &or_keep).await?;
        run(db, format!("DROP TABLE {EARLIER_TABLE}")).await
    }

    /// Makes what is missing, in the order of the sets. The caller keeps others from doing the same.
    ///
    /// `Invalid` where what was made is not what a release of pledge makes.
    pub async fn bring_up_to_date(&self, db: &mut dyn Connection) -> Result<(), Fault> {
        let steps = plan(self.place, SETS, &self.made)?;
        let made = self.make(db, &steps).await;
        made.map_err(|fault| self.explain(fault, db.dialect()))
    }

    async fn make(&self, db: &mut dyn Connection, steps: &[Step]) -> Result<(), Fault> {
        self.make_record(db).await?;
        let dialect = db.dialect();
        let texts = steps.iter().map(|step| statements(step.migration.text, dialect));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        // Nobody uses a database that has no schema yet. The first step already stops the earlier release, so
        // the tables of all steps are waited for.
        if !self.made.is_empty() {
            wait_for_tables(db, self.place, &texts.concat()).await?;
        }
        for (step, statements) in steps.iter().zip(texts) {
            let Step { set, migration, .. } = step;
            let mut rest = statements.into_iter();
            self.begin(db, step, rest.next()).await?;
            for statement in rest {
                self.change(db, statement).await?;
            }
            query("UPDATE schema_migration SET made = 1 WHERE migration_set = ? AND version = ?")
                .bind(*set)
                .bind(migration.version)
                .execute(db)
                .await?;
        }
        Ok(())
    }

    /// Records a migration and makes its first change. One of which nothing was made leaves no record.
    async fn begin(
        &self,
        db: &mut dyn Connection,
        step: &Step,
        first: Option<String>,
    ) -> Result<(), Fault> {
        let Step { set, migration, is_begun } = step;
        if *is_begun {
            let (name, version) = (self.place.name, migration.version);
            tracing::warn!(
                "bringing the schema of `{name}` to version {version} was interrupted, doing it again"
            );
            return self.change_first(db, first).await;
        }
        // Before the record, which stops the processes of an earlier release: one who may not change the
        // schema is refused here.
        self.let_writes_end(db).await?;
        // A migration is recorded before its first change and marked at its end: a database that takes
        // no change back shows in between that it was begun, and by which text.
        insert(db, set, migration, false, "").await?;
        let changed = self.change_first(db, first).await;
        if changed.is_err() {
            withdraw(db, step).await;
        }
        changed
    }

    async fn change_first(
        &self,
        db: &mut dyn Connection,
        first: Option<String>,
    ) -> Result<(), Fault> {
        self.let_writes_end(db).await?;
        match first {
            Some(statement) => self.change(db, statement).await,
            None => Ok(()),
        }
    }

    /// Runs a statement of a migration, and names its table where others hold it.
    async fn change(&self, db: &mut dyn Connection, statement: String) -> Result<(), Fault> {
        let table = table_of(&statement).map(str::to_owned);
        let made = run(db, statement).await;
        made.map_err(|fault| match table {
            Some(table) => name_table(fault, self.place, &table, db.dialect()),
            None => fault,
        })
    }

    /// Waits until every write has ended that passed the [`Fence`] before. Nobody writes to a database that
    /// has no schema yet.
    async fn let_writes_end(&self, db: &mut dyn Connection) -> Result<(), Fault> {
        let wait = db.dialect().schema().let_writes_end();
        match wait.filter(|_| !self.made.is_empty()) {
            Some(wait) => {
                let waited = query(wait).execute(db).await.map(drop);
                waited.map_err(|fault| name_table(fault, self.place, RECORD_TABLE, db.dialect()))
            }
            None => Ok(()),
        }
    }

    async fn make_record(&self, db: &mut dyn Connection) -> Result<(), Fault> {
        if !self.has_record {
            for statement in statements(RECORD, db.dialect())? {
                run(db, statement).await?;
            }
        }
        Ok(())
    }

    /// Names the rights of a change of the schema, where a server has refused one.
    pub fn explain(&self, fault: Fault, dialect: &dyn Dialect) -> Fault {
        let is_refused = fault.kind() == StoreErrorKind::Invalid;
        let Some(rights) = dialect.schema().rights().filter(|_| is_refused) else {
            return fault;
        };
        let (name, of_set) = (self.place.name, self.version().of_set());
        let SchemaVersion { found, newest, .. } = self.version();
        fault.with_detail(|detail| {
            format!(
                "{detail}: the schema of `{name}` is of version {found}{of_set}, to be brought to {newest}: run \
                 `pledge migrate` once with a user who may {rights} there"
            )
        })
    }

    /// The earlier record is dropped before any migration but the baseline is made, so a record of
    /// another one next to it shows that an earlier backup was restored over a later database.
    fn refuse_two_backups(&self) -> Result<(), Fault> {
        let Some(earlier) = self.earlier else { return Ok(()) };
        let is_baseline = |made: &Made| made.set == ENGINE.name && made.version == BASELINE.version;
        let Some(later) = self.made.iter().find(|made| !is_baseline(made)) else { return Ok(()) };
        let Place { name, what } = self.place;
        let Made { set, version, .. } = later;
        Err(Fault::invalid(format!(
            "`{name}` has the records of two backups, of schema version {earlier} in `{EARLIER_TABLE}` and \
             of {set} version {version} in `{RECORD_TABLE}`, so its tables may be of both: restore one \
             backup into an empty {what}"
        )))
    }

    fn refuse_newer(&self) -> Result<(), Fault> {
        for set in SETS {
            let (found, newest) = (self.found(set.name), set.newest());
            if found > i64::from(newest) {
                let Place { name, what } = self.place;
                return Err(Fault::invalid(format!(
                    "`{name}` has schema version {found}, written by a newer version of pledge; this one \
                     knows up to {newest}: upgrade pledge, or open another {what}"
                )));
            }
            // One that is only begun may have changed anything already.
            let mut of_set = self.made.iter().filter(|made| made.set == set.name);
            if let Some(begun) = of_set.find(|made| made.version > newest) {
                return Err(begun_by_another(self.place, begun.version));
            }
        }
        Ok(())
    }

    /// The version that a set was brought to; zero for none.
    fn found(&self, set: &str) -> i64 {
        let made = self.made.iter().filter(|made| made.is_whole && made.set == set);
        // Where the step from the earlier texts was interrupted, both records are there: it is not over.
        let recorded = made.map(|made| made.version.into()).max().unwrap_or(0);
        self.earlier.filter(|_| set == ENGINE.name).unwrap_or(recorded)
    }
}

/// A database that has tables and no record.
fn foreign(Place { name, what }: Place<'_>, dialect: &dyn Dialect) -> Fault {
    let theirs = format!("`{name}` is the database of another program");
    // Where users have rights, tables on which one has none are not listed.
    Fault::invalid(match dialect.schema().rights() {
        None => format!("{theirs}: open another {what}"),
        Some(_) => format!(
            "{theirs}, or its user may not read `{RECORD_TABLE}`: open another {what}, or grant the user \
             SELECT on all tables of this one"
        ),
    })
}

async fn earlier_version(db: &mut dyn Connection) -> Result<i64, Fault> {
    let newest = "SELECT coalesce(max(version), 0) AS version FROM _sqlx_migrations WHERE success";
    let newest: Option<u64> = query(newest).value(db, "version").await?;
    let newest = i64::try_from(newest.unwrap_or(0));
    newest.map_err(|error| Fault::malformed("version", error))
}

async fn insert(
    db: &mut dyn Connection,
    set: &str,
    migration: &sets::Migration,
    is_whole: bool,
    or_else: &str,
) -> Result<(), Fault> {
    query(format!(
        "INSERT INTO schema_migration (migration_set, version, name, checksum, made) \
         VALUES (?, ?, ?, ?, ?) {or_else}"
    ))
    .bind(set)
    .bind(migration.version)
    .bind(migration.name)
    .bind(migration.checksum())
    .bind(is_whole)
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets a migration of which nothing was made, so that it stops no process. Where that fails too, it
/// stays as one that was interrupted, and the next run makes it.
async fn withdraw(db: &mut dyn Connection, Step { set, migration, .. }: &Step) {
    let forget =
        "DELETE FROM schema_migration WHERE migration_set = ? AND version = ? AND made = 0";
    let forgotten = query(forget).bind(*set).bind(migration.version).execute(db).await;
    if let Err(fault) = forgotten {
        let (version, fault) = (migration.version, fault.explained());
        tracing::debug!("the record of schema version {version} stays: {fault}");
    }
}

/// Runs a statement, unless what it makes is there from an interrupted run.
async fn run(db: &mut dyn Connection, sql: String) -> Result<(), Fault> {
    if let Some(part) = Part::of(&sql)
        && let Some(count) = db.dialect().schema().count_parts(part)
    {
        let names = part.names().into_iter().map(Value::from);
        let found: Option<u64> = query_with(count, names.collect()).value(db, "count").await?;
        if found.is_some_and(|count| count > 0) {
            return Ok(());
        }
    }
    query(sql).execute(db).await?;
    Ok(())
}
