//! The configuration as written: every key is optional, and only the type of a value is checked.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize as Derive;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

#[derive(Debug, Default, Derive)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) server: RawServer,
    pub(super) storage: RawStorage,
    pub(super) settlement: RawSettlement,
    pub(super) chains: BTreeMap<String, RawChain>,
}

#[derive(Debug, Default, Derive)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawServer {
    pub(super) listen: Option<String>,
}

#[derive(Debug, Default, Derive)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStorage {
    pub(super) url: Option<String>,
    pub(super) redis_url: Option<String>,
    pub(super) redis_prefix: Option<String>,
    pub(super) events_kept: Option<Whole>,
}

#[derive(Debug, Default, Derive)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSettlement {
    pub(super) interval: Option<String>,
    pub(super) batch_accounts: Option<Whole>,
    pub(super) batch_changes: Option<Whole>,
}

#[derive(Debug, Default, Derive)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawChain {
    pub(super) chain_id: Option<Whole>,
    pub(super) rpc_urls: Option<TextList>,
    pub(super) ws_url: Option<String>,
    pub(super) log_proof: Option<String>,
    pub(super) requests_per_second: Option<Whole>,
    pub(super) cross_check: Option<Flag>,
    pub(super) confirmations: Option<Whole>,
    pub(super) finality: Option<String>,
    pub(super) poll_interval: Option<String>,
    pub(super) request_timeout: Option<String>,
    pub(super) clock_slack: Option<String>,
    pub(super) retained_headers: Option<Whole>,
    pub(super) tokens: BTreeMap<String, RawToken>,
    pub(super) contracts: BTreeMap<String, RawContract>,
}

#[derive(Debug, Default, Derive)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawContract {
    pub(super) address: Option<String>,
    pub(super) start_block: Option<Whole>,
    pub(super) events: Option<EventList>,
}

#[derive(Debug, Default, Derive)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawToken {
    pub(super) address: Option<String>,
    pub(super) start_block: Option<Whole>,
    pub(super) decimals: Option<Whole>,
    pub(super) on_unreadable: Option<String>,
    pub(super) points: Option<RawPoints>,
}

#[derive(Debug, Default, Derive)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPoints {
    pub(super) rate: Option<RateText>,
    pub(super) window: Option<String>,
    pub(super) allow_short_windows: Option<Flag>,
    pub(super) schedule: Option<RawSchedule>,
}

#[derive(Debug, Default, Clone, Derive)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStep {
    pub(super) from: Option<String>,
    pub(super) rate: Option<RateText>,
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
                    RawStep {
                        from: Some(from.trim().to_owned()),
                        rate: Some(RateText(rate.trim().to_owned())),
                    }
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
