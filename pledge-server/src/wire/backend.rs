//! A kind of database, and one that a url names.

use std::fmt::{Debug, Display};
use std::sync::Arc;

use async_trait::async_trait;
use pledge_cache_redis::Redis;
use pledge_core::error::StoreError;
use pledge_core::ports::{LedgerReads, PointsReads};

use super::BACKENDS;
use crate::load::StoreLoad;
use crate::stores::{Found, Stores};

/// A kind of database: a row of the table.
#[derive(Debug)]
pub(crate) struct Backend {
    /// The schemes of its urls.
    pub(crate) schemes: &'static [&'static str],
    /// How its user writes a url.
    pub(crate) form: &'static str,
    /// Whether what it holds is still there after the process.
    pub(crate) keeps: bool,
    /// The crate whose log lines a command shows.
    pub(crate) crate_name: &'static str,
    /// Reads a url, and what follows its scheme and colon. The error does not repeat it: it may hold
    /// a password.
    pub(crate) parse: fn(url: &str, rest: &str) -> Parsed,
}

/// A database, or why a url names none.
pub(crate) type Parsed = Result<Arc<dyn Storage>, String>;

/// A database that a url names, which may not be there yet. Displays no password.
#[async_trait]
pub(crate) trait Storage: Debug + Display + Send + Sync {
    /// The url with `***` for what must not be shown, if there is any.
    fn masked(&self) -> String {
        self.to_string()
    }

    /// A text that no other database has. One database under two names has two.
    fn place(&self) -> anyhow::Result<String> {
        Ok(self.to_string())
    }

    /// Whether a user that may only read can open it.
    fn has_read_only_users(&self) -> bool {
        false
    }

    /// Opens it, created if need be, and brings its schema up to date. A database that is not one of
    /// `pledge` is a wrong key.
    async fn open(&self) -> anyhow::Result<Stores>;

    /// What is missing, if there is nothing to open.
    async fn missing(&self) -> anyhow::Result<Option<String>>;

    /// Inspects it without writing to it. The returned stores are empty if there is nothing to read,
    /// or if the schema has to be brought up to date first.
    async fn look(&self) -> anyhow::Result<(Stores, Found)>;
}

/// The reading halves of one store.
pub(crate) type Reads = (Arc<dyn LedgerReads>, Arc<dyn PointsReads>);

/// An open database behind the ports.
#[async_trait]
pub(crate) trait Database: Debug + Send + Sync {
    /// An error if it can never be written to again.
    async fn check(&self) -> Result<(), StoreError>;

    /// Closes its connections.
    async fn close(&self);

    /// How busy its connections are.
    fn load(&self) -> StoreLoad;

    /// Repeated reads through a cache, of a database that several instances may share. A file is
    /// read faster than a cache.
    fn cached(&self, _redis: &Redis) -> Option<Reads> {
        None
    }
}

/// The kind of a scheme.
pub(crate) fn of_scheme(scheme: &str) -> Option<&'static Backend> {
    BACKENDS.iter().find(|backend| backend.schemes.contains(&scheme))
}

/// Why a url of another scheme is refused. The rest of such a url may hold a password.
pub(crate) fn unknown(scheme: &str) -> String {
    let forms = BACKENDS.iter().map(|backend| backend.form);
    format!("`{scheme}` is no kind of storage: use {}", or(forms))
}

/// How to write the url of a database that is still there after the process.
pub(crate) fn forms_that_keep() -> String {
    or(BACKENDS.iter().filter(|backend| backend.keeps).map(|backend| backend.form))
}

/// Texts as a choice: `a, b or c`.
fn or<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: Vec<&str> = texts.collect();
    match &texts[..] {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        texts => texts.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_leads_to_one_row_whose_form_has_it() {
        for backend in &BACKENDS {
            for scheme in backend.schemes {
                let found = of_scheme(scheme).unwrap();
                assert!(std::ptr::eq(found, backend), "{scheme} has two rows");
            }
            let (scheme, _) = backend.form.split_once(':').unwrap();
            assert_eq!(backend.schemes.first(), Some(&scheme));
        }
    }

    #[test]
    fn what_is_refused_names_every_form_and_nothing_behind_the_scheme() {
        let refused = unknown("postgres");
        let forms = "memory:, sqlite:FILE or mysql://USER@HOST/DATABASE";
        assert_eq!(refused, format!("`postgres` is no kind of storage: use {forms}"));
        assert_eq!(forms_that_keep(), "sqlite:FILE or mysql://USER@HOST/DATABASE");
        assert_eq!(or(["a"].into_iter()), "a");
    }
}
