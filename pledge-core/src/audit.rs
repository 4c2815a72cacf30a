//! Who did what: the record that every write by a person leaves, in the transaction that it describes.
//!
//! A write by a person takes an [`Attribution`]: who acts, when, and why. The store adds what it found
//! and what it left ([`Act`]), and numbers both as an [`AuditRecord`]. Nothing edits a record.
//! [`AuditReads`](crate::ports::AuditReads) lists them, and states what a store does about them.

mod act;
mod actor;
mod attribution;
mod object;
mod record;

pub use act::{Act, Action, Attempts, Snapshot};
pub use actor::{Actor, ActorKind};
pub use attribution::{Attribution, Reason, RequestId};
pub use object::AuditObject;
pub use record::{AuditNumber, AuditRecord};

use crate::types::OutOfRange;

/// A line that a person may have written: short, without control characters or spaces around it.
fn checked_line(
    what: &'static str,
    text: &str,
    chars_max: usize,
    bound: &'static str,
) -> Result<String, OutOfRange> {
    let is_short = (1..=chars_max).contains(&text.chars().count());
    if is_short && text.trim() == text && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(OutOfRange::new(what, format!("{text:?}"), bound))
    }
}

/// Text of a newtype over a checked line.
macro_rules! line_text {
    ($type:ident) => {
        impl $type {
            /// The text, as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = OutOfRange;

            fn try_from(text: String) -> Result<Self, OutOfRange> {
                Self::new(&text)
            }
        }

        impl std::str::FromStr for $type {
            type Err = OutOfRange;

            fn from_str(text: &str) -> Result<Self, OutOfRange> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(line: $type) -> Self {
                line.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

use line_text;
