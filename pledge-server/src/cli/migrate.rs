//! `pledge migrate`: the database's schema.

use std::fmt;

use serde::Serialize;

use super::{Context, Verdict};
use crate::config::{ConfigError, Key, StorageUrl};
use crate::wire;

#[derive(Debug, Serialize)]
struct Migrated {
    storage: String,
}

pub(super) async fn execute(context: Context) -> anyhow::Result<Verdict> {
    let config = context.config()?;
    if !config.storage.url.keeps() {
        let key = Key::root("storage").child("url");
        let (url, kept) = (&config.storage.url, StorageUrl::forms_that_keep());
        let what = format!("`{url}` has no schema: use {kept}");
        return Err(ConfigError::at(&key, what).into());
    }
    wire::open_alone(&config.storage).await?.close().await;
    let storage = config.storage.url.to_string();
    context.output.print(&Migrated { storage })?;
    Ok(Verdict::Fine)
}

impl fmt::Display for Migrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the schema of {} is up to date", self.storage)
    }
}
