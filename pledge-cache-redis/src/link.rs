//! The connection: up, or down and being mended.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, SystemTime};

use pledge_core::error::{StoreError, StoreErrorKind};
use redis::aio::{MultiplexedConnection, PubSub};
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, IntoConnectionInfo};
use rustls::crypto::aws_lc_rs;
use tokio::time::{sleep, timeout};

use crate::keys::Keys;

/// To connect, and to see that the server takes scripts and writes.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Between two attempts to reach a server that was lost.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);
/// What is asked for all the time is worth no longer wait.
pub(crate) const CALL_LIMIT: Duration = Duration::from_millis(250);
/// For values of megabytes.
pub(crate) const BULK_LIMIT: Duration = Duration::from_secs(1);
/// A server that runs no script or takes no write (full, a replica, still loading) is none to us.
const PROBE: &str = "return redis.call('SET', KEYS[1], '', 'PX', 1000)";

/// Whether Redis helps at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// The last calls succeeded.
    Up,
    /// Everything works without it, only slower.
    Degraded {
        /// When it was lost.
        since: SystemTime,
        /// Why the last attempt failed.
        reason: String,
    },
}

/// A Redis server, as a hint: whatever it does, nothing but speed is lost. A clone is another handle
/// to the same connection.
///
/// Every call has a limit in time. After a failure nothing is asked of it until it was reached again,
/// which is tried once a second in the background; meanwhile calls fail at once.
#[derive(Debug, Clone)]
pub struct Redis {
    link: Arc<Link>,
    keys: Arc<Keys>,
}

/// One connection, shared by all calls.
struct Link {
    client: Client,
    /// Host and port, without user or password.
    address: String,
    state: Mutex<State>,
}

