//! Opening a store, by configuration.

use pledge_core::error::{StoreError, StoreErrorKind};

use super::{redis, storage};
use crate::config::{ConfigError, Key, StorageConfig, StorageUrl};
use crate::stores::{Found, Stores};

/// Opens the store, brings its schema up to date, and adds Redis if it is configured. A database
/// that is not one of `pledge` is a wrong key.
pub async fn open(config: &StorageConfig) -> anyhow::Result<Stores> {
    let StorageConfig { url, redis: beside, .. } = config;
    match beside {
        Some(_) if !url.keeps() => {
            tracing::warn!("storage.redis_url is not used: no other process reads {url}");
            open_alone(config).await
        }
        Some(beside) => {
            let storage = storage(url);
            let place = storage.place()?;
            let connect = || redis::connect(beside, &place);
            let (redis, for_rates) = tokio::try_join!(connect(), connect())?;
            let stores = storage.open(Some(&redis)).await?;
            Ok(redis::join(stores, redis, for_rates, storage.is_on_a_server()))
        }
        None => open_alone(config).await,
    }
}

/// Like [`open`], without Redis: one-shot commands gain nothing from it.
pub(crate) async fn open_alone(config: &StorageConfig) -> anyhow::Result<Stores> {
    storage(&config.url).open(None).await
}

/// Opens an existing store; never creates one.
pub(crate) async fn open_existing(config: &StorageConfig) -> anyhow::Result<Stores> {
    if !config.url.keeps() {
        return Err(keeps_nothing(&config.url));
    }
    match storage(&config.url).missing().await? {
        Some(what) => Err(missing(&what)),
        None => open_alone(config).await,
    }
}

/// Opens an existing store for reading what the engine wrote. On a server a user with `SELECT` is
/// enough, and the schema stays as it is: tables of the office may be missing. A file is opened for
/// writing, since another program may start writing to it at any time.
pub(crate) async fn open_to_read(config: &StorageConfig) -> anyhow::Result<Stores> {
    if !storage(&config.url).is_on_a_server() {
        return open_existing(config).await;
    }
    let (stores, found) = look(config).await?;
    match found {
        Found::Schema(schema) if schema.has_engine => Ok(stores),
        Found::Schema(schema) if !schema.is_empty => Err(anyhow::anyhow!(
            "the schema of {} is of version {}{}, and {} is needed to read it: run `pledge migrate`",
            config.url,
            schema.found,
            schema.of_set,
            schema.newest
        )),
        Found::Schema(_) | Found::Memory | Found::NoFile => {
            Err(missing(&format!("the database {} is empty", config.url)))
        }
    }
}

/// Inspects a store without writing to it. The returned stores are empty if there is nothing to
/// read, or if the schema of the engine has to be brought up to date first.
pub(crate) async fn look(config: &StorageConfig) -> anyhow::Result<(Stores, Found)> {
    storage(&config.url).look().await
}

fn keeps_nothing(url: &StorageUrl) -> anyhow::Error {
    let what = format!("`{url}` keeps nothing between commands: use sqlite:FILE");
    ConfigError::at(&url_key(), what).into()
}

fn missing(what: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "{what}: set it up with `pledge run`, `pledge index` or `pledge migrate`, or name an \
         existing one in storage.url"
    )
}

/// Turns the error for a database that is not one of `pledge` into a wrong key.
pub(super) fn blame(error: StoreError) -> anyhow::Error {
    match error.kind() {
        StoreErrorKind::Invalid => ConfigError::at(&url_key(), error.detail()).into(),
        _ => error.into(),
    }
}

pub(super) fn url_key() -> Key {
    Key::root("storage").child("url")
}
