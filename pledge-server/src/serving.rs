//! The HTTP server: connections with bounds, so that no reader keeps others out or takes what the
//! database and the nodes need.

mod connection;
mod connections;
mod descriptors;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::anyhow;
use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::LimitsConfig;
use crate::metrics::ConnectionMeter;

use connection::Connection;
use connections::Connections;

/// Sent to a client for which there is no room, which may come again after a second.
const REFUSAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
                         content-length: 0\r\n\r\n";
/// The wait after an accept that failed: the cause, such as a lack of descriptors, takes time to go.
const ACCEPTS_AGAIN: Duration = Duration::from_millis(100);

/// Binds the port, so that a busy port is an error before anything starts. The error names the
/// settings that change it.
pub async fn bind(listen: SocketAddr, settings: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|error| {
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

/// Serves requests until `stop`, then finishes those that are open, within the bound.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: LimitsConfig,
    meter: ConnectionMeter,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let connections_max = descriptors::keep_free(limits.connections);
    let connections = Connections::new(connections_max, limits.connections_per_address);
    let (open, over) = (TaskTracker::new(), CancellationToken::new());
    let mut has_failed = false;
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                has_failed = false;
                match connections.admit(peer.ip()) {
                    Some(seat) => {
                        let metered = meter.accepts();
                        let connection = Connection { stream, peer, seat, limits, metered };
                        open.spawn(connection.serve(router.clone(), stop.clone(), over.clone()));
                    }
                    None => {
                        meter.refuses();
                        refuse(&stream);
                    }
                }
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
    drop(listener);
    open.close();
    if tokio::time::timeout(limits.drain, open.wait()).await.is_err() {
        tracing::warn!("{} connections were still open at the end", open.len());
        over.cancel();
        open.wait().await;
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
