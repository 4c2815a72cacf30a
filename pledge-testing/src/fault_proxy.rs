//! A TCP proxy that simulates network faults.

#![expect(clippy::disallowed_methods, reason = "real sockets and a real clock")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

mod connection;
mod counts;
mod flow;
mod trap;

use connection::Connection;
use counts::Counters;
pub use counts::FaultCounts;
pub use flow::{Direction, Flow};
pub use trap::Fate;
use trap::Traps;

/// A proxy between clients and one server, on a free port of 127.0.0.1. Every switch acts at once,
/// on open connections too. The proxy and its connections end when the handle is dropped.
///
/// It uses the runtime that it was created on, so a test must not block that.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    server: String,
    to_server: watch::Sender<Flow>,
    to_client: watch::Sender<Flow>,
    /// How often every connection was cut.
    cuts: watch::Sender<u64>,
    is_refusing: AtomicBool,
    traps: Traps,
    counters: Counters,
}

impl FaultProxy {
    /// A proxy in front of the server at `host:port`, which passes everything.
    pub async fn before(server: impl Into<String>) -> Self {
        let shared = Arc::new(Shared {
            server: server.into(),
            to_server: watch::Sender::new(Flow::Pass),
            to_client: watch::Sender::new(Flow::Pass),
            cuts: watch::Sender::new(0),
            is_refusing: AtomicBool::new(false),
            traps: Traps::default(),
            counters: Counters::default(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let acceptor = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, acceptor }
    }

    /// The address for clients.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what happens to the bytes of one direction from now on. A connection that has lost
    /// bytes is reset as soon as its bytes pass again.
    pub fn set(&self, direction: Direction, flow: Flow) {
        self.shared.flow(direction).send_replace(flow);
    }

    /// The same for both directions.
    pub fn set_both(&self, flow: Flow) {
        self.set(Direction::ToServer, flow);
        self.set(Direction::ToClient, flow);
    }

    /// Resets every open connection, on both sides.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Whether new connections are reset at once.
    pub fn refuse(&self, is_refusing: bool) {
        self.shared.is_refusing.store(is_refusing, Ordering::SeqCst);
    }

    /// Sets the fate of the connection that sends the next packet with these bytes in it. The trap
    /// acts once; another trap replaces it.
    pub fn trap(&self, bytes: impl Into<Vec<u8>>, fate: Fate) {
        self.shared.traps.set(bytes.into(), fate);
    }

    /// Whether a trap waits for its packet.
    pub fn has_trap(&self) -> bool {
        self.shared.traps.is_set()
    }

    /// Passes everything, accepts new connections and removes the trap. Connections that were cut
    /// stay cut.
    pub fn calm(&self) {
        self.set_both(Flow::Pass);
        self.refuse(false);
        self.shared.traps.clear();
    }

    /// What happened so far.
    pub fn counts(&self) -> FaultCounts {
        self.shared.counters.read()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.cut();
    }
}

impl Shared {
    const fn flow(&self, direction: Direction) -> &watch::Sender<Flow> {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        if shared.is_refusing.load(Ordering::SeqCst) {
            shared.counters.refused();
            connection::reset(client);
            continue;
        }
        shared.counters.connected();
        let connection = Connection::new(shared.clone());
        tokio::spawn(async move {
            // Without a server behind it the proxy refuses, as the server would.
            match TcpStream::connect(&connection.server()).await {
                Ok(server) => connection.serve(client, server).await,
                Err(_) => connection::reset(client),
            }
        });
    }
}
