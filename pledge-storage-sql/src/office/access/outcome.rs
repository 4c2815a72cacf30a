//! How a write ends that may be refused.

use pledge_office::access::{AccessError, Refused};

use crate::fault::Fault;
use crate::store::Call;

/// Why a write is not made.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(Refused),
    Fault(Fault),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Ends a write: commits what succeeded, takes back what was refused or failed.
pub(super) async fn finish<T>(call: Call, outcome: Result<T, Failure>) -> Result<T, AccessError> {
    match outcome {
        Ok(answer) => Ok(call.finish(Ok(answer)).await?),
        Err(Failure::Fault(fault)) => Ok(call.finish(Err(fault)).await?),
        Err(Failure::Refused(refused)) => {
            // The caller gets the refusal; the fault only takes the write back.
            let taken_back = call.finish::<T>(Err(Fault::conflict("the write is refused"))).await;
            drop(taken_back);
            Err(refused.into())
        }
    }
}
