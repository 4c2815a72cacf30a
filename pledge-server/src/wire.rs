//! Which crate does what: the only place of the server that names adapters.
//!
//! A kind of database is a file with its `Storage`, which `storage` finds for what a url names. The
//! rest of the server knows the ports of core, [`Stores`](crate::stores::Stores),
//! [`Nodes`](crate::nodes::Nodes) and [`Heads`](crate::nodes::Heads).

mod access;
mod backend;
mod memory;
mod mysql;
mod nodes;
mod opening;
mod redis;
mod sqlite;

pub(crate) use access::{access_tokens, passwords, random};
pub(crate) use memory::{open_private, remove_private_folders};
pub(crate) use nodes::{
    chain_behind, connect_each, connect_one, is_wrong_chain, listen_for_heads, probe_heads,
};
pub use opening::open;
pub(crate) use opening::{look, open_alone, open_existing, open_to_read};
pub(crate) use redis::reach_redis;

use crate::load::StoreLoad;

use backend::Storage;

use crate::config::{StoragePlace, StorageUrl};

/// The crates of the databases, whose log lines a command shows.
pub(crate) const STORAGE_CRATES: [&str; 2] = ["pledge_storage_sqlite", "pledge_storage_mysql"];

/// The way to open what a url names.
fn storage(url: &StorageUrl) -> Box<dyn Storage> {
    match url.place() {
        StoragePlace::Memory => Box::new(memory::Memory),
        StoragePlace::Sqlite(file) => Box::new(sqlite::File(file.clone())),
        StoragePlace::MySql(url) => Box::new(mysql::Server(url.clone())),
    }
}

/// How busy a database is.
fn load(of: pledge_storage_sqlite::StoreLoad) -> StoreLoad {
    let pledge_storage_sqlite::StoreLoad { under_way, waiting, waits, waited, refused } = of;
    StoreLoad { under_way, waiting, waits, waited, refused }
}
