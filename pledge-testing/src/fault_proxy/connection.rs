//! One connection: two pumps, and how it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::flow::hold;
use super::trap::Sent;
use super::{Direction, Fate, Flow, Shared};

const READ_BYTES_MAX: usize = 1 << 16;

#[derive(Debug)]
pub(super) struct Connection {
    shared: Arc<Shared>,
    cuts: watch::Receiver<u64>,
    /// The fate of the server's next answer.
    reply: OnceLock<Fate>,
    /// Bytes are missing on one side.
    has_lost: AtomicBool,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

impl Connection {
    /// From here on, a cut resets it.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let cuts = shared.cuts.subscribe();
        Self { shared, cuts, reply: OnceLock::new(), has_lost: AtomicBool::new(false) }
    }

    pub(super) fn server(&self) -> &str {
        &self.shared.server
    }

    pub(super) async fn serve(self, mut client: TcpStream, mut server: TcpStream) {
        for side in [&client, &server] {
            side.set_nodelay(true).expect("a socket takes the option");
        }
        let mut cuts = self.cuts.clone();
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let end = tokio::select! {
            end = self.pump(Direction::ToServer, from_client, to_server) => end,
            end = self.pump(Direction::ToClient, from_server, to_client) => end,
            _ = cuts.changed() => End::Reset,
        };
        if end == End::Reset {
            self.shared.counters.reset();
            reset(client);
            reset(server);
        }
    }

    async fn pump(
        &self,
        direction: Direction,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
    ) -> End {
        let mut flow = self.shared.flow(direction).subscribe();
        let mut sent = Sent::default();
        let mut buffer = vec![0; READ_BYTES_MAX];
        loop {
            let Ok(count @ 1..) = from.read(&mut buffer).await else {
                return self.ended(&mut flow).await;
            };
            let bytes = &buffer[..count];
            if direction == Direction::ToClient
                && let Some(fate) = self.reply.get()
            {
                self.shared.counters.met(*fate);
                if *fate == Fate::DropReply {
                    return End::Reset;
                }
                return std::future::pending().await;
            }
            if flow.borrow().is_slow() {
                self.shared.counters.slowed();
            }
            if !hold(&mut flow, count).await {
                self.shared.counters.swallowed(count);
                self.has_lost.store(true, Ordering::SeqCst);
                continue;
            }
            if self.has_lost.load(Ordering::SeqCst) {
                return End::Reset;
            }
            if direction == Direction::ToServer {
                match sent.met(&self.shared.traps, bytes) {
                    Some(Fate::CutBefore) => {
                        self.shared.counters.met(Fate::CutBefore);
                        return End::Reset;
                    }
                    Some(fate) => _ = self.reply.set(fate),
                    None => {}
                }
            }
            if to.write_all(bytes).await.is_err() {
                return self.ended(&mut flow).await;
            }
            self.shared.counters.passed(direction, count);
        }
    }

    /// One side is gone. While bytes are swallowed, the other side does not notice.
    async fn ended(&self, flow: &mut watch::Receiver<Flow>) -> End {
        let heard = flow.wait_for(|flow| *flow != Flow::Swallow).await;
        match heard {
            Ok(_) if !self.has_lost.load(Ordering::SeqCst) => End::Closed,
            _ => End::Reset,
        }
    }
}

/// Resets one side of a connection.
pub(super) fn reset(stream: TcpStream) {
    // The call fails on a connection that is reset already, which is fine.
    let _ = stream.set_zero_linger();
}
