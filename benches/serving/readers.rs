//! Live readers of the server: what those who never read cost the others, what an idle one takes, and what is
//! left of those who close half of their connection.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alloy_primitives::{Address, U256, address};
use pledge_testing::hostile_node::transfer;
use pledge_testing::{HostileChain, HostileNode};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::server::Server;

const CHAIN: u64 = 31_337;
const TOKEN: Address = address!("0x70ce000000000000000000000000000000000001");
const GENESIS: u64 = 1_767_625_200;
/// Readers while events come, and those of them that never read.
const READERS: usize = 1_000;
const SILENT: usize = 100;
const EVENTS: u64 = 300;
/// The time from one block to the next.
const BLOCK_TIME: Duration = Duration::from_millis(100);
const IDLE: usize = 5_000;
const HALF_CLOSED: usize = 10_000;
/// Readers that were there before the others are counted.
const FIRST: usize = 500;
/// The most that the slowest percentile of events may be later at a reader than at the first one.
const SPREAD_MAX: Duration = Duration::from_millis(250);
/// The most bytes of the server that an idle reader takes.
const IDLE_BYTES_MAX: u64 = 40 << 10;
/// A client of one address has fewer ports than these readers.
const PORTS_MAX: usize = 20_000;

/// What a reader asks for: over server-sent events, without chunks, or a socket.
#[derive(Clone, Copy)]
enum Way {
    Stream,
    Socket,
}

pub(crate) async fn run() -> ExitCode {
    let mut is_fine = true;
    // A server each: what one has taken from the system it keeps, and the next readers would seem to need nothing.
    for way in [Way::Stream, Way::Socket] {
        is_fine &= Stage::set().await.idle(way).await;
    }
    let stage = Stage::set().await;
    is_fine &= stage.half_closed().await;
    is_fine &= stage.silent().await;
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Stage {
    chain: HostileChain,
    _node: HostileNode,
    server: Server,
    address: SocketAddr,
}

impl Stage {
    async fn set() -> Self {
        let chain = HostileChain::new(CHAIN, GENESIS);
        chain.deploy(TOKEN, "USDX", 18);
        let node = HostileNode::of(&chain).await;
        let server = Server::start(&format!(
            "[storage]\nurl = \"sqlite:bench.db\"\n[server]\nlisten = \"127.0.0.1:0\"\n\
             [limits]\nconnections = 50000\nconnections_per_address = 50000\nrequests_per_second = 0\n\
             [chains.bench]\nchain_id = {CHAIN}\nrpc_urls = [\"{}\"]\nconfirmations = 1\npoll_interval = \"50ms\"\n\
             [chains.bench.tokens.usdx]\naddress = \"{TOKEN}\"\nstart_block = 0\n",
            node.url()
        ));
        let address = server.address().parse().expect("an address");
        let stage = Self { chain, _node: node, server, address };
        stage.mine();
        stage.mine();
        stage
    }

    fn mine(&self) {
        let head = self.chain.head();
        let height = head.number() + 1;
        let mint = transfer(TOKEN, Address::ZERO, Address::repeat_byte(0xa1), U256::from(height));
        self.chain.mine(head.header.timestamp + 12, &[mint]);
    }

    async fn connect(&self, number: usize) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        let last = u8::try_from(2 + number / PORTS_MAX).expect("a few addresses");
        let from = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
        socket.bind(from).expect("an address of this machine");
        socket.connect(self.address).await.expect("a connection")
    }

    /// A reader of everything but accounts, once its stream has begun.
    async fn open(&self, way: Way, number: usize) -> BufReader<TcpStream> {
        let mut stream = self.connect(number).await;
        let request = match way {
            Way::Stream => {
                "GET /api/v1/stream?topics=chains,settlements HTTP/1.0\r\nhost: x\r\n\r\n"
            }
            Way::Socket => {
                "GET /api/v1/ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            }
        };
        stream.write_all(request.as_bytes()).await.expect("the request is sent");
        let mut reader = BufReader::with_capacity(4 << 10, stream);
        let mut line = String::new();
        reader.read_line(&mut line).await.expect("a head");
        assert!(line.contains(" 200 ") || line.contains(" 101 "), "{line}");
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line).await.expect("a head");
        }
        if matches!(way, Way::Socket) {
            let message = frame(TEXT, br#"{"op":"subscribe","topics":["chains","settlements"]}"#);
            reader.write_all(&message).await.expect("a message is sent");
        }
        reader
    }

    async fn open_many(&self, way: Way, count: usize) -> Vec<BufReader<TcpStream>> {
        let mut readers = Vec::with_capacity(count);
        for number in 0..count {
            readers.push(self.open(way, number).await);
        }
        readers
    }

    async fn metric(&self, name: &str) -> u64 {
        let mut stream = self.connect(0).await;
        let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.expect("the request is sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} in {text}"))
    }

    async fn until_readers(&self, count: usize) -> Duration {
        let begun = Instant::now();
        while self.metric("pledge_live_readers").await != count as u64 {
            assert!(begun.elapsed() < Duration::from_secs(60), "readers do not become {count}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        begun.elapsed()
    }

    /// The bytes of an idle reader: of the server, and of the kernel for both ends of its connection.
    async fn idle(&self, way: Way) -> bool {
        let name = match way {
            Way::Stream => "server-sent events",
            Way::Socket => "WebSocket",
        };
        // What the first ones need is there for all later ones.
        drop(self.open_many(way, FIRST).await);
        self.until_readers(0).await;
        let (own, kernel) = (self.resident(), slab());
        let mut readers = JoinSet::new();
        for number in 0..IDLE {
            readers.spawn(stay(self.open(way, number).await, way));
        }
        self.until_readers(IDLE).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let each = |after: u64, before: u64| after.saturating_sub(before) / IDLE as u64;
        let own = each(self.resident(), own);
        let kernel = each(slab(), kernel);
        println!(
            "{IDLE} idle readers, {name}: {own} B each of the server, {kernel} B of the kernel for both ends"
        );
        readers.shutdown().await;
        self.until_readers(0).await;
        own <= IDLE_BYTES_MAX
    }

    async fn half_closed(&self) -> bool {
        let mut held = Vec::new();
        for number in 0..HALF_CLOSED {
            let way = if number % 2 == 0 { Way::Stream } else { Way::Socket };
            let mut stream = self.open(way, number).await.into_inner();
            stream.shutdown().await.expect("an open connection");
            held.push(stream);
        }
        let took = self.until_readers(0).await;
        let left = self.metric("pledge_live_readers").await;
        let connections = self.metric("pledge_http_connections").await;
        println!(
            "{HALF_CLOSED} connections of which one half is closed: {left} readers and {connections} connections \
             {} ms later",
            took.as_millis()
        );
        // One is that of the question.
        left == 0 && connections <= 2
    }

    async fn silent(&self) -> bool {
        let silent = self.open_many(Way::Stream, SILENT).await;
        let seen = Arc::new(Mutex::new(BTreeMap::<u64, Vec<Instant>>::new()));
        let mut reading = JoinSet::new();
        for reader in self.open_many(Way::Stream, READERS - SILENT).await {
            reading.spawn(read(reader, seen.clone()));
        }
        self.until_readers(READERS).await;
        let mut mined = Vec::new();
        for _ in 0..EVENTS {
            let begun = Instant::now();
            self.mine();
            mined.push(begun);
            tokio::time::sleep(BLOCK_TIME.saturating_sub(begun.elapsed())).await;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        reading.abort_all();
        // Nobody writes any more: the readers are gone.
        let seen = seen.lock().expect("no holder panics").clone();
        let good = READERS - SILENT;
        let whole = seen.values().filter(|times| times.len() == good).count();
        let mut spread: Vec<Duration> = Vec::new();
        for times in seen.values() {
            let first = times.iter().min().expect("each event was seen");
            spread.extend(times.iter().map(|time| time.duration_since(*first)));
        }
        spread.sort_unstable();
        let at = |percent: usize| spread[(spread.len() - 1) * percent / 1_000];
        println!(
            "{READERS} readers, {SILENT} of them never read: {} events to {good} readers each, {whole} whole; later \
             than at the first reader: median {} us, p99 {} us, slowest {} us; cut as slow: {}",
            seen.len(),
            at(500).as_micros(),
            at(990).as_micros(),
            at(1_000).as_micros(),
            self.metric("pledge_live_cuts_total{code=\"slow\"}").await,
        );
        println!("blocks mined: {}, one each {} ms", mined.len(), BLOCK_TIME.as_millis());
        drop(silent);
        whole == seen.len() && !seen.is_empty() && at(990) <= SPREAD_MAX
    }

    /// The resident bytes of the server.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.id()));
        kilobytes(&status.expect("the server runs"), "VmRSS:")
    }
}

const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// A short frame of a client, with a mask that changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short payload");
    [&[first, 0x80 | length, 0, 0, 0, 0][..], payload].concat()
}

