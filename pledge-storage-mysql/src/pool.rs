//! Connections that are kept for the next call.
//!
//! Two things differ from the driver's own pool. An attempt to connect that fails is reported at
//! once, with its cause: whether and when to try again is up to the caller. And what a dropped call
//! leaves behind is finished in the background ([`Pool::finish`]), so that its connection serves
//! again.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::Fault;
use sqlx::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use crate::endpoint::Endpoint;
use crate::session::{Role, Session};
use crate::timeouts::{Listener, Timeouts};

/// Connections of one role to one database. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    place: Endpoint,
    role: Role,
    patience: Timeouts,
    connections_max: u32,
    room: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
    attempts: Mutex<Attempts>,
    is_closing: watch::Sender<bool>,
}

/// Attempts to connect.
#[derive(Debug, Default)]
struct Attempts {
    under_way: usize,
    /// What the newest came to that has ended, where it failed.
    failed: Option<(StoreErrorKind, String)>,
}

/// Room for a connection.
pub(crate) struct Room {
    pool: Pool,
    _permit: OwnedSemaphorePermit,
}

/// A connection in use. Dropped, it is closed, and the server rolls back what it began.
pub(crate) struct Slot {
    pub(crate) session: Session,
    pub(crate) listener: Listener,
    room: Room,
}

impl Pool {
    /// Nothing is connected yet.
    pub(crate) fn new(
        place: Endpoint,
        role: Role,
        connections_max: u32,
        patience: Timeouts,
    ) -> Self {
        Self(Arc::new(Shared {
            place,
            role,
            patience,
            connections_max,
            room: Arc::new(Semaphore::new(connections_max as usize)),
            idle: Mutex::default(),
            attempts: Mutex::default(),
            is_closing: watch::Sender::new(false),
        }))
    }

    /// Another one of the same role to the same place. Nothing is connected yet.
    pub(crate) fn another(&self, connections_max: u32) -> Self {
        let Shared { place, role, patience, .. } = &*self.0;
        Self::new(place.clone(), *role, connections_max, *patience)
    }

    /// Waits until one connection more may be used.
    pub(crate) async fn room(&self) -> Result<Room, Fault> {
        let Shared { room, patience, connections_max, .. } = &*self.0;
        match timeout(patience.connection, room.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Room { pool: self.clone(), _permit: permit }),
            Ok(Err(_)) => Err(Fault::unavailable("the store is closed")),
            Err(_) => Err(Fault::unavailable(format!(
                "all {connections_max} connections have been in use for {:?}",
                patience.connection
            ))),
        }
    }

    /// Finishes work that no caller waits for any more, unless that takes long.
    pub(crate) async fn finish(&self, work: impl Future<Output = ()>) {
        let mut is_closing = self.0.is_closing.subscribe();
        tokio::select! {
            () = work => {}
            () = tokio::time::sleep(self.0.patience.connection) => {}
            _ = is_closing.wait_for(|is_closing| *is_closing) => {}
        }
    }

    /// Waits for the calls under way and closes every connection.
    pub(crate) async fn close(&self) {
        let Shared { room, patience, connections_max, is_closing, .. } = &*self.0;
        is_closing.send_replace(true);
        // Calls that wait already go first; closed before that, the room would refuse them.
        let _all = room.acquire_many(*connections_max).await;
        room.close();
        let idle = std::mem::take(&mut *self.idle());
        for Session { connection, .. } in idle {
            // One that cannot be closed politely is closed by being dropped.
            let _ = timeout(patience.answer, connection.close()).await;
        }
    }

    async fn connect(&self) -> Result<Session, Fault> {
        let Shared { place, role, patience, .. } = &*self.0;
        let attempt = Attempt::begin(self)?;
        let opened = place.open(*role, *patience).await;
        attempt.ended(opened.as_ref().err());
        opened
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.0.idle.lock().expect("no holder panics")
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.0.attempts.lock().expect("no holder panics")
    }
}

impl Room {
    /// A connection that is alive: one that was kept, else a new one.
    pub(crate) async fn connection(self) -> Result<Slot, Fault> {
        let Shared { patience, connections_max, .. } = &*self.pool.0;
        // Several that have died in their sleep are found within the time for one.
        let for_a_sleeper: Duration = patience.connection / (2 * connections_max);
        let listener = Listener::new(patience.answer);
        loop {
            let Some(mut session) = self.pool.idle().pop() else { break };
            // A server or a proxy may have closed a connection that was idle: no age limit shows
            // that, a ping does.
            if let Ok(Ok(())) = timeout(for_a_sleeper, session.connection.ping()).await {
                return Ok(Slot { session, listener, room: self });
            }
        }
        let session = self.pool.connect().await?;
        Ok(Slot { session, listener, room: self })
    }
}

impl Slot {
    /// Runs a statement without values, for what it does.
    pub(crate) async fn send(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        let Self { session, listener, .. } = self;
        let done = sqlx::raw_sql(statement).execute(&mut session.connection);
        listener.wait_for(done).await.map(|_| ())
    }

    /// Keeps the connection for the next call. Its own has ended, and left nothing behind.
    pub(crate) fn give_back(self) {
        let Self { session, room, .. } = self;
        room.pool.idle().push(session);
    }

    /// Takes back what its call began, and keeps the connection for the next one.
    pub(crate) async fn take_back(mut self) {
        if !self.listener.has_given_up() && self.send("ROLLBACK").await.is_ok() {
            self.give_back();
        }
    }
}

/// One attempt to connect. While the newest has failed, one call tries again and the others are
/// refused with that cause, so that no caller waits for what another is finding out.
struct Attempt<'a>(&'a Pool);

impl<'a> Attempt<'a> {
    fn begin(pool: &'a Pool) -> Result<Self, Fault> {
        let mut attempts = pool.attempts();
        if let (1.., Some((kind, text))) = (attempts.under_way, &attempts.failed) {
            return Err(Fault::new(*kind, text.clone()));
        }
        attempts.under_way += 1;
        Ok(Self(pool))
    }

    fn ended(self, failed: Option<&Fault>) {
        self.0.attempts().failed = failed.map(|fault| (fault.kind(), fault.explained()));
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.0.attempts().under_way -= 1;
    }
}
