//! The block in which a contract came to be.

use alloy::primitives::{Address, Bytes};
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ports::ChainSource;
use pledge_core::types::BlockNumber;

use crate::chain::EvmChain;
use crate::classify::{Failure, Fault};
use crate::token::{code_call, no_code};

const OPERATION: &str = "find the block of deployment";

impl EvmChain {
    /// The first block with the token's code, by bisection between genesis and the head.
    ///
    /// `Persistent` if there is no code at the head, or if the node does not keep the state of old
    /// blocks. A contract that destroyed itself and was deployed again gives one of its deployments.
    pub async fn find_deployment_block(&self, token: Address) -> Result<BlockNumber, ChainError> {
        let head = self.head().await?.number;
        // Only this answer may fail for another reason than missing history.
        let code = self.code(token, head).await;
        if code.map_err(|failure| failure.during(OPERATION))?.is_empty() {
            return Err(no_code(OPERATION, token));
        }
        let (mut lower, mut upper) = (0, head.get());
        while lower < upper {
            let middle = lower + (upper - lower) / 2;
            if self.has_code(token, BlockNumber::new(middle)).await? {
                upper = middle;
            } else {
                lower = middle + 1;
            }
        }
        Ok(BlockNumber::new(upper))
    }

    /// Whether the node keeps the state of the first blocks, without which no block of deployment can
    /// be found.
    pub async fn keeps_history(&self) -> Result<bool, ChainError> {
        // Many nodes without history keep the state of genesis all the same.
        let first = BlockNumber::new(1).min(self.head().await?.number);
        match self.code(Address::ZERO, first).await {
            Ok(_) => Ok(true),
            Err(failure) if is_missing_history(failure.fault) => Ok(false),
            Err(failure) => Err(failure.during("look for old state")),
        }
    }

    async fn code(&self, token: Address, block: BlockNumber) -> Result<Bytes, Failure> {
        let call = code_call(token, &format!("{:#x}", block.get()));
        self.rpc().call(call).await
    }

    async fn has_code(&self, token: Address, block: BlockNumber) -> Result<bool, ChainError> {
        match self.code(token, block).await {
            Ok(code) => Ok(!code.is_empty()),
            Err(mut failure) if is_missing_history(failure.fault) => {
                failure.detail = format!(
                    "cannot read the code of {token} at block {block}: set start_block, \
                     or use a node with full history ({})",
                    failure.detail
                );
                Err(failure.during_as(ChainErrorKind::Persistent, OPERATION))
            }
            Err(failure) => Err(failure.during(OPERATION)),
        }
    }
}

/// Nodes tell of pruned state in many ways, and all of them are an error answer.
const fn is_missing_history(fault: Fault) -> bool {
    matches!(fault, Fault::Refused | Fault::BadParams | Fault::BlockMissing | Fault::Unsupported)
}
