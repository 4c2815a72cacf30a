//! Which crate does what: the only place of the server that names adapters.
//!
//! A kind of database is a row of [`BACKENDS`], found by the scheme of its url, and a file with its
//! [`Storage`]. The rest of the server knows the ports of core, [`Stores`](crate::stores::Stores),
//! [`Nodes`](crate::nodes::Nodes) and [`Heads`](crate::nodes::Heads).

mod backend;
mod memory;
mod mysql;
mod nodes;
mod redis;
mod sqlite;

pub(crate) use backend::{Backend, Database, Storage, forms_that_keep, of_scheme, unknown};
pub(crate) use memory::remove_private_folders;
pub(crate) use nodes::{
    chain_behind, connect_each, connect_one, is_wrong_chain, listen_for_heads, probe_heads,
};
pub(crate) use redis::{join_redis, reach_redis};

use crate::load::StoreLoad;
use crate::stores::Schema;

/// Every kind of database.
pub(crate) static BACKENDS: [Backend; 3] = [
    Backend {
        schemes: &["memory"],
        form: "memory:",
        keeps: false,
        crate_name: "pledge_storage_sqlite",
        parse: memory::parse,
    },
    Backend {
        schemes: &["sqlite"],
        form: "sqlite:FILE",
        keeps: true,
        crate_name: "pledge_storage_sqlite",
        parse: sqlite::parse,
    },
    Backend {
        schemes: &["mysql", "mariadb"],
        form: "mysql://USER@HOST/DATABASE",
        keeps: true,
        crate_name: "pledge_storage_mysql",
        parse: mysql::parse,
    },
];

/// How far the schema of a database is, which was looked at.
fn schema(version: &pledge_storage_sqlite::SchemaVersion) -> Schema {
    let of_set = version.of_set();
    Schema { of_set, found: version.found, newest: version.newest, is_empty: version.is_empty }
}

/// How busy a database is.
fn load(of: pledge_storage_sqlite::StoreLoad) -> StoreLoad {
    let pledge_storage_sqlite::StoreLoad { under_way, waiting, waits, waited, refused } = of;
    StoreLoad { under_way, waiting, waits, waited, refused }
}
