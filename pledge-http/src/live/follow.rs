//! The tasks that follow what happens: the log of events, and how far the chains are.

use std::collections::BTreeMap;

use pledge_core::error::StoreError;
use pledge_core::event::{EventSeq, SequencedEvent};
use pledge_core::ports::ChainState;
use pledge_core::types::ChainId;
use tokio::time::Instant;

use super::Topic;
use super::cut::Cut;
use super::hub::Hub;
use super::meter::Counts;
use super::texts::Texts;
use super::touched::{Mark, StateKey, Touched, touched};

/// Events read at once.
const PAGE_EVENTS: usize = 500;
/// Looks without an event after which the log is compared with what it keeps: a database may be replaced.
const COMPARED_EVERY: u32 = 10;

/// Passes events on, for ever: as soon as there is a hint, and after a while without one.
pub(super) async fn events(hub: &Hub) {
    let mut follower = Follower { is_sure: true, idle: 0 };
    loop {
        match follower.step(hub).await {
            Ok(0) => until_hint(hub).await,
            Ok(_) => {}
            Err(error) => {
                tracing::debug!("the live streams cannot read the log, trying again: {error}");
                follower.is_sure = false;
                tokio::time::sleep(hub.0.parts.limits.look_every).await;
            }
        }
    }
}

async fn until_hint(hub: &Hub) {
    tokio::select! {
        () = hub.0.hint.notified() => {}
        () = tokio::time::sleep(hub.0.parts.limits.look_every) => {}
    }
}

struct Follower {
    /// Whether the position was of this log when it was looked at last.
    is_sure: bool,
    /// Looks without an event since.
    idle: u32,
}

impl Follower {
    /// Passes a page on; how many events it had.
    async fn step(&mut self, hub: &Hub) -> Result<usize, StoreError> {
        let log = &hub.0.parts.events;
        let position = hub.table().position;
        let Some(from) = position else {
            let newest = log.kept_events().await?.newest;
            hub.table().position = Some(newest);
            hub.0.opened.notify_waiters();
            return Ok(0);
        };
        let page = log.events(from, PAGE_EVENTS).await?;
        self.idle = if page.is_empty() { self.idle + 1 } else { 0 };
        // The page first, as the log asks of a reader that was away.
        if !self.is_sure || self.idle >= COMPARED_EVERY {
            let kept = log.kept_events().await?;
            if !kept.continue_after(from) {
                tracing::warn!("the log of events is another one: the live streams begin again");
                begin_again(hub, kept.newest);
                return Ok(0);
            }
            (self.is_sure, self.idle) = (true, 0);
        }
        let Some(newest) = page.last().map(|event| event.sequence) else { return Ok(0) };
        pass_on(hub, &page, newest);
        if let Some(hints) = &hub.0.parts.hints {
            hints.publish(newest).await;
        }
        Ok(page.len())
    }
}

/// Puts events into the queues of their readers, and marks what they may have changed.
fn pass_on(hub: &Hub, page: &[SequencedEvent], newest: EventSeq) {
    // Written before the lock is taken, and once for all readers.
    let written: Vec<(EventSeq, Touched, Texts)> = page
        .iter()
        .map(|event| {
            let touched = touched(&event.event);
            let texts = Texts::of_event(event, &touched);
            (event.sequence, touched, texts)
        })
        .collect();
    let mut table = hub.table();
    let (mut passed, mut sent) = (0, 0);
    for (sequence, touched, texts) in &written {
        let followers = table.followers(&touched.topics);
        passed += u64::from(!touched.topics.is_empty());
        sent += u64::try_from(followers.len()).unwrap_or(u64::MAX);
        let full = followers.into_iter().filter(|reader| reader.put_event(*sequence, texts));
        hub.cut_all(&mut table, full.collect(), Cut::Slow);
        touched.marks.iter().for_each(|mark| table.mark(*mark));
    }
    table.position = Some(newest);
    drop(table);
    Counts::add(&hub.0.counts.events, passed);
    Counts::add(&hub.0.counts.sent, sent);
    hub.0.due.notify_one();
}

