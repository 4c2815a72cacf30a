//! What every connection is set to. A server, a proxy or a pooler may ignore a setting or change a
//! default, so each is read back.

use std::collections::BTreeMap;

use pledge_storage_sql::Fault;
use sqlx::{AssertSqlSafe, MySqlConnection, Row};

use crate::error::{STATEMENT_LOG, fault};

/// Values that do not fit are errors, never cut or clamped.
const SQL_MODE: &str = "ONLY_FULL_GROUP_BY,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION";
const TIME_ZONE: &str = "+00:00";
const COLLATION: &str = "utf8mb4_bin";
/// How long a write waits for another that holds a row, and any statement for one that holds a table.
const LOCK_WAIT_SECONDS: u32 = 5;
/// An answer has all its rows.
const ROWS_MAX: &str = "18446744073709551615";
/// Statements of many rows stay below half of it.
const PACKET_BYTES_MIN: usize = 4 << 20;
/// What a statement needs besides its values.
const STATEMENT_REST_BYTES: usize = 1 << 20;

/// A connection that is set up.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: MySqlConnection,
    /// Bytes of values that the server takes in one statement. More it refuses by ending the
    /// connection.
    pub(crate) values_bytes_max: usize,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    /// Each statement sees what is committed.
    Writer,
    /// Each transaction sees one snapshot, and writes nothing.
    Reader,
}

impl Role {
    const fn isolation(self) -> &'static str {
        match self {
            Self::Writer => "READ COMMITTED",
            Self::Reader => "REPEATABLE READ",
        }
    }

    const fn access(self) -> &'static str {
        match self {
            Self::Writer => "READ WRITE",
            Self::Reader => "READ ONLY",
        }
    }
}

/// Sets a new connection up. `Invalid` if it did not obey.
pub(crate) async fn set_up(mut db: MySqlConnection, role: Role) -> Result<Session, Fault> {
    let (isolation, access) = (role.isolation(), role.access());
    // `CHAIN` would open a transaction after each commit, and a limit would cut answers. The
    // isolation is a statement of its own: its variable has two names.
    let settings = format!(
        "SET autocommit = 1, sql_mode = '{SQL_MODE}', time_zone = '{TIME_ZONE}', \
         innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}, lock_wait_timeout = {LOCK_WAIT_SECONDS}, \
         completion_type = 'NO_CHAIN', unique_checks = 1, sql_select_limit = {ROWS_MAX}, \
         sql_safe_updates = 0, sql_big_selects = 1, NAMES utf8mb4 COLLATE {COLLATION}; \
         SET SESSION TRANSACTION ISOLATION LEVEL {isolation}, {access}"
    );
    sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut db).await.map_err(fault)?;
    let found = variables(&mut db).await?;
    refuse_server(&found, role)?;
    refuse_other(&found, role)?;
    Ok(Session { connection: db, values_bytes_max: values_bytes_max(&found)? })
}

async fn variables(db: &mut MySqlConnection) -> Result<BTreeMap<String, String>, Fault> {
    let show = "SHOW SESSION VARIABLES WHERE Variable_name IN ('autocommit', 'sql_mode', \
                'time_zone', 'collation_connection', 'max_allowed_packet', \
                'completion_type', 'unique_checks', 'sql_select_limit', 'version', \
                'log_bin', 'binlog_format', \
                'transaction_isolation', 'tx_isolation', 'transaction_read_only', 'tx_read_only')";
    let rows = sqlx::raw_sql(show).fetch_all(db).await.map_err(fault)?;
    let pair = |row: &sqlx::mysql::MySqlRow| Ok((row.try_get(0)?, row.try_get(1)?));
    rows.iter().map(pair).collect::<Result<_, _>>().map_err(fault)
}

/// A server that is too old, or whose log refuses our writes.
fn refuse_server(found: &BTreeMap<String, String>, role: Role) -> Result<(), Fault> {
    let variable = |name| found.get(name).map_or("", String::as_str);
    refuse_version(variable("version"))?;
    let logs_statements = (variable("log_bin"), variable("binlog_format")) == ("ON", "STATEMENT");
    if logs_statements && matches!(role, Role::Writer) {
        return Err(Fault::invalid(STATEMENT_LOG));
    }
    Ok(())
}

