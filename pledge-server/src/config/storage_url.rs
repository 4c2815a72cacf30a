//! How the url of a database is written.

use std::fmt;

use super::ServerUrl;

/// A kind of store, and where it is. Displays no password.
#[derive(Clone)]
pub struct StorageUrl(StoragePlace);

/// What a url names. A new kind of database is a variant here and a row of [`FORMS`]; where the
/// compiler then asks for more, `wire` opens it.
#[derive(Clone)]
pub(crate) enum StoragePlace {
    /// A private file, which goes with the process.
    Memory,
    /// A file of `SQLite`, relative to the current folder.
    Sqlite(String),
    /// A database of a server that speaks the protocol of `MySQL`.
    MySql(ServerUrl),
}

/// How the urls of one kind are written.
struct Form {
    schemes: &'static [&'static str],
    example: &'static str,
    /// Whether what it holds is still there after the process.
    keeps: bool,
    /// Reads a url, and what follows its scheme and colon. The error does not repeat it: it may hold
    /// a password.
    parse: fn(url: &str, rest: &str) -> Result<StoragePlace, String>,
}

const FORMS: [Form; 3] = [
    Form { schemes: &["memory"], example: "memory:", keeps: false, parse: memory },
    Form { schemes: &["sqlite"], example: "sqlite:FILE", keeps: true, parse: sqlite },
    Form {
        schemes: &["mysql", "mariadb"],
        example: "mysql://USER@HOST/DATABASE",
        keeps: true,
        parse: mysql,
    },
];

fn memory(_url: &str, rest: &str) -> Result<StoragePlace, String> {
    if rest.is_empty() { Ok(StoragePlace::Memory) } else { Err(unknown("memory")) }
}

fn sqlite(_url: &str, rest: &str) -> Result<StoragePlace, String> {
    match rest.strip_prefix("//").unwrap_or(rest) {
        "" => Err("names no file: write sqlite:pledge.db".to_owned()),
        file if file.contains('?') => {
            Err("takes no options: remove `?` and what follows".to_owned())
        }
        file => Ok(StoragePlace::Sqlite(file.to_owned())),
    }
}

fn mysql(url: &str, _rest: &str) -> Result<StoragePlace, String> {
    const EXAMPLE: &str = "mysql://pledge@127.0.0.1:3306/pledge";
    let url = ServerUrl::parse(url, &["mysql", "mariadb"], EXAMPLE)?;
    if url.expose().path().len() < 2 {
        return Err(format!("names no database: write {EXAMPLE}"));
    }
    Ok(StoragePlace::MySql(url))
}

impl StorageUrl {
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
        let form = FORMS.iter().find(|form| form.schemes.contains(&scheme));
        let form = form.ok_or_else(|| unknown(scheme))?;
        (form.parse)(url, rest).map(Self)
    }

    /// Whether what is stored is still there after the process.
    pub const fn keeps(&self) -> bool {
        !matches!(self.0, StoragePlace::Memory)
    }

    /// The url with `***` for what must not be shown, if there is any.
    pub(super) fn masked(&self) -> String {
        match &self.0 {
            StoragePlace::Memory | StoragePlace::Sqlite(_) => self.to_string(),
            StoragePlace::MySql(url) => url.masked(),
        }
    }

    pub(crate) const fn place(&self) -> &StoragePlace {
        &self.0
    }

    /// How to write the url of a database that is still there after the process.
    pub(crate) fn forms_that_keep() -> String {
        or(FORMS.iter().filter(|form| form.keeps).map(|form| form.example))
    }
}

impl fmt::Display for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            StoragePlace::Memory => f.write_str("memory:"),
            StoragePlace::Sqlite(file) => write!(f, "sqlite:{file}"),
            StoragePlace::MySql(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorageUrl({self})")
    }
}

/// Why a url of another scheme is refused. The rest of such a url may hold a password.
fn unknown(scheme: &str) -> String {
    let forms = FORMS.iter().map(|form| form.example);
    format!("`{scheme}` is no kind of storage: use {}", or(forms))
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
    fn each_scheme_is_of_one_form_whose_example_has_it() {
        for form in &FORMS {
            for scheme in form.schemes {
                let of_scheme = FORMS.iter().filter(|form| form.schemes.contains(scheme));
                assert_eq!(of_scheme.count(), 1, "{scheme} has two rows");
            }
            let (scheme, _) = form.example.split_once(':').unwrap();
            assert_eq!(form.schemes.first(), Some(&scheme));
        }
    }

    #[test]
    fn a_form_keeps_what_its_urls_keep() {
        for form in &FORMS {
            let url = StorageUrl::parse(&form.example.to_lowercase()).unwrap();
            assert_eq!(url.keeps(), form.keeps, "{url}");
        }
    }

    #[test]
    fn what_is_refused_names_every_form_and_nothing_behind_the_scheme() {
        let refused = StorageUrl::parse("postgres://me:secret@host/db").unwrap_err();
        let forms = "memory:, sqlite:FILE or mysql://USER@HOST/DATABASE";
        assert_eq!(refused, format!("`postgres` is no kind of storage: use {forms}"));
        assert_eq!(StorageUrl::forms_that_keep(), "sqlite:FILE or mysql://USER@HOST/DATABASE");
        assert_eq!(or(["a"].into_iter()), "a");
    }
}
