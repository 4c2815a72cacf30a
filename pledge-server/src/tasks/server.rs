//! The HTTP server as a task.

use std::io;
use std::net::SocketAddr;

use anyhow::{Context, anyhow};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::http::Gate;

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

/// Serves requests until `stop`, then lets open ones finish.
pub async fn serve(
    listener: TcpListener,
    gate: Gate,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    axum::serve(listener, gate.router())
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .context("the HTTP server failed")
}
