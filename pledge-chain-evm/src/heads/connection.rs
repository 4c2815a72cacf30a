//! One connection, from the handshake to its end.

use std::sync::Arc;
use std::time::Duration;

use alloy::transports::Authorization;
use futures::{SinkExt, StreamExt};
use percent_encoding::percent_decode_str;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderValue, USER_AGENT};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};
use url::Url;

use super::config::HeadsConfig;
use super::message::{self, Received};
use super::pace::Pace;

/// A header has about 2 kB.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
const READ_BUFFER_BYTES: usize = 8 << 10;
/// Pings and pongs are all that has to leave.
const WRITE_BUFFER_BYTES_MAX: usize = 16 << 10;
/// Messages between two pings that are no heads. A node sends two or three.
const STRAYS_MAX: u32 = 1_000;

/// Why a connection ended, possibly in the node's words: to be redacted.
type Cause = String;

/// A connection on which heads were subscribed to.
pub(super) struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    since: Instant,
    answer_timeout: Duration,
    ping_interval: Duration,
}

/// TLS by aws-lc-rs, whatever other provider the process may have, with Mozilla's roots.
pub(super) fn tls() -> Arc<ClientConfig> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs has every default version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.into()
}

impl Connection {
    /// Connects, checks the chain and subscribes, all within the time for an answer.
    pub(super) async fn open(config: &HeadsConfig, tls: &Connector) -> Result<Self, Cause> {
        let opening = async {
            let mut connection = Self::connect(config, tls).await?;
            let chain = connection.ask("eth_chainId", &[]).await?;
            message::check_chain(&chain, config.chain)?;
            connection.ask("eth_subscribe", &["newHeads"]).await?;
            connection.since = Instant::now();
            Ok(connection)
        };
        let limit = config.answer_timeout;
        let opened = timeout(limit, opening).await;
        opened.unwrap_or_else(|_| Err(format!("is not connected and subscribed within {limit:?}")))
    }

    async fn connect(config: &HeadsConfig, tls: &Connector) -> Result<Self, Cause> {
        let request = request(&config.url).map_err(|error| text_of(&error))?;
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX))
            .read_buffer_size(READ_BUFFER_BYTES)
            // A ping leaves at once, and what does not leave has a bound: the library's default has
            // none.
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX);
        let connecting =
            connect_async_tls_with_config(request, Some(limits), true, Some(tls.clone()));
        let (socket, _) = connecting.await.map_err(|error| text_of(&error))?;
        Ok(Self {
            socket,
            since: Instant::now(),
            answer_timeout: config.answer_timeout,
            ping_interval: config.ping_interval,
        })
    }

    async fn ask(&mut self, method: &str, params: &[&str]) -> Result<Value, Cause> {
        let question = Message::text(message::question(method, params));
        self.socket.send(question).await.map_err(|error| text_of(&error))?;
        loop {
            let received = self.socket.next().await;
            match read(received)? {
                Received::Answer(answer) => return Ok(answer),
                Received::Refusal(text) => return Err(format!("refuses {method}: {text}")),
                Received::Head | Received::Other => {}
            }
        }
    }

    /// Calls `on_head` at every head until the connection ends; returns why it did.
    pub(super) async fn listen(&mut self, pace: &mut Pace, mut on_head: impl FnMut()) -> Cause {
        let mut pings = interval_at(Instant::now() + self.ping_interval, self.ping_interval);
        // After a stall on our side two pings must not be due at once: the second would find no
        // answer to the first.
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent_at = Instant::now() + pace.silence();
        let (mut is_alive, mut strays) = (true, 0);
        loop {
            tokio::select! {
                // After a stall on our side, an answer may be waiting when a ping is due: read it
                // first.
                biased;
                received = self.socket.next() => {
                    is_alive = true;
                    match read(received) {
                        Ok(Received::Head) => {
                            pace.head(Instant::now());
                            silent_at = Instant::now() + pace.silence();
                            on_head();
                        }
                        Ok(_) if strays < STRAYS_MAX => strays += 1,
                        Ok(_) => return "floods with messages that are no heads".to_owned(),
                        Err(cause) => return cause,
                    }
                }
                _ = pings.tick() => {
                    if !is_alive {
                        return format!("has not answered a ping within {:?}", self.ping_interval);
                    }
                    (is_alive, strays) = (false, 0);
                    if let Err(cause) = self.ping().await {
                        return cause;
                    }
                }
                () = sleep_until(silent_at) => {
                    return format!("has sent no head within {:.0?}", pace.silence());
                }
            }
        }
    }

    async fn ping(&mut self) -> Result<(), Cause> {
        let sending = self.socket.send(Message::Ping("pledge".into()));
        match timeout(self.answer_timeout, sending).await {
            Ok(sent) => sent.map_err(|error| text_of(&error)),
            Err(_) => Err(format!("has taken no ping within {:?}", self.answer_timeout)),
        }
    }

    /// How long it has been subscribed.
    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }
}

fn read(received: Option<Result<Message, Error>>) -> Result<Received, Cause> {
    match received {
        Some(Ok(text @ (Message::Text(_) | Message::Binary(_)))) => {
            message::read(&text.into_data())
        }
        Some(Ok(Message::Close(Some(frame)))) if !frame.reason.is_empty() => {
            Err(format!("has closed the connection: {}", frame.reason))
        }
        Some(Ok(Message::Close(_))) | None => Err("has closed the connection".to_owned()),
        Some(Ok(_)) => Ok(Received::Other),
        Some(Err(error)) => Err(text_of(&error)),
    }
}

fn text_of(error: &Error) -> Cause {
    format!("the connection failed: {error}")
}

/// The handshake's request, with the user and password of the url.
fn request(url: &Url) -> Result<Request, Error> {
    let mut request = url.as_str().into_client_request()?;
    let headers = request.headers_mut();
    let agent = concat!("pledge/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    if !url.username().is_empty() || url.password().is_some() {
        let [user, password] = [url.username(), url.password().unwrap_or_default()]
            .map(|part| percent_decode_str(part).decode_utf8_lossy());
        let mut value: HeaderValue = Authorization::basic(user, password).to_string().parse()?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(request)
}
