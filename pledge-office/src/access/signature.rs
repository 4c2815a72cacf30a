//! Whether an account signed a message (pure).
//!
//! Three kinds of accounts sign. Which kind one is, its chain knows: an [`Inquiry`] has the questions and
//! decides by the answers, and [`Wallets`](super::Wallets) asks.
//!
//! 1. A contract that is not deployed yet (ERC-6492): the signature ends with a mark, and has the way to deploy it.
//! 2. A contract (ERC-1271): it is asked itself.
//! 3. A plain key: the address follows from the signature.
//!
//! They are tried in this order, since no key overrules what a contract answers.

use std::fmt;

use pledge_core::primitives::{Address, B256, Bytes, hex, keccak256};
use pledge_core::types::{Call, CallOutcome};

mod abi;
mod key;
mod simulation;

/// What a wallet returned for a message: the bytes of its signature, whatever form they have.
///
/// They are empty for a contract that keeps on its chain what its owners signed.
#[derive(Clone, PartialEq, Eq)]
pub struct WalletSignature(Bytes);

/// A text that is no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signature is `0x` and hex digits, of {} bytes at most", WalletSignature::BYTES_MAX)]
pub struct MalformedSignature;

/// How an account signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedBy {
    /// By the key that its address follows from.
    Key,
    /// Its contract accepts the signature now. What a contract accepts may change.
    Contract,
}

/// A signature that is none of the account for the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the signature is none of this account for this message: sign it with the account that it names"
)]
pub struct NotSigned;

/// A question about a signature: what its chain is asked, and what follows from the answers.
#[derive(Debug, Clone)]
pub struct Inquiry {
    account: Address,
    digest: B256,
    signature: WalletSignature,
    /// Whether a deployment is simulated before the contract is asked.
    is_counterfactual: bool,
    calls: Vec<Call>,
}

impl WalletSignature {
    /// The longest signature, in bytes. Where it has a deployment, that is most of it.
    pub const BYTES_MAX: usize = 16 * 1_024;

    /// Reads `0x` and hex digits.
    pub fn parse(text: &str) -> Result<Self, MalformedSignature> {
        let digits = text.strip_prefix("0x").filter(|digits| digits.len() <= 2 * Self::BYTES_MAX);
        // A second `0x` is none of the digits, though decoding would take it off.
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let bytes = digits.and_then(|digits| hex::decode(digits).ok());
        bytes.map(|bytes| Self(bytes.into())).ok_or(MalformedSignature)
    }

    /// Bytes that were one before.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, MalformedSignature> {
        if bytes.len() <= Self::BYTES_MAX { Ok(Self(bytes)) } else { Err(MalformedSignature) }
    }

    /// Its bytes.
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }
}

impl fmt::Debug for WalletSignature {
    /// With its length alone: it lets its holder in until its nonce is used.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WalletSignature({} bytes)", self.0.len())
    }
}

/// What is signed of a message: its hash under version `E` of EIP-191, with its length in bytes.
pub fn message_digest(message: &str) -> B256 {
    let head = format!("\x19Ethereum Signed Message:\n{}", message.len());
    keccak256([head.as_bytes(), message.as_bytes()].concat())
}

/// The code of an account that a key has delegated to a contract (EIP-7702): this and an address.
const DELEGATION: [u8; 3] = [0xef, 0x01, 0x00];

impl Inquiry {
    /// Whether an account signed a digest. An error where no chain needs to be asked to refuse it.
    pub fn new(
        account: Address,
        digest: B256,
        signature: &WalletSignature,
    ) -> Result<Self, NotSigned> {
        let code = Call::Code(account);
        let is_valid = |signature: &[u8]| abi::is_valid_signature(digest, signature);
        let ask = |to, data: Vec<u8>| Call::Contract { to, data: data.into() };
        let signed = signature.bytes();
        let calls = match abi::counterfactual(signed) {
            None => vec![code, ask(Some(account), is_valid(signed))],
            // The contract may be deployed since: then it answers without a simulation. It may also need
            // what the factory does though it is deployed, so that both are asked.
            Some(Ok(abi::Counterfactual { factory, deployment, signature })) => {
                let check = is_valid(signature);
                let simulation = simulation::code(factory, deployment, account, &check);
                vec![code, ask(Some(account), check), ask(None, simulation)]
            }
            Some(Err(abi::Malformed)) => return Err(NotSigned),
        };
        let is_counterfactual = calls.len() == 3;
        let signature = signature.clone();
        Ok(Self { account, digest, signature, is_counterfactual, calls })
    }

    /// What to ask the account's chain, all at one block.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// What follows from the outcomes of [`Inquiry::calls`], in their order.
    ///
    /// A contract that reverts, or answers with anything but the word of ERC-1271, has not signed. An account
    /// whose code is a delegation (EIP-7702) is still ruled by its key: where the key signed it is asked no further,
    /// so that its user stays the same when it delegates.
    pub fn decide(&self, outcomes: &[CallOutcome]) -> Result<SignedBy, NotSigned> {
        let answer = |index: usize| outcomes.get(index).and_then(|outcome| outcome.as_ref().ok());
        let accepts =
            |index: usize, word: [u8; 32]| answer(index).is_some_and(|bytes| bytes[..] == word);
        let code = answer(0).ok_or(NotSigned)?;
        let has_key = !self.is_counterfactual && (code.is_empty() || is_delegation(code));
        let signer = has_key.then(|| key::signer(self.digest, self.signature.bytes())).flatten();
        let is_accepted = (!code.is_empty() && accepts(1, abi::ACCEPTED))
            || (self.is_counterfactual && accepts(2, simulation::ACCEPTED));
        match signer {
            Some(signer) if signer == self.account => Ok(SignedBy::Key),
            _ if is_accepted => Ok(SignedBy::Contract),
            _ => Err(NotSigned),
        }
    }
}

fn is_delegation(code: &[u8]) -> bool {
    code.len() == DELEGATION.len() + 20 && code.starts_with(&DELEGATION)
}

#[cfg(test)]
#[path = "signature/signature_tests.rs"]
mod tests;
