//! The configuration: a TOML file, overridden by the environment, checked as a whole before
//! anything starts.
//!
//! [`Config::load`] returns either a configuration in which every value has its domain's type, or a
//! [`ConfigError`] that lists every wrong key.

mod access;
mod chain;
mod contract;
mod durations;
mod error;
mod event;
mod limits;
mod logs;
mod name;
mod nodes;
mod points;
mod quick;
mod raw;
mod secret;
mod section;
mod server;
mod settlement;
mod show;
mod source;
mod storage;
mod storage_url;
mod token;
mod url;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use access::{AccessConfig, Domain, SignInConfig};
pub use chain::ChainConfig;
pub use contract::ContractConfig;
pub use error::{ConfigError, Key, Problem, Problems};
pub use event::EventConfig;
pub use limits::{LimitsConfig, RateConfig, ReadsConfig};
pub use logs::{LogBounds, LogLevel, LogsConfig};
pub use nodes::LogProof;
pub use points::PointsConfig;
pub use quick::Quick;
pub use section::{KeyDoc, Need, SectionDoc};
pub use server::{Networks, ServerConfig, WebOrigin};
pub use settlement::SettlementConfig;
pub use show::Effective;
pub use source::{CREDENTIAL, Origin, RPC_URL};
pub use storage::{RedisConfig, StorageConfig};
pub(crate) use storage_url::StoragePlace;
pub use storage_url::StorageUrl;
pub use token::{OnUnreadable, TokenConfig};
pub use url::{NodeUrl, ServerUrl};

use pledge_core::types::ChainId;

use access::RawAccess;
use chain::RawChain;
use limits::RawLimits;
use logs::RawLogs;
use section::{Place, Section as _, always, named, section};
use server::RawServer;
use settlement::RawSettlement;
use source::Written;
use storage::RawStorage;

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "pledge.toml";

section! {
    /// The whole configuration, as it is written.
    RawConfig {}
    sections {
        server: RawServer = always(),
        access: RawAccess = always().extra(),
        storage: RawStorage = always(),
        settlement: RawSettlement = always(),
        limits: RawLimits = always().extra(),
        logs: RawLogs = always().extra(),
        chains: BTreeMap<String, RawChain> = named("mainnet"),
    }
}

/// The checked configuration of the process.
#[derive(Debug, Clone)]
pub struct Config {
    /// The HTTP server.
    pub server: ServerConfig,
    /// How users sign in.
    pub access: AccessConfig,
    /// Where the ledger is kept.
    pub storage: StorageConfig,
    /// How points are settled.
    pub settlement: SettlementConfig,
    /// What the HTTP server gives to its readers.
    pub limits: LimitsConfig,
    /// Where log lines are written, and how long they are kept.
    pub logs: LogsConfig,
    /// The chains, ascending by name.
    pub chains: Vec<ChainConfig>,
}

/// The environment variables `PLEDGE_…` as they were when the process began.
pub type Environment = Vec<(String, String)>;

fn default_file() -> Option<PathBuf> {
    Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.is_file())
}

impl Config {
    /// Reads a file, or `pledge.toml` in the current folder if it exists. The environment overrides
    /// it.
    pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let file = file.map(Path::to_path_buf).or_else(default_file);
        Self::check(Written::read(file.as_deref(), environment)?.raw()?)
    }

    /// The result of [`Config::load`] for display: with the origin of each value, without secrets.
    pub fn effective(
        file: Option<&Path>,
        environment: &Environment,
    ) -> Result<Effective, ConfigError> {
        let file = file.map(Path::to_path_buf).or_else(default_file);
        let written = Written::read(file.as_deref(), environment)?;
        Ok(Effective::new(&Self::check(written.raw()?)?, &written))
    }

    /// The result of [`Config::quick`] for display.
    pub fn effective_quick(
        quick: &Quick,
        chain: ChainId,
        environment: &Environment,
    ) -> Result<Effective, ConfigError> {
        let config = Self::quick(quick, chain, environment)?;
        Ok(Effective::new(&config, &Written::read(None, environment)?).of_flags(quick, &config))
    }

    /// One chain and one token from the command line, without a file; the environment still counts.
    /// The node reports the chain.
    pub fn quick(
        quick: &Quick,
        chain: ChainId,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        if let Some(file) = default_file() {
            tracing::warn!("{} is not read: --rpc-url and --token replace it", file.display());
        }
        let mut raw = Written::read(None, environment)?.raw()?;
        quick.write_into(chain, &mut raw);
        let key = Key::root("chains").child(&quick::name_of(chain));
        let checked = Self::check(raw);
        let mut config =
            checked.map_err(|error| error.rename(|name| quick::flag_of(name, &key)))?;
        for chain in config.chains.iter_mut().filter(|chain| chain.key == key) {
            chain.is_named = false;
        }
        Ok(config)
    }

    /// The variables of the process that may be keys. One that is not valid text is an error.
    pub fn environment(
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Environment, ConfigError> {
        source::own_variables(variables)
    }

    /// Every section with its keys, in the order of the file.
    pub fn sections() -> Vec<SectionDoc> {
        // The first is the whole file, which has no keys of its own.
        RawConfig::describe(&Place::default()).split_off(1)
    }

    /// The chains, at least one.
    pub fn require_chains(&self) -> Result<&[ChainConfig], ConfigError> {
        if self.chains.is_empty() {
            let remedy = "no chain is configured: write a [chains.NAME] section into pledge.toml, or \
                          name a node with --rpc-url, as in `pledge run --rpc-url URL --token 0x…`";
            return Err(ConfigError::at(&Key::root("chains"), remedy));
        }
        Ok(&self.chains)
    }

    fn check(raw: RawConfig) -> Result<Self, ConfigError> {
        let RawConfig { server, access, storage, settlement, limits, logs, chains } = raw;
        let mut problems = Problems::default();
        let server = ServerConfig::check(server, &Key::root("server"), &mut problems);
        let access = AccessConfig::check(access, &Key::root("access"), &mut problems);
        let storage = StorageConfig::check(storage, &Key::root("storage"), &mut problems);
        let settlement =
            SettlementConfig::check(settlement, &Key::root("settlement"), &mut problems);
        let limits = LimitsConfig::check(limits, &Key::root("limits"), &mut problems);
        let logs = LogsConfig::check(logs, &Key::root("logs"), &mut problems);
        let chains = chain::check_all(chains, &Key::root("chains"), &mut problems);
        let checked = || {
            let (server, access, storage) = (server?, access?, storage?);
            let (settlement, limits, logs) = (settlement?, limits?, logs?);
            Some(Self { server, access, storage, settlement, limits, logs, chains })
        };
        match checked() {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(problems.into()),
        }
    }
}
