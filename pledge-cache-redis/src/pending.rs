//! Pending blocks on the server, and a copy of what this process stored last.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::ports::{PendingCache, PendingSnapshot};
use pledge_core::types::ChainId;

use crate::link::{BULK_LIMIT, CALL_LIMIT, Redis};

/// An indexer stores with every head, and stores again what the server has lost.
const EXPIRY: Duration = Duration::from_secs(3600);
/// What a value begins with: which call of which process stored it, in hex digits.
const TAG_BYTES: usize = 16;
const OPERATION: &str = "keep pending blocks";

/// The pending blocks of each chain, for every instance that shares a server and a prefix.
///
/// What this process stored last is kept here too. It is what counts while the server is away or has
/// nothing. Once the server can be asked again, it is written there, unless another instance stored
/// something meanwhile: then that counts. So no call ever fails.
#[derive(Debug)]
pub struct RedisPending {
    redis: Redis,
    tags: RandomState,
    calls: AtomicU64,
    known: Mutex<BTreeMap<ChainId, Arc<Known>>>,
}

/// A snapshot that was stored or loaded here.
#[derive(Debug)]
struct Known {
    tag: String,
    snapshot: Arc<PendingSnapshot>,
    source: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// Stored here, and on the server.
    Written,
    /// Stored here while the server, which was known to have `above`, could not be reached.
    Unwritten { above: Option<String> },
    /// Stored by another instance.
    Loaded,
}

impl Known {
    /// The tag that the server is known to have.
    fn on_server(&self) -> Option<String> {
        match &self.source {
            Source::Written | Source::Loaded => Some(self.tag.clone()),
            Source::Unwritten { above } => above.clone(),
        }
    }

    /// Whether what was stored here is newer than what the server has under a tag: it has nothing, or
    /// still what it had when this could not be written.
    fn replaces(&self, tag: &str) -> bool {
        let above = match &self.source {
            Source::Unwritten { above } => above.as_deref(),
            Source::Written | Source::Loaded => None,
        };
        tag.is_empty() || above == Some(tag)
    }

    fn copy(&self) -> PendingSnapshot {
        self.snapshot.as_ref().clone()
    }

    fn written(&self) -> Self {
        Self { tag: self.tag.clone(), snapshot: self.snapshot.clone(), source: Source::Written }
    }
}

impl RedisPending {
    /// Pending blocks on a server.
    pub fn new(redis: Redis) -> Self {
        Self { redis, tags: RandomState::new(), calls: AtomicU64::new(0), known: Mutex::default() }
    }

    fn known(&self, chain: ChainId) -> Option<Arc<Known>> {
        self.known.lock().expect("no holder panics").get(&chain).cloned()
    }

    /// Replaces what is known, unless something else became known meanwhile.
    fn learn(&self, chain: ChainId, before: Option<&Arc<Known>>, now: Known) {
        let mut known = self.known.lock().expect("no holder panics");
        if known.get(&chain).map(Arc::as_ptr) == before.map(Arc::as_ptr) {
            known.insert(chain, Arc::new(now));
        }
    }

    /// Writes a snapshot that was stored here. That it fails is known to the connection.
    async fn write(&self, chain: ChainId, own: &Arc<Known>) {
        let mut value = own.tag.clone().into_bytes();
        serde_json::to_writer(&mut value, own.snapshot.as_ref())
            .expect("a snapshot can be written");
        let mut command = redis::cmd("SET");
        command.arg(self.redis.keys().pending(chain)).arg(value);
        command.arg("PX").arg(EXPIRY.as_millis().to_string());
        if self.redis.call::<()>(OPERATION, &command, BULK_LIMIT).await.is_ok() {
            self.learn(chain, Some(own), own.written());
        }
    }

    /// What the server has under another tag than the one that is known.
    async fn read(&self, chain: ChainId) -> Option<Known> {
        let mut command = redis::cmd("GET");
        command.arg(self.redis.keys().pending(chain));
        let value: Option<Vec<u8>> = self.redis.call(OPERATION, &command, BULK_LIMIT).await.ok()?;
        parse(&value?)
    }

    async fn tag_on_server(&self, chain: ChainId) -> Option<String> {
        let mut command = redis::cmd("GETRANGE");
        command.arg(self.redis.keys().pending(chain)).arg(0).arg(TAG_BYTES - 1);
        let tag = self.redis.call(OPERATION, &command, CALL_LIMIT).await.ok()?;
        // Bytes that are no text are no tag: they count as nothing, and may be written over.
        Some(String::from_utf8(tag).unwrap_or_default())
    }
}

/// What another instance stored; `None` if it is no snapshot, or one of another version.
fn parse(value: &[u8]) -> Option<Known> {
    let (tag, json) = value.split_at_checked(TAG_BYTES)?;
    let snapshot: PendingSnapshot = serde_json::from_slice(json).ok()?;
    let tag = String::from_utf8(tag.to_vec()).ok()?;
    let is_linked = snapshot.is_linked();
    is_linked.then(|| Known { tag, snapshot: Arc::new(snapshot), source: Source::Loaded })
}

#[async_trait]
impl PendingCache for RedisPending {
    async fn load(&self, chain: ChainId) -> Result<Option<PendingSnapshot>, StoreError> {
        let known = self.known(chain);
        let own = known.as_ref().filter(|known| known.source != Source::Loaded);
        // The tag first, and alone: a snapshot may have megabytes, and is mostly the one that is
        // known already.
        let Some(tag) = self.tag_on_server(chain).await else {
            return Ok(own.map(|own| own.copy()));
        };
        if let Some(known) = known.as_ref().filter(|known| known.tag == tag) {
            if own.is_some() {
                self.learn(chain, Some(known), known.written());
            }
            return Ok(Some(known.copy()));
        }
        if let Some(own) = own.filter(|own| own.replaces(&tag)) {
            self.write(chain, own).await;
            return Ok(Some(own.copy()));
        }
        // What cannot be read there does not hide what was stored here.
        let Some(theirs) = self.read(chain).await else {
            return Ok(own.map(|own| own.copy()));
        };
        let snapshot = theirs.copy();
        self.learn(chain, known.as_ref(), theirs);
        Ok(Some(snapshot))
    }

    async fn store(&self, chain: ChainId, snapshot: &PendingSnapshot) -> Result<(), StoreError> {
        let before = self.known(chain);
        let own = Arc::new(Known {
            // The keys of the hash are this process's own, and the count is this call's: tags of two
            // processes, or of two calls, differ.
            tag: format!("{:016x}", self.tags.hash_one(self.calls.fetch_add(1, Relaxed))),
            snapshot: Arc::new(snapshot.clone()),
            source: Source::Unwritten { above: before.and_then(|known| known.on_server()) },
        });
        // Known here before it is written: while the server is away, `load` answers from here.
        self.known.lock().expect("no holder panics").insert(chain, own.clone());
        self.write(chain, &own).await;
        Ok(())
    }
}
