//! A socket with the bounds of live readers that repeats what it gets: what the Autobahn suite asks
//! (`scripts/autobahn.sh`). Prints its url.

#![expect(clippy::print_stdout, reason = "the url is the result")]

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use pledge_http::live::{LiveLimits, bounded};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("ws://{}", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/", get(open))).await
}

async fn open(upgrade: WebSocketUpgrade) -> Response {
    bounded(upgrade, LiveLimits::default().message_bytes_max).on_upgrade(repeat)
}

async fn repeat(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let answer = match message {
            Message::Text(_) | Message::Binary(_) => socket.send(message).await,
            _ => Ok(()),
        };
        if answer.is_err() {
            return;
        }
    }
}