/// What readers have seen is of another log: they come again, and begin with a snapshot.
fn begin_again(hub: &Hub, newest: EventSeq) {
    let readers: Vec<_> = {
        let mut table = hub.table();
        table.position = Some(newest);
        table.readers.values().cloned().collect()
    };
    readers.iter().for_each(|reader| hub.cut(reader, Cut::Reset));
}

/// Looks how far the chains are, for ever: a new head leaves no event. Now and then everything that is
/// followed is read again, since some facts, as a pause of a token, leave none either.
pub(super) async fn chains(hub: &Hub) {
    let limits = hub.0.parts.limits;
    let mut seen = BTreeMap::new();
    let mut reread = Instant::now();
    loop {
        let is_wanted = {
            let table = hub.table();
            table.is_followed(&Topic::Chains) || table.has_accounts()
        };
        // Who follows neither needs no look, and an idle hub costs the store one read a second.
        if is_wanted {
            match hub.0.parts.queries.ledger().chains().await {
                Ok(chains) => seen = look(hub, &seen, chains),
                Err(error) => tracing::debug!("chains cannot be looked at, trying again: {error}"),
            }
        }
        if reread.elapsed() >= limits.reread_every {
            reread = Instant::now();
            hub.table().mark_all();
        }
        hub.table().retry();
        hub.0.due.notify_one();
        tokio::select! {
            () = hub.0.look.notified() => {}
            () = tokio::time::sleep(limits.look_every) => {}
        }
    }
}

type Seen = BTreeMap<ChainId, ChainState>;

fn look(hub: &Hub, seen: &Seen, chains: Vec<ChainState>) -> Seen {
    let mut table = hub.table();
    for mark in moved(seen, &chains) {
        table.mark(mark);
    }
    // Those that are followed since a moment ago.
    let known: Vec<ChainId> = table.known_chains().collect();
    for state in chains.iter().filter(|state| !known.contains(&state.chain)) {
        table.mark_key(StateKey::Chain(state.chain));
    }
    chains.into_iter().map(|state| (state.chain, state)).collect()
}

/// What a look at the chains shows to have changed. Where another block is the newest, balances above the
/// confirmed block may be others.
fn moved(seen: &Seen, chains: &[ChainState]) -> Vec<Mark> {
    let mut marks = Vec::new();
    for state in chains {
        let before = seen.get(&state.chain);
        if before != Some(state) {
            marks.push(Mark::Chain(state.chain));
        }
        let heights = |state: &ChainState| (state.head, state.processed);
        if before.is_some_and(|before| heights(before) != heights(state)) {
            marks.push(Mark::AccountsOfChain(state.chain));
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use pledge_core::indexer::ChainStatus;
    use pledge_core::types::BlockNumber;

    use super::*;

    const CHAIN: ChainId = ChainId::new(1);

    fn at(head: u64, status: ChainStatus) -> ChainState {
        let head = Some(BlockNumber::new(head));
        let name = "one".to_owned();
        ChainState { chain: CHAIN, name, status, head, head_time: None, processed: head }
    }

    #[test]
    fn a_new_head_touches_the_chain_and_its_accounts_and_a_new_status_the_chain_alone() {
        let seen = Seen::from([(CHAIN, at(5, ChainStatus::Live))]);
        let (chain, accounts) = (Mark::Chain(CHAIN), Mark::AccountsOfChain(CHAIN));
        assert_eq!(moved(&seen, &[at(5, ChainStatus::Live)]), []);
        assert_eq!(moved(&seen, &[at(6, ChainStatus::Live)]), [chain, accounts]);
        assert_eq!(moved(&seen, &[at(5, ChainStatus::Syncing)]), [chain]);
        assert_eq!(moved(&Seen::new(), &[at(5, ChainStatus::Live)]), [chain]);
    }
}
