//! The packet that a test waits for.

use std::sync::Mutex;

/// The fate of the connection that sends the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The packet does not reach the server, and the connection is reset: the request did not
    /// happen.
    CutBefore,
    /// The packet reaches the server, which answers; the answer is lost, and the connection is
    /// reset: the request did happen, and the client cannot know.
    DropReply,
    /// The same, and the connection stays open: the client waits for an answer that does not come.
    SwallowReply,
}

/// Longer patterns are refused: this many bytes of the past are kept.
const BYTES_MAX: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Traps {
    next: Mutex<Option<(Vec<u8>, Fate)>>,
}

impl Traps {
    pub(super) fn set(&self, bytes: Vec<u8>, fate: Fate) {
        assert!((1..=BYTES_MAX).contains(&bytes.len()), "a trap is of 1 to {BYTES_MAX} bytes");
        *self.next.lock().expect("no holder panics") = Some((bytes, fate));
    }

    pub(super) fn clear(&self) {
        *self.next.lock().expect("no holder panics") = None;
    }

    pub(super) fn is_set(&self) -> bool {
        self.next.lock().expect("no holder panics").is_some()
    }

    /// Springs the trap if its bytes end in `sent`, of which `before` was sent earlier.
    fn spring(&self, before: &[u8], sent: &[u8]) -> Option<Fate> {
        let mut next = self.next.lock().expect("no holder panics");
        let (bytes, fate) = next.as_ref()?;
        let overlap = before.len().min(bytes.len() - 1);
        let seen = [&before[before.len() - overlap..], sent].concat();
        let fate = seen.windows(bytes.len()).any(|part| part == bytes).then_some(*fate)?;
        *next = None;
        Some(fate)
    }
}

/// The last bytes that one connection sent, so that a pattern split over two reads is found.
#[derive(Debug, Default)]
pub(super) struct Sent {
    last: Vec<u8>,
}

impl Sent {
    pub(super) fn met(&mut self, traps: &Traps, sent: &[u8]) -> Option<Fate> {
        let fate = traps.spring(&self.last, sent);
        self.last.extend_from_slice(sent);
        let excess = self.last.len().saturating_sub(BYTES_MAX);
        self.last.drain(..excess);
        fate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_split_over_two_reads_are_found_and_only_once() {
        let (traps, mut sent) = (Traps::default(), Sent::default());
        traps.set(b"COMMIT".to_vec(), Fate::CutBefore);
        assert_eq!(sent.met(&traps, b"xCOM"), None);
        assert_eq!(sent.met(&traps, b"MITx"), Some(Fate::CutBefore));
        assert_eq!(sent.met(&traps, b"COMMIT"), None);
    }

    #[test]
    fn a_trap_is_not_sprung_by_what_was_sent_before_it_was_set() {
        let (traps, mut sent) = (Traps::default(), Sent::default());
        sent.met(&traps, b"COMMIT");
        traps.set(b"COMMIT".to_vec(), Fate::DropReply);
        assert_eq!(sent.met(&traps, b"x"), None);
        assert!(traps.is_set());
    }
}
