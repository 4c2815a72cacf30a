//! Heads notified over a WebSocket: followed at once, and not missed when notifications end.

use std::sync::Arc;
use std::time::Duration;

use pledge_core::sharing::{InstanceId, Lease};
use pledge_core::types::BlockNumber;
use pledge_server::config::NodeUrl;
use pledge_server::metrics::NodesSeen;
use pledge_server::output::Output;
use pledge_server::progress::Progress;
use pledge_server::setup::{self, Unknown};
use pledge_server::stores::Stores;
use pledge_server::tasks::{AssignmentWatch, Follower, Incidents, Start};
use pledge_storage_memory::MemoryStore;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::chains::{CONFIRMATIONS, Chain, Setup};

const PATIENCE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// A chain that is followed for as long as the test runs.
struct Followed {
    chain: Chain,
    stores: Stores,
    moved: Arc<Notify>,
}

impl Followed {
    /// Begins, and waits until the ledger has caught up.
    async fn new(chain: Chain, ws_url: &str, poll_interval: Duration) -> Self {
        chain.anvil.mine(20, 12).await.unwrap();
        let mut config = Setup::of(&[&chain]).config().chains.remove(0);
        config.poll_interval = poll_interval;
        config.ws_url = Some(NodeUrl::parse_ws(ws_url).unwrap());
        let stores = Stores::of(MemoryStore::new());
        let moved = Arc::new(Notify::new());
        let lease = Lease::whole(InstanceId::new(1), [config.id]);
        let follower = Follower {
            config: config.clone(),
            stores: stores.clone(),
            part: AssignmentWatch::whole(&lease),
            incidents: Incidents::default(),
            nodes: NodesSeen::default(),
            progress: Progress::new(Output::Json).chain(&config.name),
            moved: moved.clone(),
            news: Arc::default(),
            stop: CancellationToken::new(),
        };
        setup::prepare(&config, &stores).await.unwrap();
        let start = Start::Looked(setup::look(&config, Unknown::default()).await.unwrap());
        tokio::spawn(follower.run(start));
        let followed = Self { chain, stores, moved };
        timeout(PATIENCE, followed.caught_up()).await.expect("the ledger catches up");
        followed
    }

    /// Waits until the newest confirmed block is in the ledger.
    async fn caught_up(&self) {
        let (head, _) = self.chain.anvil.head().await.unwrap();
        let confirmed = BlockNumber::new(head - CONFIRMATIONS);
        while self.cursor().await != Some(confirmed) {
            self.moved.notified().await;
        }
    }

    async fn cursor(&self) -> Option<BlockNumber> {
        let token = self.stores.balances.token(self.chain.id).await.unwrap().unwrap();
        token.cursor.map(|cursor| cursor.number)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notified_head_is_followed_at_once() {
    let chain = Chain::start(11_155_111).await;
    let url = chain.anvil.url().replacen("http", "ws", 1);
    let followed = Followed::new(chain, &url, HOUR).await;
    let five_blocks = async {
        for _ in 0..5 {
            // Blocks before the subscription are not notified; the next one makes up for them.
            let notified = async || {
                followed.chain.anvil.mine(1, 12).await.unwrap();
                followed.caught_up().await;
            };
            while timeout(Duration::from_secs(1), notified()).await.is_err() {}
        }
    };
    timeout(PATIENCE, five_blocks).await.expect("blocks arrive long before the hour is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_web_socket_polling_goes_on() {
    let chain = Chain::start(11_155_111).await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let followed = Followed::new(chain, &url, Duration::from_millis(50)).await;
    drop(listener);
    for _ in 0..5 {
        followed.chain.anvil.mine(1, 12).await.unwrap();
        timeout(PATIENCE, followed.caught_up()).await.expect("blocks arrive by polling");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_that_notifies_of_blocks_is_checked() {
    let chain = Chain::start(11_155_111).await;
    let url = chain.anvil.url().replacen("http", "ws", 1);
    let setup = Setup::of(&[&chain]);
    let mut command = setup.pledge();
    command.args(["config", "check"]).env("PLEDGE_CHAINS__C0__WS_URL", url);
    let output = command.env("PLEDGE_SERVER__LISTEN", "127.0.0.1:0").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("notifies of new blocks"), "{said}");
}
