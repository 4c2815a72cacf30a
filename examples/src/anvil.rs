//! A local development node.

use std::env::consts::{ARCH, EXE_SUFFIX, OS};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use alloy::network::primitives::BlockResponse;
use alloy::primitives::Address;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::BlockNumberOrTag;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::node_module;

/// Time of the first block, so that runs can be repeated: 2026-01-01T00:00:00Z.
pub const GENESIS_TIME: u64 = 1_767_225_600;

const START_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Gas is free, any account may send without a key, a block takes thousands of transfers.
const ARGUMENTS: [&str; 14] = [
    "--host",
    "127.0.0.1",
    "--port",
    "0",
    "--auto-impersonate",
    "--gas-limit",
    "300000000",
    "--block-base-fee-per-gas",
    "0",
    "--gas-price",
    "0",
    "--disable-min-priority-fee",
    "--order",
    "fifo",
];

/// A running anvil with a chain of its own; it stops when dropped.
#[derive(Debug)]
pub struct Anvil {
    child: Child,
    url: String,
    provider: DynProvider,
}

impl Anvil {
    /// Starts a fresh chain on a free port. It begins at [`GENESIS_TIME`] unless the arguments set
    /// another time, and mines a block per transaction.
    ///
    /// Returns an error with installation instructions when the program is missing.
    pub async fn start(chain_id: u64, extra_args: &[&str]) -> Result<Self> {
        let program = program()?;
        let mut command = Command::new(&program);
        command.args(ARGUMENTS);
        command.args(["--chain-id", &chain_id.to_string()]);
        if !extra_args.iter().any(|arg| sets_the_time(arg)) {
            command.args(["--timestamp", &GENESIS_TIME.to_string()]);
        }
        let mut child = command
            .args(extra_args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let lines = listening(&mut child);
        let address = tokio::task::spawn_blocking(move || lines.recv_timeout(START_TIMEOUT));
        let Ok(address) = address.await? else {
            stop(&mut child);
            bail!("{} does not start listening", program.display());
        };
        let url = format!("http://{address}");
        let provider = ProviderBuilder::new().connect_http(url.parse()?).erased();
        provider.client().set_poll_interval(POLL_INTERVAL);
        Ok(Self { child, url, provider })
    }

    /// The URL of its JSON-RPC endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client without keys: the node signs for every account.
    pub const fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// The accounts that the node has funded.
    pub async fn accounts(&self) -> Result<Vec<Address>> {
        Ok(self.provider.get_accounts().await?)
    }

    /// Height and time of the newest block.
    pub async fn head(&self) -> Result<(u64, u64)> {
        let head = self.provider.get_block_by_number(BlockNumberOrTag::Latest);
        let head = head.await?.context("the chain has no block")?;
        Ok((head.header().number, head.header().timestamp))
    }

    /// Mines `blocks` empty blocks, each `interval` seconds after the one before.
    pub async fn mine(&self, blocks: u64, interval: u64) -> Result<()> {
        self.request("anvil_mine", json!([blocks, interval])).await
    }

    /// Mines one block now, with what is pending.
    pub async fn mine_at(&self, time: u64) -> Result<()> {
        self.request("evm_mine", json!([time])).await
    }

    /// Gives the next block a time in unix seconds, not before the head's.
    pub async fn set_next_timestamp(&self, time: u64) -> Result<()> {
        self.request("evm_setNextBlockTimestamp", json!([time])).await
    }

    /// Replaces the newest `depth` blocks by as many empty ones: their transactions are gone.
    pub async fn reorg(&self, depth: u64) -> Result<()> {
        self.request("anvil_reorg", json!([depth, []])).await
    }

    /// Lowers the head by `depth` blocks.
    pub async fn rollback(&self, depth: u64) -> Result<()> {
        self.request("anvil_rollback", json!([depth])).await
    }

    /// Whether each transaction is mined at once; otherwise only `mine` and `mine_at` make blocks.
    pub async fn set_automine(&self, automine: bool) -> Result<()> {
        self.request("evm_setAutomine", json!([automine])).await
    }

    /// Calls any method whose result is not needed.
    pub async fn request(&self, method: &'static str, params: Value) -> Result<()> {
        let answer = self.provider.raw_request::<_, Value>(method.into(), params);
        answer.await.with_context(|| format!("{method} failed"))?;
        Ok(())
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

fn stop(child: &mut Child) {
    // An error means that it has already ended.
    let _ = child.kill();
    let _ = child.wait();
}

fn sets_the_time(arg: &str) -> bool {
    ["--timestamp", "--load-state", "--state", "--fork-url"]
        .iter()
        .any(|option| arg.split('=').next() == Some(option))
}

/// Reads the output to its end, so that the node does not block on a full pipe, and sends the
/// address that it listens on.
fn listening(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let output = child.stdout.take().expect("the output is piped");
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("Listening on ") {
                // The receiver is gone after the timeout.
                let _ = sender.send(address.trim().to_owned());
            }
        }
    });
    receiver
}

/// `PLEDGE_ANVIL`, else the one in `node_modules`, else the one in `PATH`.
fn program() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("PLEDGE_ANVIL") {
        return Ok(program.into());
    }
    let os = match OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let arch = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let name = format!("anvil{EXE_SUFFIX}");
    let installed = node_module(&format!("@foundry-rs/anvil-{os}-{arch}/bin/{name}"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(installed)
        .chain(std::env::split_paths(&path).map(|folder| folder.join(&name)))
        .find(|program| program.is_file())
        .context(
            "anvil is not installed: run `npm ci` in the workspace's root, \
             or set PLEDGE_ANVIL to the program",
        )
}