/// Before 8.0 MySQL, and before 10.8 MariaDB, takes the `DESC` of an index and ignores it: each page of
/// a leaderboard would sort every account.
fn refuse_version(version: &str) -> Result<(), Fault> {
    let mut numbers = version.split(['.', '-']).map_while(|number| number.parse().ok());
    let found: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let is_mariadb = version.contains("MariaDB");
    let oldest = if is_mariadb { (10, 8) } else { (8, 0) };
    if found >= oldest {
        return Ok(());
    }
    Err(Fault::invalid(format!(
        "the server is of version `{version}`, which ignores the order of an index: use MariaDB 10.8 or \
         MySQL 8.0, or later"
    )))
}

fn refuse_other(found: &BTreeMap<String, String>, role: Role) -> Result<(), Fault> {
    // Before 11.1 MariaDB has only the second name.
    let isolation = ["transaction_isolation", "tx_isolation"];
    let read_only = ["transaction_read_only", "tx_read_only"];
    let level = role.isolation().replace(' ', "-");
    let access = if matches!(role, Role::Reader) { "ON" } else { "OFF" };
    let expected = [
        (["autocommit"].as_slice(), "ON"),
        (&["sql_mode"], SQL_MODE),
        (&["time_zone"], TIME_ZONE),
        (&["collation_connection"], COLLATION),
        (&["completion_type"], "NO_CHAIN"),
        (&["unique_checks"], "ON"),
        (&["sql_select_limit"], ROWS_MAX),
        (&isolation, &level),
        (&read_only, access),
    ];
    for (names, value) in expected {
        let is = names.iter().find_map(|name| found.get(*name)).map(String::as_str);
        if is != Some(value) {
            let (name, is) = (names[0], is.unwrap_or("not there"));
            let detail = format!("the server keeps {name} at `{is}`, not `{value}`");
            return Err(Fault::invalid(detail));
        }
    }
    values_bytes_max(found).map(drop)
}

fn values_bytes_max(found: &BTreeMap<String, String>) -> Result<usize, Fault> {
    let packet = found.get("max_allowed_packet").and_then(|bytes| bytes.parse().ok());
    if let Some(bytes) = packet.filter(|bytes: &usize| *bytes >= PACKET_BYTES_MIN) {
        return Ok(bytes - STATEMENT_REST_BYTES);
    }
    let detail = format!("the server's max_allowed_packet is below {PACKET_BYTES_MIN}: raise it");
    Err(Fault::invalid(detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obeyed() -> BTreeMap<String, String> {
        let pairs = [
            ("autocommit", "ON"),
            ("sql_mode", SQL_MODE),
            ("time_zone", TIME_ZONE),
            ("collation_connection", COLLATION),
            ("completion_type", "NO_CHAIN"),
            ("unique_checks", "ON"),
            ("sql_select_limit", ROWS_MAX),
            ("transaction_isolation", "READ-COMMITTED"),
            ("transaction_read_only", "OFF"),
            ("max_allowed_packet", "16777216"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn a_connection_that_obeys_is_taken() {
        refuse_other(&obeyed(), Role::Writer).unwrap();
    }

    #[test]
    fn every_setting_that_is_another_is_refused() {
        for name in obeyed().keys() {
            let mut found = obeyed();
            found.insert(name.clone(), "1".to_owned());
            assert!(refuse_other(&found, Role::Writer).is_err(), "{name}");
            found.remove(name);
            assert!(refuse_other(&found, Role::Writer).is_err(), "no {name}");
        }
    }

    #[test]
    fn a_server_that_ignores_the_order_of_an_index_is_refused() {
        for old in ["10.6.18-MariaDB-log", "10.7.8-MariaDB", "5.7.44", "", "?"] {
            assert!(refuse_version(old).is_err(), "{old}");
        }
        for new in [
            "10.8.3-MariaDB",
            "10.11.6-MariaDB-0+deb12u1",
            "11.8.2-MariaDB",
            "8.0.36",
            "9.7.4",
            "8.0.11-TiDB-v8.5.0",
        ] {
            assert!(refuse_version(new).is_ok(), "{new}");
        }
    }

    #[test]
    fn a_log_of_statements_is_in_the_way_of_those_who_write() {
        let logs = |format: &str| {
            let pairs =
                [("version", "10.11.6-MariaDB"), ("log_bin", "ON"), ("binlog_format", format)];
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
        };
        assert!(refuse_server(&logs("STATEMENT"), Role::Writer).is_err());
        assert!(refuse_server(&logs("STATEMENT"), Role::Reader).is_ok());
        for format in ["ROW", "MIXED"] {
            assert!(refuse_server(&logs(format), Role::Writer).is_ok(), "{format}");
        }
    }

    #[test]
    fn a_reader_must_not_write() {
        assert!(refuse_other(&obeyed(), Role::Reader).is_err());
    }
}