/// Reads whatever comes, and answers pings, until the end.
async fn stay(mut reader: BufReader<TcpStream>, way: Way) -> std::io::Result<()> {
    if matches!(way, Way::Stream) {
        tokio::io::copy(&mut reader, &mut tokio::io::sink()).await?;
        return Ok(());
    }
    loop {
        let (first, second) = (reader.read_u8().await?, reader.read_u8().await?);
        let length = match second {
            126 => reader.read_u16().await?.into(),
            127 => reader.read_u64().await?,
            short => short.into(),
        };
        tokio::io::copy(&mut (&mut reader).take(length), &mut tokio::io::sink()).await?;
        if first == PING {
            reader.write_all(&frame(PONG, &[])).await?;
        }
    }
}

/// Notes when each event arrives, until the end.
async fn read(mut reader: BufReader<TcpStream>, seen: Arc<Mutex<BTreeMap<u64, Vec<Instant>>>>) {
    let (mut line, mut id) = (String::new(), None);
    while reader.read_line(&mut line).await.is_ok_and(|bytes| bytes > 0) {
        let now = Instant::now();
        match line.trim_end().split_once(": ") {
            Some(("id", value)) => id = value.parse::<u64>().ok(),
            Some(("event", "confirmed")) => {
                let mut seen = seen.lock().expect("no holder panics");
                seen.entry(id.expect("an event has an id")).or_default().push(now);
            }
            _ => {}
        }
        line.clear();
    }
}

/// The bytes that the kernel has in slabs which it cannot take back, sockets among them.
fn slab() -> u64 {
    kilobytes(&std::fs::read_to_string("/proc/meminfo").expect("Linux"), "SUnreclaim:")
}

fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a line of it");
    let number = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
    number << 10
}
