//! The effective configuration, in the form of its file.

use std::fmt;
use std::path::PathBuf;

use pledge_core::indexer::{Finality, IndexerConfig};
use pledge_core::points::SettlerConfig;
use pledge_core::ports::EventRetention;
use pledge_core::types::{RateSchedule, Timestamp};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::{Map, json};
use toml::Value;

use super::durations::{duration_text, slack_text};
use super::nodes::log_proof_name;
use super::source::Written;
use super::{
    ChainConfig, Config, ContractConfig, EventConfig, Key, Origin, PointsConfig, Quick,
    RedisConfig, ServerConfig, SettlementConfig, StorageConfig, StorageUrl, TokenConfig,
};

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

type Values = Vec<(&'static str, Option<Value>)>;

impl Effective {
    pub(super) fn new(config: &Config, written: &Written<'_>) -> Self {
        // The order of the file: each table before the tables inside it.
        let Config { server, storage, settlement, chains } = config;
        let ServerConfig { listen } = server;
        let mut all = vec![
            (Key::root("server"), vec![("listen", Some(text(listen)))]),
            (Key::root("storage"), of_storage(storage)),
            (Key::root("settlement"), of_settlement(settlement)),
        ];
        for chain in chains {
            all.push((chain.key.clone(), of_chain(chain)));
            for token in &chain.tokens {
                all.push((token.key.clone(), of_token(token)));
                all.extend(
                    token.points.iter().map(|points| (points.key.clone(), of_points(points))),
                );
            }
            all.extend(chain.contracts.iter().map(|one| (one.key.clone(), of_contract(one))));
        }
        let section = |(key, values): (Key, Values)| {
            let entry = |(name, value)| {
                let origin = written.origin(&key.child(name));
                Entry { name, value, origin }
            };
            Section { entries: values.into_iter().map(entry).collect(), key }
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

// Destructured without `..`, so that the compiler finds a field that is missing here.

fn of_storage(storage: &StorageConfig) -> Values {
    let StorageConfig { url, redis, events } = storage;
    let url = match url {
        StorageUrl::MySql(url) => text(url.masked()),
        other => text(other),
    };
    let mut values = vec![("url", Some(url))];
    if let Some(RedisConfig { url, prefix }) = redis {
        values.push(("redis_url", Some(text(url.masked()))));
        values.push(("redis_prefix", Some(text(prefix))));
    }
    let EventRetention { events_kept, silence_seconds: _ } = events;
    values.push(("events_kept", Some(whole(events_kept.get()))));
    values
}

fn of_settlement(settlement: &SettlementConfig) -> Values {
    let SettlementConfig { interval, settler } = settlement;
    let SettlerConfig { batch_accounts_max, batch_changes_max, windows_max: _, attempts_max: _ } =
        settler;
    vec![
        ("interval", Some(text(duration_text(*interval)))),
        ("batch_accounts", Some(whole(*batch_accounts_max as u64))),
        ("batch_changes", Some(whole(*batch_changes_max as u64))),
    ]
}

fn of_chain(chain: &ChainConfig) -> Values {
    let ChainConfig {
        key: _,
        name: _,
        is_named: _,
        id,
        rpc_urls,
        log_proof,
        requests_per_second,
        cross_check,
        ws_url,
        indexer,
        poll_interval,
        request_timeout,
        tokens: _,
        contracts: _,
    } = chain;
    let IndexerConfig { finality, retained_headers, slice_blocks_max: _, clock_slack } = indexer;
    // One of the two keys, never both: `check_indexer` refuses a file that has both.
    let confirmed = match finality {
        Finality::Depth(blocks) => ("confirmations", Some(whole(*blocks))),
        Finality::Finalized => ("finality", Some(text("finalized"))),
    };
    let urls = rpc_urls.iter().map(|url| Value::String(url.masked()));
    let ws_url = ws_url.iter().map(|url| ("ws_url", Some(Value::String(url.masked()))));
    let mut values =
        vec![("chain_id", Some(whole(id.get()))), ("rpc_urls", Some(Value::Array(urls.collect())))];
    values.extend(ws_url);
    let limit = requests_per_second.iter();
    values.extend(limit.map(|limit| ("requests_per_second", Some(whole(limit.get().into())))));
    values.extend([
        ("log_proof", Some(text(log_proof_name(*log_proof)))),
        ("cross_check", Some(Value::Boolean(*cross_check))),
        confirmed,
        ("retained_headers", Some(whole(*retained_headers))),
        ("poll_interval", Some(text(duration_text(*poll_interval)))),
        ("request_timeout", Some(text(duration_text(*request_timeout)))),
        ("clock_slack", Some(text(slack_text(*clock_slack)))),
    ]);
    values
}

fn of_token(token: &TokenConfig) -> Values {
    let TokenConfig { key: _, address, start_block, decimals, on_unreadable, points: _ } = token;
    vec![
        ("address", Some(text(address))),
        ("start_block", start_block.map(|block| whole(block.get()))),
        ("decimals", decimals.map(|decimals| whole(decimals.get().into()))),
        ("on_unreadable", Some(text(on_unreadable.name()))),
    ]
}

fn of_contract(contract: &ContractConfig) -> Values {
    let ContractConfig { key: _, id: _, address, start_block, events, kept: _ } = contract;
    let mut values = vec![
        ("address", Some(text(address))),
        ("start_block", start_block.map(|block| whole(block.get()))),
    ];
    if !events.is_empty() {
        let written = events.iter().map(|EventConfig { written, .. }| text(written));
        values.push(("events", Some(Value::Array(written.collect()))));
    }
    values
}

fn of_points(points: &PointsConfig) -> Values {
    let PointsConfig { key: _, rates, window, allow_short_windows } = points;
    let window = std::time::Duration::from_secs(window.get());
    vec![
        ("rate", Some(text(rates.at(Timestamp::ZERO)))),
        ("window", Some(text(humantime::format_duration(window)))),
        ("allow_short_windows", Some(Value::Boolean(*allow_short_windows))),
        ("schedule", Some(steps(rates))),
    ]
}

fn steps(rates: &RateSchedule) -> Value {
    let later = rates.pieces(Timestamp::ZERO, Timestamp::MAX).skip(1);
    let step = |from: Timestamp, rate| {
        let pairs = [("from", text(from)), ("rate", text(rate))];
        Value::Table(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    };
    Value::Array(later.map(|piece| step(piece.from, piece.value)).collect())
}

fn text(value: impl fmt::Display) -> Value {
    Value::String(value.to_string())
}

/// A number, or text if it is too large for TOML.
fn whole(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| text(number), Value::Integer)
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
