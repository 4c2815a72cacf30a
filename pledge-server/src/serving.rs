//! The HTTP server: connections with bounds, so that no reader keeps others out or takes what the
//! database and the nodes need.

mod access;
mod bounds;
mod buckets;
mod client;
mod connection;
mod connections;
mod delivery;
mod descriptors;
mod encoding;
mod gcra;
mod headers;
mod layers;
mod liveness;
mod origins;
mod probes;
mod proxies;
mod rate;
mod request_id;
mod threads;
mod turns;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::anyhow;
use axum::Router;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::ListenerMeter;

use connection::Connection;
use connections::Connections;

pub use layers::Layers;
pub use rate::slowing_sign_in;
pub use threads::ReaderThreads;
pub use turns::{taking_turns, turns};

/// Sent to a client for which there is no room, which may come again after a second.
const REFUSAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
                         content-length: 0\r\n\r\n";
/// The wait after an accept that failed: the cause, such as a lack of descriptors, takes time to go.
const ACCEPTS_AGAIN: Duration = Duration::from_millis(100);
/// The connections that the system keeps until they are taken: what Linux allows by default. Where there is no
/// room, a client tries again after a second, so a crowd that comes at once would delay everyone.
const BACKLOG: u32 = 4_096;
/// The most connections that are taken at a stop: more than the system keeps for a listener, and an end for
/// clients that come as fast as they are taken.
const LAST_ACCEPTS_MAX: usize = 4_096;

/// Binds the port, so that a busy port is an error before anything starts. The error names the
/// settings that change it.
pub fn bind(listen: SocketAddr, settings: &str) -> anyhow::Result<TcpListener> {
    open(listen).map_err(|error| {
        let (ip, port) = (listen.ip(), listen.port());
        match error.kind() {
            io::ErrorKind::AddrInUse => anyhow!(
                "port {port} on {ip} is in use by another program: stop that one, or choose another \
                 port with {settings}, such as {ip}:{} (port 0 takes a free one)",
                port.checked_add(1).unwrap_or(0)
            ),
            _ => anyhow!(
                "cannot listen on {listen} ({error}): choose another address with {settings}"
            ),
        }
    })
}

fn open(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that starts again need not wait for the connections of before.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    socket.listen(BACKLOG)
}

/// Serves requests until `stop`, then finishes those that are open, within the bound.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    layers: Layers,
    meter: ListenerMeter,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    // What a layer refuses counts too.
    let (router, limits) = (meter.http.around(layers.around(routes)), layers.limits);
    let connections_max = descriptors::keep_free(limits.connections, limits.reads.concurrent);
    let connections =
        Connections::new(connections_max, limits.connections_per_address, layers.proxies);
    let (open, over) = (TaskTracker::new(), CancellationToken::new());
    let admit = |stream: TcpStream, peer: SocketAddr| match connections.admit(peer.ip()) {
        Some(seat) => {
            let metered = meter.connections.accepts();
            let connection = Connection { stream, peer, seat, limits, metered };
            open.spawn(connection.serve(router.clone(), stop.clone(), over.clone()));
        }
        None => {
            meter.connections.refuses();
            refuse(&stream);
        }
    };
    let mut has_failed = false;
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                has_failed = false;
                admit(stream, peer);
            }
            Err(error) if is_of_client(&error) => {}
            Err(error) => {
                // Once in a row: while descriptors lack, every attempt fails.
                if !std::mem::replace(&mut has_failed, true) {
                    tracing::error!("a connection cannot be accepted, trying again: {error}");
                }
                connections.evict_one();
                stop.run_until_cancelled(tokio::time::sleep(ACCEPTS_AGAIN)).await;
            }
        }
    }
    if let Err(error) = accept_last(listener, admit) {
        tracing::warn!("those who connected last cannot be accepted: {error}");
    }
    open.close();
    if tokio::time::timeout(limits.drain, open.wait()).await.is_err() {
        tracing::warn!("{} connections were still open at the end", open.len());
        over.cancel();
        open.wait().await;
    }
    Ok(())
}

/// Takes those whom the system has accepted already, who do not know of the stop, and closes the port.
fn accept_last(listener: TcpListener, admit: impl Fn(TcpStream, SocketAddr)) -> io::Result<()> {
    // The listener of the runtime may not have learnt of them yet, and takes a share of them at a time.
    let listener = listener.into_std()?;
    for _ in 0..LAST_ACCEPTS_MAX {
        match listener.accept() {
            Ok((stream, peer)) => {
                stream.set_nonblocking(true)?;
                admit(TcpStream::from_std(stream)?, peer);
            }
            Err(error) if is_of_client(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // There is none, or none that could be taken.
            Err(_) => break,
        }
    }
    Ok(())
}

/// Whether a connection was gone before it was accepted.
fn is_of_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// A client that does not read it is none the wiser, and nothing waits for it.
fn refuse(stream: &TcpStream) {
    let _ = stream.try_write(REFUSAL);
}

#[cfg(test)]
#[path = "serving/serving_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "serving/layers_tests.rs"]
mod layers_tests;

#[cfg(test)]
#[path = "serving/access_tests.rs"]
mod access_tests;

#[cfg(test)]
#[path = "serving/turns_tests.rs"]
mod turns_tests;
