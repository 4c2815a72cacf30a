//! Reading the configuration again while the server runs.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::config::{Config, ConfigError, Effective, Environment};
use crate::logs::LogSelection;
use crate::serving::Layers;

/// The keys that count at once. What else a file may have has shaped what runs already: tasks,
/// connections, what was settled.
const RELOADED: [&str; 4] =
    ["server.allowed_origins", "limits.requests_per_second", "limits.burst", "logs.level"];

/// Reads a configuration again whenever it is asked to.
pub(super) struct Reloading {
    file: Option<PathBuf>,
    environment: Environment,
    /// What the server was started with.
    begun_with: Effective,
    layers: Layers,
    selection: LogSelection,
    asked: Arc<Notify>,
}

impl Reloading {
    /// Of the file that a server was started with.
    pub(super) fn new(context: &Context, layers: Layers) -> Result<Self, ConfigError> {
        let Context { file, environment, .. } = context;
        let begun_with = Config::effective(file.as_deref(), environment)?;
        let (file, environment) = (file.clone(), environment.clone());
        let (selection, asked) = (context.logs.selection.clone(), context.reload.clone());
        Ok(Self { file, environment, begun_with, layers, selection, asked })
    }

    /// Reads again whenever it is asked, until `stop`.
    pub(super) async fn keep(self, stop: CancellationToken) -> anyhow::Result<()> {
        while stop.run_until_cancelled(self.asked.notified()).await.is_some() {
            if let Err(error) = self.reload() {
                // In one line, as every other one of a log.
                let wrong = error.problems().iter();
                let wrong: Vec<_> = wrong.map(|one| format!("{}: {}", one.key, one.what)).collect();
                tracing::error!(
                    "the new configuration is wrong, the old one stays: {}",
                    wrong.join("; ")
                );
            }
        }
        Ok(())
    }

    /// Nothing changes unless all of it is right.
    fn reload(&self) -> Result<(), ConfigError> {
        let config = Config::load(self.file.as_deref(), &self.environment)?;
        let written = Config::effective(self.file.as_deref(), &self.environment)?;
        self.selection.choose(config.logs.level.as_ref());
        self.layers.reload(&config.server, config.limits);
        tracing::info!("read again: {}", RELOADED.join(", "));
        let mut differing = self.begun_with.keys_that_differ(&written);
        differing.retain(|key| !RELOADED.contains(&key.as_str()));
        if !differing.is_empty() {
            tracing::warn!("changed, but only a start reads them: {}", differing.join(", "));
        }
        Ok(())
    }
}
