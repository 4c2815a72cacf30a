//! What the proxy does to a connection, over a server that echoes.

#![expect(clippy::disallowed_methods, reason = "real sockets and a real clock")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use pledge_testing::FaultProxy;
use pledge_testing::fault_proxy::{Direction, Fate, FaultCounts, Flow};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

const SOON: Duration = Duration::from_millis(200);
const SURELY: Duration = Duration::from_secs(10);

/// An echo server behind a proxy, and the bytes that reached it.
struct Echo {
    proxy: FaultProxy,
    arrived: mpsc::UnboundedReceiver<Vec<u8>>,
}

impl Echo {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = FaultProxy::before(listener.local_addr().unwrap().to_string()).await;
        let (received, arrived) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(echo(stream, received.clone()));
            }
        });
        Self { proxy, arrived }
    }

    async fn client(&self) -> Client {
        Client(TcpStream::connect(self.proxy.address()).await.unwrap())
    }

    fn counts(&self) -> FaultCounts {
        self.proxy.counts()
    }
}

/// Forwards every read to `received`, and no bytes when the connection ends.
async fn echo(mut stream: TcpStream, received: mpsc::UnboundedSender<Vec<u8>>) {
    let mut buffer = [0; 1_024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        received.send(buffer[..count].to_vec()).unwrap();
        if stream.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    let _ = received.send(Vec::new());
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    async fn receive(&mut self) -> std::io::Result<Vec<u8>> {
        let mut buffer = [0; 1_024];
        let count = timeout(SURELY, self.0.read(&mut buffer)).await.unwrap()?;
        Ok(buffer[..count].to_vec())
    }

    async fn receives(&mut self, bytes: &[u8]) {
        assert_eq!(self.receive().await.unwrap(), bytes);
    }

    async fn is_reset(&mut self) {
        assert_eq!(self.receive().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    async fn receives_nothing(&mut self) {
        assert!(timeout(SOON, self.0.read_u8()).await.is_err());
    }
}

#[tokio::test]
async fn bytes_arrive_both_ways_and_are_counted() {
    let echo = Echo::new().await;
    let mut client = echo.client().await;
    client.send(b"hello").await;
    client.receives(b"hello").await;
    let passed = FaultCounts {
        connections: 1,
        bytes_to_server: 5,
        bytes_to_client: 5,
        ..FaultCounts::default()
    };
    assert_eq!(echo.counts(), passed);
}

#[tokio::test]
async fn a_server_that_hangs_up_is_noticed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::before(listener.local_addr().unwrap().to_string()).await;
    let mut client = Client(TcpStream::connect(proxy.address()).await.unwrap());
    drop(listener.accept().await.unwrap());
    client.receives(b"").await;
}

#[tokio::test]
async fn a_delay_acts_on_an_open_connection_in_its_direction_alone() {
    let mut echo = Echo::new().await;
    let mut client = echo.client().await;
    client.send(b"at once").await;
    client.receives(b"at once").await;
    assert_eq!(echo.arrived.recv().await.unwrap(), b"at once");
    echo.proxy.set(Direction::ToClient, Flow::Delay(SOON));
    let sent = Instant::now();
    client.send(b"later").await;
    assert_eq!(echo.arrived.recv().await.unwrap(), b"later");
    client.receives(b"later").await;
    assert!(sent.elapsed() >= SOON);
    assert_eq!(echo.counts().slowed, 1);
}

#[tokio::test]
async fn bytes_that_are_held_up_go_on_as_soon_as_the_delay_ends() {
    let echo = Echo::new().await;
    echo.proxy.set(Direction::ToServer, Flow::Delay(Duration::from_secs(3_600)));
    let mut client = echo.client().await;
    client.send(b"stuck").await;
    client.receives_nothing().await;
    echo.proxy.calm();
    client.receives(b"stuck").await;
}

#[tokio::test]
async fn a_throttled_direction_takes_its_time() {
    let echo = Echo::new().await;
    echo.proxy.set(Direction::ToServer, Flow::Throttle(NonZeroU32::new(1_000).unwrap()));
    let mut client = echo.client().await;
    let sent = Instant::now();
    client.send(&[7; 300]).await;
    client.receives(&[7; 300]).await;
    assert!(sent.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_cut_resets_every_open_connection_on_both_sides_and_no_later_one() {
    let mut echo = Echo::new().await;
    let mut clients = [echo.client().await, echo.client().await];
    for client in &mut clients {
        client.send(b"x").await;
        client.receives(b"x").await;
        assert_eq!(echo.arrived.recv().await.unwrap(), b"x");
    }
    echo.proxy.cut();
    for client in &mut clients {
        client.is_reset().await;
        assert_eq!(echo.arrived.recv().await.unwrap(), b"");
    }
    assert_eq!(echo.counts().resets, 2);
    let mut later = echo.client().await;
    later.send(b"y").await;
    later.receives(b"y").await;
}

#[tokio::test]
async fn a_cut_does_not_wait_for_bytes_that_are_held_up() {
    let echo = Echo::new().await;
    echo.proxy.set_both(Flow::Delay(Duration::from_secs(3_600)));
    let mut client = echo.client().await;
    client.send(b"stuck").await;
    client.receives_nothing().await;
    echo.proxy.cut();
    client.is_reset().await;
}

#[tokio::test]
async fn new_connections_are_refused_while_old_ones_go_on() {
    let echo = Echo::new().await;
    let mut old = echo.client().await;
    old.send(b"x").await;
    old.receives(b"x").await;
    echo.proxy.refuse(true);
    echo.client().await.is_reset().await;
    old.send(b"y").await;
    old.receives(b"y").await;
    assert_eq!(echo.counts().refused, 1);
    echo.proxy.calm();
    let mut later = echo.client().await;
    later.send(b"z").await;
    later.receives(b"z").await;
}

#[tokio::test]
async fn a_server_that_is_not_there_resets_its_clients() {
    let proxy = FaultProxy::before("127.0.0.1:1").await;
    Client(TcpStream::connect(proxy.address()).await.unwrap()).is_reset().await;
}

#[tokio::test]
async fn a_half_open_connection_swallows_bytes_and_farewells() {
    let mut echo = Echo::new().await;
    let mut client = echo.client().await;
    client.send(b"x").await;
    client.receives(b"x").await;
    assert_eq!(echo.arrived.recv().await.unwrap(), b"x");
    echo.proxy.set_both(Flow::Swallow);
    client.send(b"lost").await;
    client.receives_nothing().await;
    drop(client);
    assert!(timeout(SOON, echo.arrived.recv()).await.is_err());
    assert_eq!(echo.counts().bytes_swallowed, 4);
}

#[tokio::test]
async fn a_connection_that_lost_bytes_is_reset_when_it_passes_again() {
    let echo = Echo::new().await;
    let mut client = echo.client().await;
    echo.proxy.set(Direction::ToClient, Flow::Swallow);
    client.send(b"lost").await;
    client.receives_nothing().await;
    echo.proxy.calm();
    client.send(b"more").await;
    client.is_reset().await;
}

#[tokio::test]
async fn a_packet_whose_reply_is_dropped_was_heard() {
    let mut echo = Echo::new().await;
    let mut client = echo.client().await;
    echo.proxy.trap("COMMIT", Fate::DropReply);
    client.send(b"before").await;
    client.receives(b"before").await;
    assert_eq!(echo.arrived.recv().await.unwrap(), b"before");
    client.send(b"\x07COMMIT").await;
    client.is_reset().await;
    assert_eq!(echo.arrived.recv().await.unwrap(), b"\x07COMMIT");
    assert!(!echo.proxy.has_trap());
    assert_eq!((echo.counts().replies_dropped, echo.counts().cut_before), (1, 0));
}

#[tokio::test]
async fn a_packet_whose_reply_is_swallowed_was_heard_and_its_client_waits() {
    let mut echo = Echo::new().await;
    let mut client = echo.client().await;
    echo.proxy.trap("COMMIT", Fate::SwallowReply);
    client.send(b"COMMIT").await;
    assert_eq!(echo.arrived.recv().await.unwrap(), b"COMMIT");
    client.receives_nothing().await;
    assert_eq!(echo.counts().replies_dropped, 1);
    drop(client);
    assert_eq!(echo.arrived.recv().await.unwrap(), b"");
}

#[tokio::test]
async fn a_packet_that_is_cut_before_was_not_heard() {
    let mut echo = Echo::new().await;
    let mut client = echo.client().await;
    echo.proxy.trap("COMMIT", Fate::CutBefore);
    client.send(b"\x07COMMIT").await;
    client.is_reset().await;
    assert_eq!(echo.arrived.recv().await.unwrap(), b"");
    assert_eq!((echo.counts().replies_dropped, echo.counts().cut_before), (0, 1));
}

#[tokio::test]
async fn a_trap_is_met_once_and_leaves_other_connections_alone() {
    let echo = Echo::new().await;
    let (mut one, mut other) = (echo.client().await, echo.client().await);
    echo.proxy.trap("COMMIT", Fate::CutBefore);
    one.send(b"COMMIT").await;
    one.is_reset().await;
    other.send(b"COMMIT").await;
    other.receives(b"COMMIT").await;
}

#[tokio::test]
async fn no_connection_outlives_the_proxy() {
    let echo = Echo::new().await;
    let mut client = echo.client().await;
    client.send(b"x").await;
    client.receives(b"x").await;
    let address = echo.proxy.address();
    drop(echo);
    client.is_reset().await;
    assert!(TcpStream::connect(address).await.is_err());
}
