//! A program that deploys a contract and asks it, in one call that leaves nothing on the chain.

use pledge_core::primitives::Address;

use super::abi::word;

/// The code of a creation, as `eth_call` without a receiver runs it.
///
/// Behind it are three words, the factory, the account and the length of the deployment, then the deployment and
/// the check. It calls the factory, whose outcome does not matter: what is there afterwards is asked. It asks
/// with `STATICCALL`, as ERC-1271 wants, and returns the word 1 if the account has code then and returned the
/// word of ERC-1271 and nothing else, and 0 if not.
#[rustfmt::skip]
const PROGRAM: &[u8] = &[
    // Everything behind the program becomes the memory.
    0x60, LENGTH, 0x80, 0x38, 0x03,             // PUSH1 LENGTH, DUP1, CODESIZE, SUB
    0x90, 0x60, 0x00, 0x39,                     // SWAP1, PUSH1 0, CODECOPY
    // The factory is called with the deployment, and nothing of its answer is kept.
    0x60, 0x00, 0x60, 0x00,                     // PUSH1 0, PUSH1 0
    0x60, 0x40, 0x51, 0x60, HEAD,               // PUSH1 64, MLOAD, PUSH1 HEAD
    0x60, 0x00, 0x60, 0x00, 0x51,               // PUSH1 0, PUSH1 0, MLOAD
    0x5a, 0xf1, 0x50,                           // GAS, CALL, POP
    // The account is called with what follows the deployment, and its answer is kept in the first word.
    0x60, 0x20, 0x60, 0x00,                     // PUSH1 32, PUSH1 0
    0x60, 0x40, 0x51, 0x60, HEAD, 0x01,         // PUSH1 64, MLOAD, PUSH1 HEAD, ADD
    0x80, 0x60, LENGTH, 0x01, 0x38, 0x03,       // DUP1, PUSH1 LENGTH, ADD, CODESIZE, SUB
    0x90, 0x60, 0x20, 0x51,                     // SWAP1, PUSH1 32, MLOAD
    0x5a, 0xfa,                                 // GAS, STATICCALL
    // It returned without an error, it has code, it returned 32 bytes, and they are the word.
    0x60, 0x20, 0x51, 0x3b, 0x15, 0x15, 0x16,   // PUSH1 32, MLOAD, EXTCODESIZE, ISZERO, ISZERO, AND
    0x3d, 0x60, 0x20, 0x14, 0x16,               // RETURNDATASIZE, PUSH1 32, EQ, AND
    0x63, 0x16, 0x26, 0xba, 0x7e,               // PUSH4 0x1626ba7e
    0x60, 0xe0, 0x1b,                           // PUSH1 224, SHL
    0x60, 0x00, 0x51, 0x14, 0x16,               // PUSH1 0, MLOAD, EQ, AND
    0x60, 0x00, 0x52, 0x60, 0x20, 0x60, 0x00, 0xf3, // PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN
];

/// The bytes of [`PROGRAM`].
const LENGTH: u8 = 81;
/// The bytes of the three words behind it.
const HEAD: u8 = 96;

/// What the program returns where the contract accepts the signature.
pub(super) const ACCEPTED: [u8; 32] = {
    let mut word = [0; 32];
    word[31] = 1;
    word
};

/// The code that calls a factory with a deployment, then an account with a check.
pub(super) fn code(factory: Address, deployment: &[u8], account: Address, check: &[u8]) -> Vec<u8> {
    let (factory, account) = (factory.into_word(), account.into_word());
    let length = word(deployment.len());
    [PROGRAM, factory.as_slice(), account.as_slice(), &length, deployment, check].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_knows_its_length() {
        assert_eq!(PROGRAM.len(), usize::from(LENGTH));
        let code = code(Address::ZERO, &[1; 3], Address::ZERO, &[2; 5]);
        assert_eq!(code.len(), usize::from(LENGTH) + usize::from(HEAD) + 8);
    }
}
