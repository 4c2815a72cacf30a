//! What is logged: alone in its program, since what others log at the same time would count.

mod support;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use pledge_cache_redis::RedisPending;
use pledge_core::ports::PendingCache;
use pledge_core::types::ChainId;
use pledge_testing::OwnServer;
use support::{connect, restart};

#[tokio::test]
async fn that_a_server_is_lost_and_back_is_logged_once_each() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut server = OwnServer::redis(&[]).await;
    let redis = connect(&server.url()).await;
    server.kill();
    let pending = RedisPending::new(redis.clone());
    for _ in 0..10 {
        pending.load(ChainId::new(1)).await.unwrap();
    }
    restart(&mut server, &redis).await;
    pending.load(ChainId::new(1)).await.unwrap();
    let count = |text| log.text().matches(text).count();
    assert_eq!((count("Redis is lost"), count("Redis is back")), (1, 1), "{}", log.text());
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no holder panics")).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no holder panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
