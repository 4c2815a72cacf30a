//! Secrets as they are written: no error and no debug output shows one.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use toml::Value;

use super::section::{Kind, list};

/// A secret, or where it is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Secret {
    /// It itself.
    Text(String),
    /// The file that has it.
    File(PathBuf),
}

/// How the name of a file begins.
const FILE: &str = "file:";

/// One secret or a list of them; in the environment one text with commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretList(pub(super) Vec<Secret>);

impl Secret {
    fn of(text: &str) -> Self {
        match text.strip_prefix(FILE) {
            Some(file) => Self::File(file.into()),
            None => Self::Text(text.to_owned()),
        }
    }

    /// The secret itself. Line ends around what a file has are none of it.
    pub(super) fn read(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(file) => match std::fs::read_to_string(file) {
                Ok(text) => Ok(text.trim_matches(['\r', '\n']).to_owned()),
                Err(error) => Err(format!(
                    "the file `{}` cannot be read ({error}): make it readable, or name another one",
                    file.display()
                )),
            },
        }
    }
}

/// As it may be shown.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("***"),
            Self::File(file) => write!(f, "{FILE}{}", file.display()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}

impl Kind for SecretList {
    const NAME: &'static str = "text or list of texts";

    /// An example, since no default is a secret.
    fn to_toml(&self) -> Value {
        list(self.0.iter().map(|secret| match secret {
            Secret::Text(text) => text.clone(),
            file @ Secret::File(_) => file.to_string(),
        }))
    }
}

/// Reads texts, and shows nothing of what is none.
struct Secrets;

impl Secrets {
    fn no_text<E: de::Error, T>(&self) -> Result<T, E> {
        Err(E::custom("a secret is text: write it in quotes"))
    }
}

impl<'de> Visitor<'de> for Secrets {
    type Value = SecretList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretList, E> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(SecretList(parts.map(Secret::of).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SecretList, A::Error> {
        let mut all = Vec::new();
        while let Some(SecretText(text)) = list.next_element()? {
            all.push(Secret::of(&text));
        }
        Ok(SecretList(all))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<SecretList, E> {
        self.no_text()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<SecretList, E> {
        self.no_text()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<SecretList, E> {
        self.no_text()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<SecretList, E> {
        self.no_text()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretList, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.no_text()
    }
}

impl<'de> Deserialize<'de> for SecretList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Secrets)
    }
}

/// One text of a list, which may contain commas.
struct SecretText(String);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By way of JSON, whose values are all read without an error that shows them.
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(text)),
            _ => Secrets.no_text(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vec<String>, String> {
        let list: SecretList = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Ok(list.0.iter().map(|secret| secret.read().unwrap()).collect())
    }

    #[test]
    fn one_secret_a_list_and_a_text_with_commas_are_read() {
        assert_eq!(read(r#""one""#).unwrap(), ["one"]);
        assert_eq!(read(r#"["one", "two, with a comma"]"#).unwrap(), ["one", "two, with a comma"]);
        assert_eq!(read(r#""one, two,""#).unwrap(), ["one", "two"]);
    }

    #[test]
    fn a_secret_in_a_file_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "s3cret \r\n").unwrap();
        let json = serde_json::to_string(&format!("file:{}", file.display())).unwrap();
        assert_eq!(read(&json).unwrap(), ["s3cret "]);
        let missing = Secret::of("file:/there/is/none").read().unwrap_err();
        assert!(missing.contains("`/there/is/none` cannot be read"), "{missing}");
    }

    #[test]
    fn what_is_no_text_is_refused_and_not_shown() {
        for json in ["12345678", "-12345678", "1234.5678", "[12345678]", r#"{"a": "12345678"}"#] {
            let error = read(json).unwrap_err();
            assert!(error.contains("write it in quotes"), "{error}");
            assert!(!error.contains("1234") && !error.contains("5678"), "{error}");
        }
    }

    #[test]
    fn a_secret_is_shown_as_its_file_alone() {
        let list: SecretList = serde_json::from_str(r#""s3cret,file:/run/key""#).unwrap();
        assert_eq!(format!("{list:?}"), "SecretList([Secret(***), Secret(file:/run/key)])");
    }
}
