//! The trace of a run: a hash over all that happened, and its lines if they are requested.

use std::fmt::Write;

/// FNV-1a over everything noted.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    hash: u64,
    lines: Option<String>,
}

impl Trace {
    pub(super) fn new(keep_lines: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: keep_lines.then(String::new) }
    }

    pub(super) fn word(&mut self, word: &str) {
        self.bytes(word.as_bytes());
        if let Some(lines) = &mut self.lines {
            lines.push(' ');
            lines.push_str(word);
        }
    }

    pub(super) fn number(&mut self, name: &str, number: u64) {
        self.bytes(&number.to_le_bytes());
        if let Some(lines) = &mut self.lines {
            write!(lines, " {name}={number}").expect("text can be written");
        }
    }

    /// Begins a line.
    pub(super) fn line(&mut self, tick: u64, what: &str) {
        self.bytes(what.as_bytes());
        if let Some(lines) = &mut self.lines {
            write!(lines, "\n{tick:>5} {what}").expect("text can be written");
        }
    }

    /// A line that is not part of the hash.
    pub(super) fn remark(&mut self, remark: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push_str(" | ");
            lines.push_str(&remark());
        }
    }

    pub(super) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn lines(&self) -> Option<&str> {
        self.lines.as_deref()
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
