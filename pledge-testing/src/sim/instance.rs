//! The drivers of one process, and its current work.

use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll as Polled;
use std::time::{Duration, SystemTime};

use pledge_core::event::Consumer;
use pledge_core::indexer::{Indexer, Poll};
use pledge_core::notify::{DispatchError, Dispatcher, Drained};
use pledge_core::points::{SettleReport, Settler, SettlerError};
use pledge_core::ports::PendingCache;
use pledge_core::query::{AccountView, Queries, QueryError};
use pledge_core::stop::Stop;
use pledge_core::types::{Account, ProgrammeId, Timestamp};

use super::control::{Control, Died};
use super::dice::Dice;
use super::history::{ACCOUNTS, token};
use super::node::Node;
use super::receiver::Inbox;
use super::store::{Pending, Store};
use super::swarm::Swarm;
use crate::ManualClock;
use crate::world::{CHAIN, account};

/// What processes are built from and share.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) control: Arc<Control>,
    /// Each process reaches a node of its own.
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) store: Arc<Store>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) swarm: Swarm,
}

impl Surroundings {
    /// The node of one process.
    pub(super) fn pick_node(&self, dice: &mut Dice) -> &Node {
        let count = u64::try_from(self.nodes.len()).expect("few");
        &self.nodes[usize::try_from(dice.below(count)).expect("few")]
    }
}

/// A question, and the number of states and rules before it was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) account: Account,
    pub(super) at: Option<Timestamp>,
    pub(super) since: usize,
    pub(super) rules: usize,
}

/// The result of a piece of work.
pub(super) enum Done {
    Indexed(Box<Indexer>, Poll),
    Settled(Result<SettleReport, SettlerError>),
    Delivered(Result<Drained, DispatchError>),
    Answered(Asked, Box<Result<AccountView, QueryError>>),
}

type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

pub(super) struct Instance {
    /// The index of this process.
    at: usize,
    pending: Arc<Pending>,
    indexer: Option<Box<Indexer>>,
    settler: Settler,
    dispatcher: Dispatcher,
    pub(super) queries: Queries,
    work: Option<(Work, bool)>,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}

impl Instance {
    /// A process that just started.
    pub(super) fn start(around: &Surroundings, at: usize, pending: Arc<Pending>) -> Self {
        let Surroundings { nodes, store, inbox, swarm, .. } = around;
        let cache: Arc<dyn PendingCache> = pending.clone();
        let node = nodes[at.min(nodes.len() - 1)].clone();
        let config = if at == 0 { swarm.indexer } else { swarm.second };
        let indexer = Indexer::new(CHAIN, node, store.clone(), cache.clone(), config)
            .keeping_logs(store.clone());
        let consumer = Consumer::new("sim").expect("a valid name");
        let at_once = NonZeroUsize::new(swarm.tell_at_once).expect("at least one");
        Self {
            at,
            pending,
            indexer: Some(Box::new(indexer)),
            settler: Settler::new(store.clone(), store.clone(), swarm.settler),
            dispatcher: Dispatcher::new(store.clone(), inbox.clone(), consumer)
                .with_batch_events_max(at_once),
            queries: Queries::new(store.clone(), store.clone(), store.clone(), cache),
            work: None,
        }
    }

    /// Replaces this process by a new one, which keeps nothing but the cache.
    pub(super) fn start_again(&mut self, around: &Surroundings) {
        *self = Self::start(around, self.at, self.pending.clone());
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.work.is_none()
    }

    /// Whether a step of the indexer is under way.
    pub(super) fn is_indexing(&self) -> bool {
        self.work.as_ref().is_some_and(|(_, indexing)| *indexing)
    }

    pub(super) fn index(&mut self, now: SystemTime) {
        let mut indexer = self.indexer.take().expect("it is back when the work is done");
        let work = async move {
            let poll = indexer.poll(now).await;
            Done::Indexed(indexer, poll)
        };
        self.work = Some((Box::pin(work), true));
    }

    /// Settles, until a deadline on the clock if there is one.
    pub(super) fn settle(&mut self, clock: &Arc<ManualClock>, deadline: Option<Duration>) {
        let settler = self.settler.clone();
        let stop = match deadline {
            Some(deadline) => Stop::never().or_at(clock.clone(), deadline),
            None => Stop::never(),
        };
        let work = async move { Done::Settled(settler.settle_chain(CHAIN, &stop, |_| {}).await) };
        self.work = Some((Box::pin(work), false));
    }

    pub(super) fn deliver(&mut self) {
        let dispatcher = self.dispatcher.clone();
        let work = async move { Done::Delivered(dispatcher.drain(&Stop::never()).await) };
        self.work = Some((Box::pin(work), false));
    }

    pub(super) fn ask(&mut self, asked: Asked) {
        let queries = self.queries.clone();
        let work = async move {
            let main = ProgrammeId::main(token(0));
            let view = queries.account(token(0), asked.account, Some(&main), asked.at).await;
            Done::Answered(asked, Box::new(view))
        };
        self.work = Some((Box::pin(work), false));
    }

    /// Continues to the next crash point. `None` while the work is not done.
    pub(super) fn go_on(&mut self, control: &Control) -> Result<Option<Done>, Died> {
        let Some((work, _)) = &mut self.work else {
            return Ok(None);
        };
        match control.poll(work.as_mut())? {
            Polled::Pending => Ok(None),
            Polled::Ready(done) => {
                self.work = None;
                Ok(Some(done))
            }
        }
    }

    /// Takes the indexer back after a step.
    pub(super) fn take_back(&mut self, indexer: Box<Indexer>) {
        self.indexer = Some(indexer);
    }
}

/// A random account, sometimes one that was never seen.
pub(super) fn anybody(dice: &mut Dice) -> Account {
    account(dice.between(1, ACCOUNTS + 2))
}
