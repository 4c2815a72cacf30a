//! The declaration of a section. `section!` makes its raw form, its documentation and the list of
//! values that are shown of it, so that each key is written down once.

use std::collections::BTreeMap;
use std::fmt;

use toml::Value;

use super::Key;

/// A section of the configuration, as it is documented.
#[derive(Debug, Clone, PartialEq)]
pub struct SectionDoc {
    /// Its name, with `NAME` for each level that the user names.
    pub key: Key,
    /// Its name in an example, where those levels have names.
    pub example: Key,
    /// What it is for, in lines.
    pub doc: String,
    /// Whether a first configuration goes without it.
    pub is_extra: bool,
    /// Its keys, in the order in which they are shown.
    pub keys: Vec<KeyDoc>,
}

/// A key of a section, as it is documented.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyDoc {
    /// The last level of its name.
    pub name: &'static str,
    /// What it means, in lines.
    pub doc: String,
    /// The kind of its value.
    pub kind: &'static str,
    /// Whether it must be written.
    pub need: Need,
    /// The default, or an example for a key that has none.
    pub value: Value,
}

/// Whether a key must be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Its absence is an error.
    Required,
    /// A first configuration has it, and its absence means something else than any value.
    Advised,
    /// Its absence means something else than any value.
    Optional,
    /// Its absence means the default.
    Default,
}

/// A kind of values, in the form of the file.
pub(super) trait Kind {
    /// What the documentation calls it.
    const NAME: &'static str;

    /// The value as the file has it.
    fn to_toml(&self) -> Value;
}

/// A section in its raw form.
pub(super) trait Section: Default {
    /// It and the sections inside it, in the order of the file.
    fn describe(place: &Place) -> Vec<SectionDoc>;
}

/// The declaration of a key whose raw form is a `T`.
#[derive(Debug)]
pub(super) struct Declared<T> {
    absent: T,
    kind: &'static str,
    need: Need,
    value: Value,
}

/// A key that always has a value.
pub(super) fn preset<K: Kind>(default: impl Into<K>) -> Declared<K> {
    let absent = default.into();
    Declared { kind: K::NAME, need: Need::Default, value: absent.to_toml(), absent }
}

/// A key whose default applies unless another key changes it, so that the check must know whether
/// it is written.
pub(super) fn usual<K: Kind>(default: impl Into<K>) -> Declared<Option<K>> {
    absent(Need::Default, &default.into())
}

/// A key that must be written.
pub(super) fn required<K: Kind>(example: impl Into<K>) -> Declared<Option<K>> {
    absent(Need::Required, &example.into())
}

/// A key that a first configuration should have.
pub(super) fn advised<K: Kind>(example: impl Into<K>) -> Declared<Option<K>> {
    absent(Need::Advised, &example.into())
}

/// A key that may be left out, and has no default.
pub(super) fn optional<K: Kind>(example: impl Into<K>) -> Declared<Option<K>> {
    absent(Need::Optional, &example.into())
}

fn absent<K: Kind>(need: Need, value: &K) -> Declared<Option<K>> {
    Declared { absent: None, kind: K::NAME, need, value: value.to_toml() }
}

impl<T> Declared<T> {
    /// The raw form of a key that is not written.
    pub(super) fn absent(self) -> T {
        self.absent
    }

    pub(super) fn describe(self, name: &'static str, doc: &[&str]) -> KeyDoc {
        let Self { absent: _, kind, need, value } = self;
        KeyDoc { name, doc: lines(doc), kind, need, value }
    }
}

/// The declaration of sections inside another one, whose raw form is a `T`.
#[derive(Debug)]
pub(super) struct Nested<T> {
    absent: T,
    /// The name of one of them in an example, if the user names them.
    example: Option<&'static str>,
    is_extra: bool,
    describe: fn(&Place) -> Vec<SectionDoc>,
}

/// A section whose keys count also if it is not written.
pub(super) fn always<S: Section>() -> Nested<S> {
    Nested { absent: S::default(), example: None, is_extra: false, describe: S::describe }
}

/// A section whose absence has a meaning.
pub(super) fn maybe<S: Section>() -> Nested<Option<S>> {
    Nested { absent: None, example: None, is_extra: false, describe: S::describe }
}

/// Any number of sections with names that the user chooses.
pub(super) fn named<S: Section>(example: &'static str) -> Nested<BTreeMap<String, S>> {
    let absent = BTreeMap::new();
    Nested { absent, example: Some(example), is_extra: false, describe: S::describe }
}

impl<T> Nested<T> {
    /// The same, for sections that a first configuration goes without.
    pub(super) fn extra(self) -> Self {
        Self { is_extra: true, ..self }
    }

