//! A database of its own for every test.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::thread;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlConnection};
use url::Url;

use crate::FaultProxy;

const VARIABLE: &str = "PLEDGE_TEST_MYSQL_URL";

/// An empty database on the server of `PLEDGE_TEST_MYSQL_URL`, dropped at the end. Its default
/// character set cannot hold every text, as on many servers.
#[derive(Debug)]
pub struct MySqlPlace {
    server: Url,
    name: String,
}

impl MySqlPlace {
    /// Creates a database.
    ///
    /// # Panics
    /// If the variable names no server. The message explains how to get one.
    pub async fn new() -> Self {
        let server = std::env::var(VARIABLE).unwrap_or_else(|_| {
            panic!("{VARIABLE} names no server: run `scripts/services.sh exec cargo test …`")
        });
        Self::on(&server).await
    }

    /// Creates a database on the server at a URL such as `mysql://root@127.0.0.1:3306`, whose user
    /// may create databases.
    pub async fn on(server: &str) -> Self {
        let server = Url::parse(server).expect("the server's URL");
        let name = format!("pledge_test_{:016x}", RandomState::new().hash_one("a database"));
        administer(&server, &format!("CREATE DATABASE {name} CHARACTER SET latin1")).await;
        Self { server, name }
    }

    pub fn url(&self) -> String {
        self.database().into()
    }

    /// The database's URL through the proxy. The connection is not encrypted, so that the proxy can
    /// distinguish packets.
    pub fn url_through(&self, proxy: &FaultProxy) -> String {
        let mut url = self.database();
        let address = proxy.address();
        url.set_ip_host(address.ip()).expect("a URL with a host takes another");
        url.set_port(Some(address.port())).expect("a URL with a host takes a port");
        url.query_pairs_mut().append_pair("ssl-mode", "disabled");
        url.into()
    }

    /// A proxy in front of the server.
    pub async fn proxy(&self) -> FaultProxy {
        let host = self.server.host_str().expect("the server's URL names a host");
        FaultProxy::before(format!("{host}:{}", self.server.port().unwrap_or(3306))).await
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Another program's connection to the same database.
    pub async fn outsider(&self) -> MySqlConnection {
        connect(&self.database()).await
    }

    fn database(&self) -> Url {
        let mut url = self.server.clone();
        url.set_path(&self.name);
        url
    }
}

impl Drop for MySqlPlace {
    /// Runs on a thread of its own, since the current one may be the test's runtime.
    fn drop(&mut self) {
        let drop = format!("SET lock_wait_timeout = 10; DROP DATABASE {}", self.name);
        let server = self.server.clone();
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be built").block_on(administer(&server, &drop));
        });
        if dropped.join().is_err() && !thread::panicking() {
            panic!("database {} is left behind", self.name);
        }
    }
}

async fn connect(url: &Url) -> MySqlConnection {
    let options = MySqlConnectOptions::from_url(url).expect("the server's URL");
    let mut connection = options.connect().await.expect("the server takes a connection");
    // Servers may have other defaults, some of them on purpose.
    let usual = "SET autocommit = 1; SET SESSION TRANSACTION READ WRITE";
    connection.execute(usual).await.expect("the server knows these settings");
    connection
}

async fn administer(server: &Url, sql: &str) {
    let mut admin = connect(server).await;
    admin.execute(AssertSqlSafe(sql)).await.expect("the user may create and drop databases");
    admin.close().await.expect("the connection closes");
}
