//! Requests a second of the routes that are asked for most, over a large ledger.

use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use pledge_benches::{TOKEN, account, pick};
use pledge_storage_mysql::MySqlStore;
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::MySqlPlace;
use tokio::net::TcpListener;

use crate::ledger::{self, ACCOUNTS, WINDOW_DAYS, end};
use crate::server::Server;
use crate::wrk::wrk;

const CONNECTIONS: u32 = 32;
const SECONDS: u32 = 10;
/// Different paths of a route.
const PATHS: u64 = 10_000;

pub(crate) async fn run() -> ExitCode {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("bench.db");
    let file = file.to_str().expect("a path in UTF-8");
    let store = SqliteStore::open(file).await.expect("open a fresh file");
    println!("SQLite, in {}", std::env::temp_dir().display());
    ledger::fill(&Arc::new(store.clone())).await;
    store.close().await;
    measure(&format!("sqlite:{file}")).await;
    drop(folder);

    let place = MySqlPlace::new().await;
    let store = MySqlStore::open(&place.url()).await.expect("open a fresh database");
    println!("MariaDB");
    ledger::fill(&Arc::new(store.clone())).await;
    store.close().await;
    measure(&place.url()).await;
    ExitCode::SUCCESS
}

/// Serves the ledger, and a handler that reads nothing, and prints a line a route.
async fn measure(storage: &str) {
    let server = Server::start(&config(storage));
    let bare = serve_bare().await;
    let title = format!("{CONNECTIONS} connections, {SECONDS} s each");
    println!("{title:<44}{:>12}{:>12}{:>12}{:>10}", "a second", "median", "p99", "not 200");
    let token = format!("/api/v1/chains/{}/tokens/{}", TOKEN.chain, TOKEN.address);
    let one = |n| format!("{token}/accounts/{}", account(pick(n, ACCOUNTS)));
    let each = |path: &dyn Fn(u64) -> String| (0..PATHS).map(path).collect::<Vec<_>>();
    let day = end().get() - 86_400;
    let routes = [
        ("an account", each(&one)),
        ("an account, a day ago", each(&|n| format!("{}?at={day}", one(n)))),
        ("its changes, a page", each(&|n| format!("{}/changes", one(n)))),
        (
            "its points in 24 buckets",
            each(&|n| format!("{}/points?from={day}&to={}&bucket=1h", one(n), day + 86_400)),
        ),
        ("its statements, a page", each(&|n| format!("{}/statements", one(n)))),
        ("the leaderboard by points", vec![format!("{token}/accounts?sort=points")]),
        ("the leaderboard by balance", vec![format!("{token}/accounts?sort=balance")]),
        ("every chain", vec!["/api/v1/chains".to_owned()]),
    ];
    line("a bare handler, 600 bytes", &bare, &["/".to_owned()]).await;
    for (title, paths) in &routes {
        line(title, &server.url, paths).await;
    }
}

async fn line(title: &str, server: &str, paths: &[String]) {
    let seen = wrk(server, paths, CONNECTIONS, SECONDS).await;
    let not_200 = seen.limited + seen.busy + seen.other + seen.cut;
    let milliseconds =
        |microseconds: u64| format!("{}.{:02} ms", microseconds / 1_000, microseconds % 1_000 / 10);
    println!(
        "{title:<44}{:>12}{:>12}{:>12}{not_200:>10}",
        seen.a_second(),
        milliseconds(seen.median),
        milliseconds(seen.p99)
    );
}

/// What axum itself does in this process: an answer as large as that of an account.
async fn serve_bare() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound port"));
    let router = Router::new().route("/", get(async || "x".repeat(600)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Follows a chain whose node cannot be reached: what is there is served, and nothing else happens.
fn config(storage: &str) -> String {
    format!(
        "[storage]\nurl = \"{storage}\"\n[server]\nlisten = \"127.0.0.1:0\"\n\
         [limits]\nrequests_per_second = 0\n[chains.bench]\nchain_id = {}\nrpc_urls = [\"http://127.0.0.1:1\"]\n\
         [chains.bench.tokens.bench]\naddress = \"{}\"\nstart_block = 1\n\
         [chains.bench.tokens.bench.points]\nrate = \"0.05\"\nwindow = \"{WINDOW_DAYS}d\"\n",
        TOKEN.chain, TOKEN.address
    )
}
