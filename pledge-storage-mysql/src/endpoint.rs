//! Where a database is, and what is wrong where it cannot be reached.

use std::fmt;

use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::Fault;
use sqlx::ConnectOptions;
use sqlx::mysql::MySqlConnectOptions;

use crate::error::{codes, fault, number};
use crate::session::{Role, Session, set_up};
use crate::timeouts::{Timeouts, within};

/// Statements that a connection keeps prepared: each of our texts in each of its sizes.
const STATEMENTS_CACHED_MAX: usize = 256;
const FORM: &str = "mysql://user:password@host:3306/database";
const ENCODED: &str = "in a password `@ / # ? %` are written `%40 %2F %23 %3F %25`";

/// One database of a server, and the user who opens it. Shows no password.
#[derive(Clone)]
pub(crate) struct Endpoint {
    options: MySqlConnectOptions,
    /// `host:port`, or the path of a socket.
    server: String,
    name: String,
}

impl Endpoint {
    /// From a URL, whose text is never shown: it may hold a password.
    pub(crate) fn of(url: &str) -> Result<Self, Fault> {
        let options: MySqlConnectOptions = url.parse().map_err(|error: sqlx::Error| {
            let detail = format!("the URL is not of the form {FORM}; {ENCODED}");
            Fault::invalid(detail).caused_by(error)
        })?;
        let name = options.get_database().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(Fault::invalid(format!("the URL names no database: {FORM}; {ENCODED}")));
        }
        // What follows a slash in a password is taken for the database, the host included.
        if name.contains('@') {
            let detail = format!("the URL has an `@` behind its host: {FORM}; {ENCODED}");
            return Err(Fault::invalid(detail));
        }
        // The driver would append two modes to the server's own. `set_up` replaces all of them
        // instead.
        let options = options
            .charset("utf8mb4")
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .statement_cache_capacity(STATEMENTS_CACHED_MAX)
            .disable_statement_logging();
        let server = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        Ok(Self { options, server, name })
    }

    /// The database's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A new connection that is set up.
    pub(crate) async fn open(&self, role: Role, patience: Timeouts) -> Result<Session, Fault> {
        let opened = within(patience.connection, async {
            let connected = self.options.connect().await;
            set_up(connected.map_err(|error| self.explain(error))?, role).await
        });
        opened.await.map_err(|fault| match fault.kind() {
            StoreErrorKind::Unavailable => {
                fault.with_detail(|detail| format!("{detail} on `{}`", self.server))
            }
            _ => fault,
        })
    }

    /// What is wrong with the URL or the server, where that is what an error means while connecting.
    fn explain(&self, error: sqlx::Error) -> Fault {
        let name = &self.name;
        let detail = match error.as_database_error().and_then(number) {
            Some(codes::UNKNOWN_DATABASE) => format!(
                "there is no database `{name}`: CREATE DATABASE `{name}` CHARACTER SET utf8mb4 \
                 COLLATE utf8mb4_bin"
            ),
            Some(codes::ACCESS_DENIED) => {
                format!("the server refuses the user or the password; {ENCODED}")
            }
            Some(codes::NOT_THIS_DATABASE) => format!("the user may not use the database `{name}`"),
            _ if matches!(error, sqlx::Error::Configuration(_)) => {
                "the user cannot log in as the URL asks: leave `ssl-mode` out of it, so that the \
                 connection is encrypted"
                    .to_owned()
            }
            _ => return fault(error),
        };
        Fault::invalid(detail).caused_by(error)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.name, self.server)
    }
}
