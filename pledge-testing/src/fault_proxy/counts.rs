//! Counters by which a test checks that its fault happened.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Direction, Fate};

/// Counters of a proxy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that were reset at once.
    pub refused: u64,
    /// Connections that were reset later, for any reason.
    pub resets: u64,
    /// Bytes that reached the server.
    pub bytes_to_server: u64,
    /// Bytes that reached the client.
    pub bytes_to_client: u64,
    /// Reads whose bytes had to wait.
    pub slowed: u64,
    /// Bytes that were lost.
    pub bytes_swallowed: u64,
    /// Packets before which the connection was cut.
    pub cut_before: u64,
    /// Answers that were lost, with their connection or without.
    pub replies_dropped: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    connections: AtomicU64,
    refused: AtomicU64,
    resets: AtomicU64,
    bytes_to_server: AtomicU64,
    bytes_to_client: AtomicU64,
    slowed: AtomicU64,
    bytes_swallowed: AtomicU64,
    cut_before: AtomicU64,
    replies_dropped: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> FaultCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        FaultCounts {
            connections: of(&self.connections),
            refused: of(&self.refused),
            resets: of(&self.resets),
            bytes_to_server: of(&self.bytes_to_server),
            bytes_to_client: of(&self.bytes_to_client),
            slowed: of(&self.slowed),
            bytes_swallowed: of(&self.bytes_swallowed),
            cut_before: of(&self.cut_before),
            replies_dropped: of(&self.replies_dropped),
        }
    }

    pub(super) fn connected(&self) {
        add(&self.connections, 1);
    }

    pub(super) fn refused(&self) {
        add(&self.refused, 1);
    }

    pub(super) fn reset(&self) {
        add(&self.resets, 1);
    }

    pub(super) fn slowed(&self) {
        add(&self.slowed, 1);
    }

    pub(super) fn swallowed(&self, bytes: usize) {
        add(&self.bytes_swallowed, bytes);
    }

    pub(super) fn passed(&self, direction: Direction, bytes: usize) {
        match direction {
            Direction::ToServer => add(&self.bytes_to_server, bytes),
            Direction::ToClient => add(&self.bytes_to_client, bytes),
        }
    }

    pub(super) fn met(&self, fate: Fate) {
        match fate {
            Fate::CutBefore => add(&self.cut_before, 1),
            Fate::DropReply | Fate::SwallowReply => add(&self.replies_dropped, 1),
        }
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::SeqCst);
}
