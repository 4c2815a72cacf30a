//! Nodes with a token each, and the server's parts configured to follow them.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pledge_core::indexer::Poll;
use pledge_core::ledger::{Transfer, erc20};
use pledge_core::points::Programme;
use pledge_core::ports::{ChainSource, HeaderDetail, LogsRequest};
use pledge_core::types::{BlockNumber, BlockRef, BlockSpan, ChainId, TokenId};
use pledge_examples::{Anvil, Token};
use pledge_server::config::Config;
use pledge_server::output::Output as Form;
use pledge_server::progress::Progress;
use pledge_server::setup::{self, InspectedChain};
use pledge_server::stores::Stores;
use pledge_server::tasks::settle_chain;
use pledge_server::verify::{TokenReport, verify_token};
use pledge_testing::digest::{Digest, digest};
use pledge_testing::oracle::oracle;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) const CONFIRMATIONS: u64 = 6;

/// A node and the token on it.
pub(crate) struct Chain {
    pub(crate) anvil: Anvil,
    pub(crate) token: Token,
    pub(crate) id: TokenId,
}

impl Chain {
    pub(crate) async fn start(chain_id: u64) -> Self {
        let anvil = Anvil::start(chain_id, &[]).await.unwrap();
        anvil.mine(2, 12).await.unwrap();
        let owner = anvil.accounts().await.unwrap()[0];
        let token = Token::deploy(anvil.provider(), owner, "Example Dollar", "USDX").await.unwrap();
        let id = TokenId { chain: ChainId::new(chain_id), address: token.address() };
        Self { anvil, token, id }
    }
}

/// A folder with a configuration that follows some chains.
pub(crate) struct Setup {
    folder: TempDir,
}

impl Setup {
    pub(crate) fn of(chains: &[&Chain]) -> Self {
        Self::over("sqlite:pledge.db", chains)
    }

    /// Over the storage that a URL names.
    pub(crate) fn over(storage: &str, chains: &[&Chain]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut text = format!("[storage]\nurl = \"{storage}\"\n");
        for (index, chain) in chains.iter().enumerate() {
            write!(
                text,
                "[chains.c{index}]\nchain_id = {}\nrpc_urls = [\"{}\"]\nconfirmations = {CONFIRMATIONS}\n\
                 poll_interval = \"50ms\"\n[chains.c{index}.tokens.usdx]\naddress = \"{}\"\n\
                 [chains.c{index}.tokens.usdx.points]\nrate = \"0.05\"\n",
                chain.id.chain,
                chain.anvil.url(),
                chain.id.address
            )
            .unwrap();
        }
        std::fs::write(folder.path().join("pledge.toml"), text).unwrap();
        Self { folder }
    }

    /// Keeps every log of the first chain's token too, under the name `every`.
    pub(crate) fn keeping_logs_of(self, chain: &Chain) -> Self {
        let file = self.path().join("pledge.toml");
        let mut text = std::fs::read_to_string(&file).unwrap();
        let address = chain.id.address;
        write!(text, "[chains.c0.contracts.every]\naddress = \"{address}\"\n").unwrap();
        std::fs::write(file, text).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path().join("pledge.db")
    }

    pub(crate) fn config(&self) -> Config {
        Config::load(Some(&self.path().join("pledge.toml")), &Vec::new()).unwrap()
    }

    /// The real binary in this folder.
    pub(crate) fn pledge(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pledge"));
        command.current_dir(self.path()).env("RUST_LOG", "warn");
        command
    }

    /// Runs the binary to its end; its result in JSON.
    pub(crate) fn run(&self, arguments: &[&str]) -> Value {
        let Output { status, stdout, stderr } =
            self.pledge().args(arguments).arg("--json").output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "pledge {arguments:?}: {status}\n{out}\n{err}");
        serde_json::from_slice(&stdout).unwrap()
    }
}

/// The server's parts in this process, over any stores.
pub(crate) struct Engine {
    pub(crate) stores: Stores,
    chains: Vec<InspectedChain>,
}

impl Engine {
    pub(crate) async fn new(config: &Config, stores: Stores) -> Self {
        let mut chains = Vec::new();
        for chain in &config.chains {
            chains.push(setup::prepare(chain, &stores).await.unwrap());
        }
        Self { stores, chains }
    }

    /// Indexes and settles every chain until there is nothing to do.
    pub(crate) async fn run(&self) {
        for chain in &self.chains {
            let ports = self.stores.ports();
            let mut indexer = chain.route().indexer(chain.config.id, &ports);
            loop {
                match indexer.poll(std::time::SystemTime::now()).await {
                    Poll::Idle => break,
                    Poll::Advanced(_) | Poll::Rewound(_) => {}
                    Poll::Retry(error) => panic!("{error:?}"),
                    Poll::Stopped(status) => panic!("{status}"),
                }
            }
            settle_chain(&self.stores, chain.config.id, &CancellationToken::new(), |_| {})
                .await
                .unwrap();
        }
    }

    pub(crate) async fn verify(&self) -> Vec<TokenReport> {
        let mut reports = Vec::new();
        for chain in &self.chains {
            for token in self.stores.balances.tokens(chain.config.id).await.unwrap() {
                let mut progress = Progress::new(Form::Json).work("verify");
                let id = token.spec.id;
                let report = verify_token(&*chain.source, &self.stores, id, &mut progress).await;
                reports.push(report.unwrap());
            }
        }
        reports
    }

    pub(crate) async fn digest(&self, token: TokenId) -> Digest {
        digest(&self.stores.balances, &self.stores.points, token).await.unwrap()
    }

    /// What a clean pass over today's canonical chain must give, computed the naive way.
    pub(crate) async fn oracle(&self, token: TokenId) -> Digest {
        let chain = self.chains.iter().find(|chain| chain.config.id == token.chain).unwrap();
        let head = chain.source.head().await.unwrap().number;
        let state = self.stores.balances.token(token).await.unwrap().unwrap();
        let start = state.spec.start_block;
        let transfers = transfers(&*chain.source, token, start, head).await;
        let first = chain.source.headers(BlockSpan::one(start)).await.unwrap()[0];
        let cursor = head.down(CONFIRMATIONS);
        let cursor = chain.source.headers(BlockSpan::one(cursor)).await.unwrap()[0];
        let rate = "0.05".parse().unwrap();
        oracle(token, &first, &cursor, &transfers, &[Programme::main(token, rate)])
    }
}

/// Every canonical transfer of a token, with its block.
async fn transfers(
    source: &dyn ChainSource,
    token: TokenId,
    from: BlockNumber,
    head: BlockNumber,
) -> Vec<(BlockRef, Transfer)> {
    let mut all = Vec::new();
    let mut next = from;
    while next <= head {
        let tokens = [token.address];
        let detail = HeaderDetail::Sparse;
        let request =
            LogsRequest { from: next, to: head, filters: &[erc20::transfers_of(&tokens)], detail };
        let answer = source.logs(request).await.unwrap();
        next = answer.last().unwrap().number.next();
        let transfers = answer.logs.iter().map(|log| erc20::decode(log).unwrap().unwrap());
        all.extend(transfers.map(|transfer| (*answer.header(transfer.block).unwrap(), transfer)));
    }
    all
}
