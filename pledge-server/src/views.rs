//! What the command line and the HTTP API show alike: the same fields, the same words.

mod age;
mod chain;
mod health;
mod marks;
mod settlement;

use std::fmt;

use pledge_core::error::StoreError;
use pledge_core::primitives::Address;
use serde::{Serialize, Serializer};

pub(crate) use age::Age;
pub(crate) use chain::ChainView;
pub(crate) use health::ChainHealth;
pub(crate) use marks::{MarkedToken, Marks};
pub(crate) use settlement::{
    FailureView, SettlementId, SettlementStatus, SettlementView, by_window, newest,
};

/// An address with its EIP-55 checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Eip55(pub(crate) Address);

impl fmt::Display for Eip55 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Eip55 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How many of a chain's tokens are halted.
fn counted_tokens(halted: usize, of: usize) -> String {
    format!("{halted} of {of} tokens halted")
}

/// How often an answer starts again when the ledger is rewound under it.
const ATTEMPTS_MAX: usize = 5;

/// An answer made of several reads. An attempt that saw two epochs answers `None` and starts again.
pub(crate) async fn in_one_epoch<T, E, F>(mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    E: From<StoreError>,
    F: Future<Output = Result<Option<T>, E>>,
{
    for _ in 0..ATTEMPTS_MAX {
        if let Some(answer) = attempt().await? {
            return Ok(answer);
        }
    }
    Err(StoreError::conflict("answer a request", "the ledger is being rewound").into())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use pledge_core::error::StoreErrorKind;

    use super::*;

    #[tokio::test]
    async fn an_answer_that_meets_a_rewind_starts_again() {
        let calls = Cell::new(0);
        let attempt = async || {
            calls.set(calls.get() + 1);
            Ok::<_, StoreError>((calls.get() == 3).then_some("answer"))
        };
        assert_eq!(in_one_epoch(attempt).await.unwrap(), "answer");
    }

    #[tokio::test]
    async fn an_answer_that_meets_rewinds_again_and_again_gives_up() {
        let calls = Cell::new(0);
        let attempt = async || {
            calls.set(calls.get() + 1);
            Ok::<_, StoreError>(None::<()>)
        };
        let error = in_one_epoch(attempt).await.unwrap_err();
        assert_eq!((error.kind(), calls.get()), (StoreErrorKind::Conflict, ATTEMPTS_MAX));
    }
}