    /// The raw form of sections that are not written.
    pub(super) fn absent(self) -> T {
        self.absent
    }

    pub(super) fn describe(self, above: &Place, level: &'static str) -> Vec<SectionDoc> {
        let mut place = above.clone();
        place.levels.push(level);
        place.examples.push(level);
        if let Some(example) = self.example {
            place.levels.push("NAME");
            place.examples.push(example);
        }
        // What is inside a section that is commented out must be commented out too.
        place.is_extra |= self.is_extra;
        (self.describe)(&place)
    }
}

/// Where a section is: the levels of its name, and those in an example.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    levels: Vec<&'static str>,
    examples: Vec<&'static str>,
    is_extra: bool,
}

impl Place {
    pub(super) fn describe(&self, doc: &[&str], keys: Vec<KeyDoc>) -> SectionDoc {
        SectionDoc {
            key: Key::root(&self.levels.join(".")),
            example: Key::root(&self.examples.join(".")),
            doc: lines(doc),
            is_extra: self.is_extra,
            keys,
        }
    }
}

/// The lines of a documentation comment.
fn lines(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n")
}

/// What is shown of a key.
#[derive(Debug)]
pub(super) enum Shown {
    /// The effective value.
    Value(Value),
    /// Its value is read from the node.
    OnNode,
    /// It has no value, and is left out.
    Nothing,
}

/// The names of a section's keys with what is shown of them.
pub(super) type Values = Vec<(&'static str, Shown)>;

impl Shown {
    pub(super) fn text(value: impl fmt::Display) -> Self {
        Self::Value(text(value))
    }

    pub(super) fn whole(number: u64) -> Self {
        Self::Value(whole(number))
    }

    pub(super) fn flag(flag: bool) -> Self {
        Self::Value(Value::Boolean(flag))
    }

    pub(super) fn list(texts: impl IntoIterator<Item: fmt::Display>) -> Self {
        Self::Value(list(texts))
    }
}

pub(super) fn text(value: impl fmt::Display) -> Value {
    Value::String(value.to_string())
}

/// A number, or text if it is too large for TOML.
pub(super) fn whole(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| text(number), Value::Integer)
}

pub(super) fn list(texts: impl IntoIterator<Item: fmt::Display>) -> Value {
    Value::Array(texts.into_iter().map(text).collect())
}

/// Declares a section: the name of its raw form, the name of what is shown of it, its keys, and the
/// sections inside it. Each key has its documentation, its raw type and its [`Declared`]; each
/// section inside has its raw type and its [`Nested`].
///
/// The values that are shown are a structure with a field for each key: a check that does not name
/// every key does not compile.
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        $raw:ident shown as $shown:ident {
            $( $(#[doc = $key_doc:literal])* $key:ident: $kind:ty = $declared:expr, )*
        }
        $($sections:tt)*
    ) => {
        $crate::config::section::section! {
            $(#[doc = $doc])*
            $raw { $( $(#[doc = $key_doc])* $key: $kind = $declared, )* }
            $($sections)*
        }

        pub(super) struct $shown {
            $( $key: $crate::config::section::Shown, )*
        }

        impl $shown {
            pub(super) fn values(self) -> $crate::config::section::Values {
                vec![$( (stringify!($key), self.$key), )*]
            }
        }
    };
    (
        $(#[doc = $doc:literal])*
        $raw:ident {
            $( $(#[doc = $key_doc:literal])* $key:ident: $kind:ty = $declared:expr, )*
        }
        $(sections {
            $( $level:ident: $inside:ty = $nested:expr, )*
        })?
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(in crate::config) struct $raw {
            $( $(#[doc = $key_doc])* pub(in crate::config) $key: $kind, )*
            $( $( pub(in crate::config) $level: $inside, )* )?
        }

        impl Default for $raw {
            fn default() -> Self {
                Self {
                    $( $key: $crate::config::section::Declared::<$kind>::absent($declared), )*
                    $( $( $level: $crate::config::section::Nested::<$inside>::absent($nested), )* )?
                }
            }
        }

        impl $crate::config::section::Section for $raw {
            fn describe(
                place: &$crate::config::section::Place,
            ) -> Vec<$crate::config::section::SectionDoc> {
                let keys = vec![$(
                    $crate::config::section::Declared::<$kind>::describe(
                        $declared,
                        stringify!($key),
                        &[$($key_doc),*],
                    ),
                )*];
                let all = [
                    vec![place.describe(&[$($doc),*], keys)],
                    $( $(
                        $crate::config::section::Nested::<$inside>::describe(
                            $nested,
                            place,
                            stringify!($level),
                        ),
                    )* )?
                ];
                all.concat()
            }
        }
    };
}

pub(super) use section;
