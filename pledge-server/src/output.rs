//! Results, on standard output: text for people, or one JSON value for programs.

use std::fmt::Display;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// As text.
    Text,
    /// As JSON, and nothing else.
    Json,
}

/// Serialises as the text shown to people: an address with its EIP-55 checksum.
pub fn as_text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Output {
    /// Prints a result. A reader that has gone away is no error.
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
