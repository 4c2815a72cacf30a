//! Reads the file, then applies the environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{ConfigError, Environment, Key, Problems, RawConfig};

const PREFIX: &str = "PLEDGE_";
/// Separates the levels of a key in a variable; every key has at least two levels.
const LEVELS: &str = "__";

/// The node of the command line if `--rpc-url` is not given: every user of the machine can see a
/// flag.
pub const RPC_URL: &str = "PLEDGE_RPC_URL";

/// What a command shows to the API of a running server: an access token, or the key of a program.
pub const CREDENTIAL: &str = "PLEDGE_API_KEY";

/// Variables that are not keys: the two above and those of the tests and examples.
const OTHERS: [&str; 10] = [
    RPC_URL,
    CREDENTIAL,
    "PLEDGE_ANVIL",
    "PLEDGE_BLESS",
    "PLEDGE_EXAMPLE_KEY",
    "PLEDGE_KILLS",
    "PLEDGE_LIVE_SEEDS",
    "PLEDGE_SEED",
    "PLEDGE_TEST_MYSQL_URL",
    "PLEDGE_TEST_REDIS_URL",
];

/// The `PLEDGE_…` variables, which must be valid text.
pub(super) fn own_variables(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Environment, ConfigError> {
    let mut problems = Problems::default();
    let mut own = Environment::new();
    for (name, value) in variables {
        let shown = name.to_string_lossy();
        if !shown.starts_with(PREFIX) {
            continue;
        }
        match (name.to_str(), value.into_string()) {
            (Some(name), Ok(value)) => own.push((name.to_owned(), value)),
            _ => problems.add(&Key::root(&shown), "is not UTF-8: set it to text, or unset it"),
        }
    }
    problems.into_result().map(|()| own)
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The configuration file.
    File,
    /// A variable, which overrides the file.
    Environment,
    /// The command line.
    Flag,
    /// Not written anywhere.
    Default,
}

/// The file with the environment applied; no value is checked yet.
pub(super) struct Written<'a> {
    pub(super) file: Option<PathBuf>,
    environment: &'a Environment,
    tree: serde_json::Value,
}

impl<'a> Written<'a> {
    pub(super) fn read(
        file: Option<&Path>,
        environment: &'a Environment,
    ) -> Result<Self, ConfigError> {
        let tree = merge(file, environment)?;
        Ok(Self { file: file.map(Path::to_path_buf), environment, tree })
    }

    pub(super) fn raw(&self) -> Result<RawConfig, ConfigError> {
        // The first unknown key ends the reading below, so old names are looked for before.
        refuse_renamed(&self.tree, self.environment)?;
        let raw = serde_path_to_error::deserialize(&self.tree);
        raw.map_err(|error| explain(&error, self.environment))
    }

    pub(super) fn origin(&self, key: &Key) -> Origin {
        let path = format!("/{}", key.as_str().replace('.', "/"));
        if is_variable(key, self.environment) {
            Origin::Environment
        } else if self.tree.pointer(&path).is_some() {
            Origin::File
        } else {
            Origin::Default
        }
    }
}

fn merge(file: Option<&Path>, environment: &Environment) -> Result<serde_json::Value, ConfigError> {
    let mut builder = config::Config::builder();
    if let Some(file) = file {
        builder = builder.add_source(parsed(file)?);
    }
    // Every source is collected here, so that an error of one names it and no other.
    let own = environment.iter().filter(|(name, _)| name.starts_with(PREFIX));
    let (keys, others): (Vec<_>, Vec<_>) =
        own.cloned().partition(|(name, _)| name.contains(LEVELS));
    for (name, _) in others.iter().filter(|(name, _)| !OTHERS.contains(&name.as_str())) {
        tracing::warn!(
            "{name} is ignored: levels of a key are joined by `{LEVELS}`, as in PLEDGE_STORAGE__URL"
        );
    }
    let variables = config::Environment::with_prefix("PLEDGE")
        .prefix_separator("_")
        .separator(LEVELS)
        .source(Some(keys.into_iter().collect()));
    let merged = builder.add_source(variables).build();
    let merged = merged.map_err(|error| ConfigError::at(&Key::root("PLEDGE_…"), error))?;
    merged.try_deserialize().map_err(|error| ConfigError::at(&source_name(file), error))
}

fn parsed(
    file: &Path,
) -> Result<config::File<config::FileSourceString, config::FileFormat>, ConfigError> {
    let name = source_name(Some(file));
    let text = std::fs::read_to_string(file).map_err(|error| {
        let what = format!("cannot be read ({error}); name another file with --config");
        ConfigError::at(&name, what)
    })?;
    // Parsed here first, since the error of `config` repeats the line, which may hold a key.
    toml::de::DeTable::parse(&text)
        .map_err(|error| ConfigError::at(&name, place(&text, &error)))?;
    let source = config::File::from_str(&text, config::FileFormat::Toml);
    let syntax = config::Config::builder().add_source(source.clone()).build();
    syntax.map_err(|error| {
        let what = format!("is not TOML: {}", error.to_string().trim_end());
        ConfigError::at(&name, what)
    })?;
    Ok(source)
}

/// The TOML error and its position. The line may contain an API key, so it is not repeated.
fn place(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return format!("is not TOML: {message}");
    };
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or(before);
    let column = last.chars().count() + 1;
    format!("is not TOML: line {line}, column {column}: {message}")
}

fn source_name(file: Option<&Path>) -> Key {
    Key::root(&file.map_or("the environment".to_owned(), |file| file.display().to_string()))
}

/// Keys of a chain that were renamed: old and new.
const RENAMED: [(&str, &str); 2] = [("verify", "log_proof"), ("audit", "cross_check")];

/// Names every key of a chain that has another name now.
fn refuse_renamed(tree: &serde_json::Value, environment: &Environment) -> Result<(), ConfigError> {
    let mut problems = Problems::default();
    let chains = tree.get("chains").and_then(serde_json::Value::as_object);
    for (name, chain) in chains.into_iter().flatten() {
        for (old, new) in RENAMED.iter().filter(|(old, _)| chain.get(old).is_some()) {
            let key = Key::root("chains").child(name).child(old);
            let origin = set_by(&key, environment);
            problems.add(&key, format!("`{old}` is called `{new}` now{origin}: write {new}"));
        }
    }
    problems.into_result()
}

/// Names the key, and the variable if it comes from the environment.
fn explain(
    error: &serde_path_to_error::Error<serde_json::Error>,
    environment: &Environment,
) -> ConfigError {
    let key = Key::root(&error.path().to_string());
    let origin = set_by(&key, environment);
    ConfigError::at(&key, format!("{}{origin}", error.inner()))
}

/// The variable that sets a key, in brackets.
fn set_by(key: &Key, environment: &Environment) -> String {
    if is_variable(key, environment) {
        format!(" (set by {})", key.variable())
    } else {
        String::new()
    }
}

fn is_variable(key: &Key, environment: &Environment) -> bool {
    // `config` lower-cases the names of variables, so they count in any case.
    let variable = key.variable();
    environment.iter().any(|(name, _)| name.to_uppercase() == variable)
}
