//! The kinds of values as they are written: only the type is checked.

use std::fmt;

use serde::Deserialize as Derive;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Value;

use super::section::{Kind, list, text, whole};

#[derive(Debug, Default, Clone, Derive)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStep {
    pub(super) from: Option<String>,
    pub(super) rate: Option<RateText>,
}

impl RawStep {
    pub(super) fn new(from: impl fmt::Display, rate: impl fmt::Display) -> Self {
        Self { from: Some(from.to_string()), rate: Some(RateText(rate.to_string())) }
    }
}

/// A whole number. The environment has only text, so digits as text count too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole(pub(super) u64);

/// Yes or no. The environment has only text, so `true` and `false` as text count too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

/// A rate, which must be text: a number of TOML is binary and would not be exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RateText(pub(super) String);

/// A list of texts, or in the environment one text with commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextList(pub(super) Vec<String>);

/// A list of events, or in the environment one text with commas; a comma in parentheses separates
/// parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventList(pub(super) Vec<String>);

/// A list of steps, or in the environment one text `FROM=RATE,FROM=RATE`.
#[derive(Debug, Clone)]
pub(super) struct RawSchedule(pub(super) Vec<RawStep>);

impl Kind for String {
    const NAME: &'static str = "text";

    fn to_toml(&self) -> Value {
        text(self)
    }
}

impl Kind for Whole {
    const NAME: &'static str = "whole number";

    fn to_toml(&self) -> Value {
        whole(self.0)
    }
}

impl Kind for Flag {
    const NAME: &'static str = "`true` or `false`";

    fn to_toml(&self) -> Value {
        Value::Boolean(self.0)
    }
}

impl Kind for RateText {
    const NAME: &'static str = "number as text";

    fn to_toml(&self) -> Value {
        text(&self.0)
    }
}

impl Kind for TextList {
    const NAME: &'static str = "list of texts";

    fn to_toml(&self) -> Value {
        list(&self.0)
    }
}

impl Kind for EventList {
    const NAME: &'static str = "list of texts";

    fn to_toml(&self) -> Value {
        list(&self.0)
    }
}

impl Kind for RawSchedule {
    const NAME: &'static str = "list of steps";

    fn to_toml(&self) -> Value {
        let step = |RawStep { from, rate }: &RawStep| {
            let rate = rate.as_ref().map(|RateText(rate)| rate);
            let keys = [("from", from.as_ref()), ("rate", rate)].into_iter();
            keys.filter_map(|(name, value)| Some((name.to_owned(), text(value?)))).collect()
        };
        Value::Array(self.0.iter().map(step).map(Value::Table).collect())
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, not negative")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Whole, E> {
                Ok(Whole(value))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Whole, E> {
                let invalid = |_| E::invalid_value(de::Unexpected::Str(text), &self);
                text.parse().map(Whole).map_err(invalid)
            }
        }
        deserializer.deserialize_any(Digits)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct YesOrNo;
        impl Visitor<'_> for YesOrNo {
            type Value = Flag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Flag, E> {
                Ok(Flag(value))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Flag, E> {
                let invalid = |_| E::invalid_value(de::Unexpected::Str(text), &self);
                text.parse().map(Flag).map_err(invalid)
            }
        }
        deserializer.deserialize_any(YesOrNo)
    }
}

impl<'de> Deserialize<'de> for RateText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `deserialize_any`, not `String`: a number then gets an error with the remedy, not with
        // serde's words.
        struct Text;
        impl Text {
            fn number<E: de::Error>(number: impl fmt::Display) -> Result<RateText, E> {
                Err(E::custom(format_args!(
                    "a rate is text, so that it stays exact: write \"{number}\" in quotes"
                )))
            }
        }
        impl Visitor<'_> for Text {
            type Value = RateText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rate as text, such as \"0.05\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RateText, E> {
                Ok(RateText(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<RateText, E> {
                Self::number(number)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<RateText, E> {
                Self::number(number)
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<RateText, E> {
                Self::number(number)
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// A list of texts, or one text that is split.
struct List(fn(&str) -> Vec<&str>);

impl<'de> Visitor<'de> for List {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        let parts = (self.0)(text).into_iter().map(|part| part.trim().to_owned());
        Ok(parts.filter(|part| !part.is_empty()).collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<String>, A::Error> {
        Vec::deserialize(de::value::SeqAccessDeserializer::new(list))
    }
}

impl<'de> Deserialize<'de> for TextList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(List(|text| text.split(',').collect())).map(Self)
    }
}

impl<'de> Deserialize<'de> for EventList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(List(split_outside_parentheses)).map(Self)
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let is_separator = |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    };
    text.split(is_separator).collect()
}

impl<'de> Deserialize<'de> for RawSchedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // One visitor for both sources: the file gives a list, an environment variable one text.
        struct Steps;
        impl<'de> Visitor<'de> for Steps {
            type Value = RawSchedule;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list such as [{ from = \"2026-01-01T00:00:00Z\", rate = \"0.10\" }]")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawSchedule, E> {
                let step = |part: &str| {
                    let (from, rate) = part.split_once('=').unwrap_or((part, ""));
                    RawStep::new(from.trim(), rate.trim())
                };
                let parts = text.split(',').filter(|part| !part.trim().is_empty());
                Ok(RawSchedule(parts.map(step).collect()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<RawSchedule, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(list)).map(RawSchedule)
            }

            fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<RawSchedule, A::Error> {
                Err(de::Error::invalid_type(de::Unexpected::Map, &self))
            }
        }
        deserializer.deserialize_any(Steps)
    }
}