enum State {
    Up {
        connection: MultiplexedConnection,
        /// Distinguishes it from those before it.
        number: u64,
    },
    Down {
        since: SystemTime,
        reason: String,
        next_number: u64,
    },
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Redis {
    /// A handle to the server at `redis[s]://[user:password@]host[:port][/database]`. Every key begins
    /// with the prefix: one for each database of a pledge, since those who share it share leases.
    ///
    /// Tries to connect for a second at most; a server that is not there is no error. `Invalid` for a
    /// URL or a prefix of another form.
    pub async fn connect(url: &str, prefix: &str) -> Result<Self, StoreError> {
        let keys = Keys::new(prefix).ok_or_else(|| {
            let detail = "the prefix of keys is one or more letters, digits, '-', '_', '.' or ':'";
            StoreError::invalid("connect to Redis", detail)
        })?;
        // The error of the URL may hold parts of it, and one of them the password.
        let client = client(url).ok_or_else(|| {
            let detail = "the URL is not redis[s]://[user:password@]host[:port][/database]";
            StoreError::invalid("connect to Redis", detail)
        })?;
        let address = client.get_connection_info().addr().to_string();
        let down = State::Down {
            since: SystemTime::now(),
            reason: "not reached yet".to_owned(),
            next_number: 0,
        };
        let link = Arc::new(Link { client, address, state: Mutex::new(down) });
        let redis = Self { link, keys: Arc::new(keys) };
        if let Err(reason) = redis.link.reach(&redis.keys).await {
            redis.link.warn(&reason);
            redis.mend();
        }
        Ok(redis)
    }

    /// Whether the last calls succeeded.
    pub fn health(&self) -> Health {
        match &*self.link.state() {
            State::Up { .. } => Health::Up,
            State::Down { since, reason, .. } => {
                Health::Degraded { since: *since, reason: reason.clone() }
            }
        }
    }

    /// What every key begins with.
    pub fn prefix(&self) -> &str {
        self.keys.prefix()
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Runs a command. `Unavailable` at once while the server is known to be away.
    pub(crate) async fn call<T: FromRedisValue>(
        &self,
        operation: &'static str,
        command: &Cmd,
        limit: Duration,
    ) -> Result<T, StoreError> {
        let unavailable = |reason: &str| {
            let detail = format!("Redis at {}: {reason}", self.link.address);
            StoreError::new(StoreErrorKind::Unavailable, operation, detail)
        };
        // `number` names the connection that was used: a call that fails late must not give up the
        // next connection, and only the call that gives one up starts to mend it.
        let (mut connection, number) = match &*self.link.state() {
            State::Up { connection, number } => (connection.clone(), *number),
            State::Down { reason, .. } => return Err(unavailable(reason)),
        };
        // An error that the server answers counts too: one that takes no write, full or a replica,
        // is of no use either.
        let reason = match timeout(limit, command.query_async(&mut connection)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => no_answer(limit),
        };
        let error = unavailable(&reason);
        if self.link.lose(number, reason) {
            self.mend();
        }
        Err(error)
    }

    /// A connection that receives what is published on a channel; the cause where there is none in time.
    pub(crate) async fn subscribe(&self, channel: &str) -> Result<PubSub, String> {
        let subscribing = async {
            let mut subscribed = self.link.client.get_async_pubsub().await?;
            subscribed.subscribe(channel).await?;
            Ok(subscribed)
        };
        let subscribed = timeout(CONNECT_LIMIT, subscribing).await;
        let subscribed = subscribed.map_err(|_| no_answer(CONNECT_LIMIT))?;
        subscribed.map_err(|error: redis::RedisError| error.to_string())
    }

    /// Tries to reach the server until it is there or the last handle is dropped.
    fn mend(&self) {
        let (link, keys) = (Arc::downgrade(&self.link), self.keys.clone());
        tokio::spawn(async move {
            loop {
                sleep(PAUSE).await;
                let Some(link) = Weak::upgrade(&link) else { return };
                if link.reach(&keys).await.is_ok() {
                    tracing::info!(address = %link.address, "Redis is back");
                    return;
                }
            }
        });
    }
}

impl Link {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// Gives up a connection that failed, unless that was done already.
    fn lose(&self, failed: u64, reason: String) -> bool {
        let mut state = self.state();
        if !matches!(*state, State::Up { number, .. } if number == failed) {
            return false;
        }
        self.warn(&reason);
        *state = State::Down { since: SystemTime::now(), reason, next_number: failed + 1 };
        true
    }

    /// Connects, and puts the connection to use if the server is of use.
    async fn reach(&self, keys: &Keys) -> Result<(), String> {
        let connected = timeout(CONNECT_LIMIT, self.connection(keys)).await;
        let connected = connected.map_err(|_| no_answer(CONNECT_LIMIT));
        let connected = connected.and_then(|done| done.map_err(|error| error.to_string()));
        let mut state = self.state();
        let State::Down { reason, next_number, .. } = &mut *state else {
            return Ok(());
        };
        match connected {
            Ok(connection) => {
                let number = *next_number;
                *state = State::Up { connection, number };
                Ok(())
            }
            Err(why) => {
                reason.clone_from(&why);
                Err(why)
            }
        }
    }

    async fn connection(&self, keys: &Keys) -> redis::RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            // Each call has a limit of its own; the client's, half a second, would cut that of
            // large values.
            .set_response_timeout(None);
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut probe = redis::cmd("EVAL");
        probe.arg(PROBE).arg(1).arg(keys.probe());
        probe.exec_async(&mut connection).await?;
        Ok(connection)
    }

    fn warn(&self, reason: &str) {
        tracing::warn!(address = %self.address, reason, "Redis is lost: slower until it is back");
    }
}

fn client(url: &str) -> Option<Client> {
    let info = url.into_connection_info().ok()?;
    if url.starts_with("rediss:") || url.starts_with("valkeys:") {
        // Taken by the client of Redis unless the program has chosen another: no error then.
        let _chosen_already = aws_lc_rs::default_provider().install_default();
    }
    Client::open(info.set_tcp_settings(TcpSettings::default().set_nodelay(true))).ok()
}

fn no_answer(limit: Duration) -> String {
    format!("no answer within {} ms", limit.as_millis())
}
