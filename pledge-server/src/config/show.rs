//! The effective configuration, in the form of its file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::{Map, json};
use toml::Value;

use super::section::{Shown, Values};
use super::source::Written;
use super::{Config, Key, Origin, Quick};

/// Every effective value and its origin; what may be secret is masked.
///
/// As text it is TOML that could be the file. As JSON it has the values under `config` and their
/// origins, by full key, under `origins`.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    file: Option<PathBuf>,
    sections: Vec<Section>,
}

#[derive(Debug, Clone, PartialEq)]
struct Section {
    key: Key,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    name: &'static str,
    /// `None` if the value is read from the node.
    value: Option<Value>,
    origin: Origin,
}

impl Effective {
    pub(super) fn new(config: &Config, written: &Written<'_>) -> Self {
        // The order of the file: each table before the tables inside it.
        let Config { server, access, storage, settlement, limits, logs, chains } = config;
        let mut all = vec![
            (Key::root("server"), server.shown().values()),
            (Key::root("access"), access.shown().values()),
            (Key::root("storage"), storage.shown().values()),
            (Key::root("settlement"), settlement.shown().values()),
            (Key::root("limits"), limits.shown().values()),
            (Key::root("logs"), logs.shown().values()),
        ];
        for chain in chains {
            all.push((chain.key.clone(), chain.shown().values()));
            for token in &chain.tokens {
                all.push((token.key.clone(), token.shown().values()));
                let points = token.points.iter();
                all.extend(points.map(|points| (points.key.clone(), points.shown().values())));
            }
            let contracts = chain.contracts.iter();
            all.extend(contracts.map(|one| (one.key.clone(), one.shown().values())));
        }
        let section = |(key, values): (Key, Values)| {
            let entry = |(name, shown)| {
                let value = match shown {
                    Shown::Value(value) => Some(value),
                    Shown::OnNode => None,
                    // Left out, so that what is shown can be the file again.
                    Shown::Nothing => return None,
                };
                let origin = written.origin(&key.child(name));
                Some(Entry { name, value, origin })
            };
            Section { entries: values.into_iter().filter_map(entry).collect(), key }
        };
        Self { file: written.file.clone(), sections: all.into_iter().map(section).collect() }
    }

    /// Marks the values that come from flags.
    pub(super) fn of_flags(mut self, quick: &Quick, config: &Config) -> Self {
        let chains = config.chains.iter().filter(|chain| !chain.is_named);
        let keys: Vec<Key> = chains.flat_map(|chain| quick.keys(&chain.key)).collect();
        for Section { key, entries } in &mut self.sections {
            for entry in entries.iter_mut().filter(|entry| keys.contains(&key.child(entry.name))) {
                entry.origin = Origin::Flag;
            }
        }
        self
    }

    /// The full keys whose shown values are not the same in both, sorted.
    pub(crate) fn keys_that_differ(&self, other: &Self) -> Vec<String> {
        let (one, other) = (self.by_key(), other.by_key());
        let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        keys.into_iter().filter(|key| one.get(*key) != other.get(*key)).cloned().collect()
    }

    fn by_key(&self) -> BTreeMap<String, Option<&Value>> {
        let entries = self.sections.iter().flat_map(|Section { key, entries }| {
            entries.iter().map(|entry| (key.child(entry.name).to_string(), entry.value.as_ref()))
        });
        entries.collect()
    }

    /// The values as nested tables, and the origin of each by its full key.
    fn json(&self) -> (Map<String, serde_json::Value>, Map<String, serde_json::Value>) {
        let (mut config, mut origins) = (Map::new(), Map::new());
        for Section { key, entries } in &self.sections {
            let mut table = &mut config;
            for level in key.as_str().split('.') {
                let below = table.entry(level).or_insert_with(|| Map::new().into());
                table = below.as_object_mut().expect("values stand in other tables than sections");
            }
            for Entry { name, value, origin } in entries {
                table.insert((*name).to_owned(), json!(value));
                origins.insert(key.child(name).to_string(), json!(origin));
            }
        }
        (config, origins)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
            Self::Default => "default",
        })
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_ref().map_or("no file".into(), |file| file.to_string_lossy());
        writeln!(f, "# {file}, the environment above it, and the defaults. *** is masked.")?;
        for Section { key, entries } in &self.sections {
            writeln!(f, "\n[{key}]")?;
            for Entry { name, value, origin } in entries {
                match value {
                    Some(value) => writeln!(f, "{name} = {value}  # {origin}")?,
                    None => writeln!(f, "# {name} is found on the node  # {origin}")?,
                }
            }
        }
        Ok(())
    }
}

impl Serialize for Effective {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (config, origins) = self.json();
        let mut all = serializer.serialize_struct("Effective", 3)?;
        all.serialize_field("file", &self.file)?;
        all.serialize_field("config", &config)?;
        all.serialize_field("origins", &origins)?;
        all.end()
    }
}
