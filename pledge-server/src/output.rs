//! Results on standard output: text, or one JSON value for programs.

use std::fmt::Display;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Text,
    /// One JSON value, and nothing else.
    Json,
}

/// Serialises a value by its `Display`: an address with its EIP-55 checksum.
pub fn as_text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// A number of things as text: `1 account`, `2 accounts`, `2 batches`.
pub fn counted(number: u64, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ if one.ends_with("ch") => format!("{number} {one}es"),
        _ => format!("{number} {one}s"),
    }
}

impl Output {
    /// Prints a result. A closed pipe is not an error.
    pub fn print<T: Display + Serialize>(self, result: &T) -> io::Result<()> {
        let text = match self {
            Self::Text => result.to_string(),
            Self::Json => serde_json::to_string(result)?,
        };
        match writeln!(io::stdout().lock(), "{}", text.trim_end()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_no_plural() {
        assert_eq!(counted(1, "account"), "1 account");
        assert_eq!(counted(0, "account"), "0 accounts");
        assert_eq!(counted(2, "batch"), "2 batches");
    }
}
