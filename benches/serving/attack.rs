//! What readers can do to the follower: its lag in peace, and under 300 clients that ask for the
//! dearest answer and 2,000 connections that never finish a request.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use alloy_primitives::U256;
use pledge_core::ports::LedgerReads;
use pledge_core::types::{BlockNumber, ChainId, TokenId};
use pledge_examples::{Anvil, Token};
use pledge_storage_sqlite::SqliteStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::flood::Flood;
use crate::server::Server;
use crate::wrk::wrk;

const CHAIN: ChainId = ChainId::new(31_337);
const CLIENTS: u32 = 300;
const HALF_OPEN: u32 = 2_000;
const HOLDERS: u64 = 50;
/// Blocks whose lag is measured, in peace and under attack.
const BLOCKS: u32 = 60;
/// The time from one block to the next.
const BLOCK_TIME: Duration = Duration::from_millis(500);
/// How often the ledger is asked for its newest block.
const LOOKS_EVERY: Duration = Duration::from_millis(2);
/// The most that the attack may add to the median lag, in percent.
const LAG_PERCENT_MAX: u128 = 120;
const HEALTH_MAX: Duration = Duration::from_millis(100);

pub(crate) async fn run() -> ExitCode {
    let stage = Stage::set().await;
    let peace = stage.lags().await;
    let target = stage.server.address().parse().expect("an address");
    let flood = Flood::start(target, HALF_OPEN);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let seconds = BLOCKS * u32::try_from(BLOCK_TIME.as_millis()).expect("short") / 1_000 + 5;
    let paths = stage.dearest();
    let (attacked, health, seen) = tokio::join!(
        stage.lags(),
        slowest_health(stage.server.address(), Duration::from_secs(u64::from(seconds))),
        wrk(&stage.server.url, &paths, CLIENTS, seconds),
    );
    println!(
        "{CLIENTS} clients: {} answers, {} refused with 429, {} with 503, {} others, {} cut; p99 {} ms",
        seen.good,
        seen.limited,
        seen.busy,
        seen.other,
        seen.cut,
        seen.p99 / 1_000
    );
    println!("{HALF_OPEN} half-open connections: cut or refused {} times", flood.cuts());
    println!("/healthz, slowest of a connection each 50 ms: {} ms", health.as_millis());
    let (quiet, loud) = (median(&peace), median(&attacked));
    println!("lag of a block, median (slowest): in peace {}", shown(&peace));
    println!("                             under attack {}", shown(&attacked));
    let percent = loud.as_micros() * 100 / quiet.as_micros().max(1);
    println!("the lag under attack is {percent} % of that in peace");
    if percent > LAG_PERCENT_MAX || health > HEALTH_MAX || seen.other > 0 {
        println!("not within the bounds");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// A node with a token, and a server that follows it into a file that is also read from here.
struct Stage {
    anvil: Anvil,
    token: Token,
    id: TokenId,
    holders: Vec<alloy_primitives::Address>,
    server: Server,
    store: SqliteStore,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let anvil = Anvil::start(CHAIN.get(), &[]).await.expect("anvil (npm ci brings it)");
        let owner = anvil.accounts().await.expect("accounts")[0];
        let token = Token::deploy(anvil.provider(), owner, "Example Dollar", "USDX").await;
        let token = token.expect("a token");
        let address = |n: u64| pledge_benches::account(n).address();
        let holders: Vec<_> = (0..HOLDERS).map(address).collect();
        for &holder in &holders {
            token.mint(holder, U256::from(1_000_000)).await.expect("a mint");
        }
        // 1,000 buckets of an hour need a history as long.
        for _ in 0..1_000 {
            anvil.mine(1, 3_600).await.expect("a block");
        }
        anvil.set_automine(false).await.expect("a setting");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("bench.db").display().to_string();
        let id = TokenId { chain: CHAIN, address: token.address() };
        let server = Server::start(&format!(
            "[storage]\nurl = \"sqlite:{file}\"\n[server]\nlisten = \"127.0.0.1:0\"\n\
             [limits]\nconnections_per_address = 400\nrequests_per_second = 0\n\
             [chains.bench]\nchain_id = {CHAIN}\nrpc_urls = [\"{}\"]\nconfirmations = 1\npoll_interval = \"100ms\"\n\
             [chains.bench.tokens.usdx]\naddress = \"{}\"\n[chains.bench.tokens.usdx.points]\nrate = \"0.05\"\n",
            anvil.url(),
            id.address
        ));
        let store = SqliteStore::open(&file).await.expect("the server's file");
        let stage = Self { anvil, token, id, holders, server, store, _folder: folder };
        let (head, _) = stage.anvil.head().await.expect("a head");
        stage.confirmed(head - 1).await;
        stage
    }

    /// How long after each of the next blocks was mined the one below it is in the ledger.
    async fn lags(&self) -> Vec<Duration> {
        let mut lags = Vec::new();
        for number in 0..BLOCKS {
            let begun = Instant::now();
            let holder = self.holders[usize::try_from(number).expect("small") % self.holders.len()];
            // Mined below, with the block.
            let mint = self.token.mint(holder, U256::from(1));
            let (head, time) = self.anvil.head().await.expect("a head");
            let mined = async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                self.anvil.mine_at(time + 1).await.expect("a block");
                Instant::now()
            };
            let (minted, mined) = tokio::join!(mint, mined);
            minted.expect("a mint");
            self.confirmed(head).await;
            lags.push(mined.elapsed());
            tokio::time::sleep(BLOCK_TIME.saturating_sub(begun.elapsed())).await;
        }
        lags.sort_unstable();
        lags
    }

    /// Waits until the ledger has a block.
    async fn confirmed(&self, number: u64) {
        loop {
            let token = self.store.token(self.id).await.expect("read");
            let cursor = token.and_then(|token| token.cursor);
            if cursor.is_some_and(|cursor| cursor.number >= BlockNumber::new(number)) {
                return;
            }
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }

    /// Points in as many buckets as a request may ask for, of each holder.
    fn dearest(&self) -> Vec<String> {
        let base = format!("/api/v1/chains/{CHAIN}/tokens/{}/accounts", self.id.address);
        let from = pledge_examples::GENESIS_TIME + 3_600;
        let path = |holder| {
            format!(
                "{base}/{holder}/points?from={from}&to={}&bucket=1h&limit=999",
                from + 999 * 3_600
            )
        };
        self.holders.iter().map(path).collect()
    }
}

/// The slowest answer of `/healthz`, each asked for on a new connection.
async fn slowest_health(address: &str, length: Duration) -> Duration {
    let until = Instant::now() + length;
    let mut slowest = Duration::ZERO;
    while Instant::now() < until {
        let begun = Instant::now();
        let mut answer = String::new();
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let head = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(head).await.expect("the request is sent");
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        slowest = slowest.max(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    slowest
}

fn median(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() / 2]
}

fn shown(sorted: &[Duration]) -> String {
    let slowest = sorted[sorted.len() - 1];
    format!("{} ms ({} ms)", median(sorted).as_millis(), slowest.as_millis())
}
