//! Who did what.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::audit::{Action, Actor, AuditNumber, AuditObject, AuditRecord};
use crate::error::StoreError;

/// A page of records, newest first. Each filter that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only records below this number: a page goes on below the last of the page before. `None`
    /// starts at the newest.
    pub below: Option<AuditNumber>,
    /// Only records above this number: what is new to a reader that has those up to it.
    pub above: AuditNumber,
    /// Only those of this actor.
    pub actor: Option<Actor>,
    /// Only those of this action.
    pub action: Option<Action>,
    /// Only those about this object.
    pub object: Option<AuditObject>,
    /// The maximum number of records.
    pub limit: usize,
}

impl AuditQuery {
    /// The newest records of all actors.
    pub fn newest(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Whether the record is one that the query asks for.
    pub fn selects(&self, record: &AuditRecord) -> bool {
        let AuditRecord { number, by, act } = record;
        *number > self.above
            && self.below.is_none_or(|below| *number < below)
            && self.actor.as_ref().is_none_or(|actor| *actor == by.actor)
            && self.action.as_ref().is_none_or(|action| *action == act.action)
            && self.object.as_ref().is_none_or(|object| *object == act.object)
    }
}

/// Reads who did what. The records are written by the stores of the same database: every method of
/// theirs that takes an [`Attribution`](crate::audit::Attribution), and an operator's
/// [`Rewind`](super::Rewind).
///
/// # Contract
/// - Such a write that changes something leaves one record, in the transaction that changes it: who
///   acted, what the write found, and what it left. One that changes nothing, or is refused, leaves
///   none; so does what no person decides.
/// - Numbers ascend in the order in which records become visible, above
///   [`AuditNumber::START`]: once a record was read, no later read returns a new one below it.
/// - No call changes or removes a record: rewinds leave them, and so does pruning of events.
///
/// ```
/// use std::time::SystemTime;
///
/// use pledge_core::audit::{Action, Attribution};
/// use pledge_core::ports::{AuditQuery, AuditReads, Registry};
/// use pledge_core::types::ChainId;
/// use pledge_storage_memory::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let chain = ChainId::new(1);
/// store.register_chain(chain, "ethereum").await?;
/// let by = Attribution::program("backend", SystemTime::now())?.because("a new node".parse()?);
/// store.pause_chain(chain, &by).await?;
/// store.pause_chain(chain, &by).await?;
///
/// let records = store.audit(&AuditQuery::newest(10)).await?;
/// assert_eq!(records.len(), 1, "the second call found the chain paused");
/// assert_eq!(records[0].act.action, Action::PAUSE_CHAIN);
/// assert_eq!(records[0].by, by);
/// # Ok(())
/// # }
/// ```
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait AuditReads: Debug + Send + Sync + 'static {
    /// The records that the query selects, newest first.
    async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError>;
}
