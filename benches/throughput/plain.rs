//! The rows of balance changes and nothing else, as fast as driver and database take them: prepared
//! statements of many rows, in one transaction.

use pledge_core::ledger::{Change, Leg};
use sqlx::mysql::MySqlArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{
    Arguments, AssertSqlSafe, Database, Encode, Executor, MySqlConnection, SqliteConnection, Type,
};

pub(crate) const STATEMENT_ROWS: usize = 1_000;
const COLUMNS: usize = 13;

/// A connection to a database that has `plain_change`, a table like `user_balance_change`.
pub(crate) enum Plain {
    Sqlite(SqliteConnection),
    MySql(MySqlConnection),
}

impl Plain {
    /// Adds rows, all or none.
    pub(crate) async fn insert(&mut self, changes: &[Change]) {
        let statements = changes.chunks(STATEMENT_ROWS);
        match self {
            Self::Sqlite(db) => {
                db.execute("BEGIN IMMEDIATE").await.expect("a transaction");
                for rows in statements {
                    let arguments = arguments::<_, SqliteArguments>(rows);
                    let insert = sqlx::query_with(AssertSqlSafe(text(rows.len())), arguments);
                    insert.execute(&mut *db).await.expect("an insert");
                }
                db.execute("COMMIT").await.expect("a commit");
            }
            Self::MySql(db) => {
                db.execute("START TRANSACTION").await.expect("a transaction");
                for rows in statements {
                    let arguments = arguments::<_, MySqlArguments>(rows);
                    let insert = sqlx::query_with(AssertSqlSafe(text(rows.len())), arguments);
                    insert.execute(&mut *db).await.expect("an insert");
                }
                db.execute("COMMIT").await.expect("a commit");
            }
        }
    }
}

fn text(rows: usize) -> String {
    let row = format!("({})", ["?"; COLUMNS].join(", "));
    format!("INSERT INTO plain_change VALUES {}", vec![row; rows].join(", "))
}

/// What the store binds for the same rows.
fn arguments<DB, A>(rows: &[Change]) -> A
where
    DB: Database<Arguments = A>,
    A: Arguments<Database = DB> + Default,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
    for<'q> &'q str: Encode<'q, DB> + Type<DB>,
    for<'q> &'q [u8]: Encode<'q, DB> + Type<DB>,
    for<'q> Option<&'q [u8]>: Encode<'q, DB>,
{
    let number = |number: u64| i64::try_from(number).expect("a small number");
    let mut arguments = A::default();
    arguments.reserve(COLUMNS * rows.len(), 0);
    let mut bind = |row: &Change| {
        arguments.add(1_i64)?;
        arguments.add(row.account.address().as_slice())?;
        arguments.add(number(row.block.get()))?;
        arguments.add(number(row.log_index.get()))?;
        arguments.add(i64::from(row.change_type.leg() == Leg::In))?;
        arguments.add(number(row.time.get()))?;
        arguments.add(row.change_type.as_str())?;
        arguments.add(row.amount.to_be_bytes().as_slice())?;
        arguments.add(row.balance_after.to_be_bytes().as_slice())?;
        arguments.add(row.balance_seconds.to_be_bytes().as_slice())?;
        let counterparty = row.counterparty.map(|account| account.address());
        arguments.add(counterparty.as_ref().map(|address| address.as_slice()))?;
        arguments.add(row.tx_hash.as_slice())?;
        arguments.add(i64::from(row.netted))
    };
    for row in rows {
        bind(row).expect("a value that can be bound");
    }
    arguments
}
