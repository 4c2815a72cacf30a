//! The calls of ERC-1271 and the signatures of ERC-6492, as bytes.

use pledge_core::primitives::{Address, B256, U256};

/// The selector of `isValidSignature(bytes32,bytes)`, which a contract returns for a signature that it accepts.
const SELECTOR: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

/// What a contract returns for a signature that it accepts: the selector in a word.
pub(super) const ACCEPTED: [u8; 32] = {
    let mut word = [0; 32];
    word[0] = SELECTOR[0];
    word[1] = SELECTOR[1];
    word[2] = SELECTOR[2];
    word[3] = SELECTOR[3];
    word
};

/// How the signature of a contract ends that is not deployed yet: `6492` sixteen times.
const MARK: [u8; 32] = {
    let mut mark = [0x64; 32];
    let mut index = 1;
    while index < 32 {
        mark[index] = 0x92;
        index += 2;
    }
    mark
};

/// The parts of a signature of ERC-6492.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counterfactual<'a> {
    /// What deploys the contract.
    pub(super) factory: Address,
    /// With which call.
    pub(super) deployment: &'a [u8],
    /// What the contract is asked about then.
    pub(super) signature: &'a [u8],
}

/// A signature that has the mark of ERC-6492, and not its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The call `isValidSignature(digest, signature)`.
pub(super) fn is_valid_signature(digest: B256, signature: &[u8]) -> Vec<u8> {
    // The second argument is dynamic: its place, two words behind the selector, then its length.
    let head = [&SELECTOR[..], digest.as_slice(), &word(64), &word(signature.len())].concat();
    let padding = signature.len().next_multiple_of(32) - signature.len();
    [&head, signature, &[0; 32][..padding]].concat()
}

/// The parts of a signature with the mark of ERC-6492, which are encoded as `(address, bytes, bytes)`; `None`
/// without the mark.
pub(super) fn counterfactual(signature: &[u8]) -> Option<Result<Counterfactual<'_>, Malformed>> {
    let parts = signature.strip_suffix(&MARK)?;
    let read = || {
        let [padding @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
            parts.first_chunk::<32>()?;
        let is_address = padding.iter().all(|byte| *byte == 0);
        let factory = Address::from_slice(&parts[12..32]);
        let (deployment, signature) = (bytes_at(parts, 1)?, bytes_at(parts, 2)?);
        is_address.then_some(Counterfactual { factory, deployment, signature })
    };
    Some(read().ok_or(Malformed))
}

/// The bytes to which the word of a number points; `None` where they are not wholly there.
fn bytes_at(parts: &[u8], number: usize) -> Option<&[u8]> {
    let length_at = number_at(parts, number * 32)?;
    let length = number_at(parts, length_at)?;
    let start = length_at.checked_add(32)?;
    parts.get(start..start.checked_add(length)?)
}

/// The number in the word at a place; `None` if it is no length of anything.
fn number_at(parts: &[u8], place: usize) -> Option<usize> {
    let word = parts.get(place..place.checked_add(32)?)?;
    usize::try_from(U256::from_be_slice(word)).ok()
}

/// A length as a word.
pub(super) fn word(length: usize) -> [u8; 32] {
    U256::from(length).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use pledge_core::primitives::{hex, keccak256};

    use super::*;

    /// A signature of ERC-6492 with parts at usual places.
    fn marked(factory: [u8; 32], deployment: &[u8], signature: &[u8]) -> Vec<u8> {
        let padded = |bytes: &[u8]| {
            let padding = bytes.len().next_multiple_of(32) - bytes.len();
            [bytes, &[0; 32][..padding]].concat()
        };
        let second = 96 + 32 + padded(deployment).len();
        let head = [factory, word(96), word(second)].concat();
        let tail = [&word(deployment.len())[..], &padded(deployment)].concat();
        [head, tail, word(signature.len()).to_vec(), padded(signature), MARK.to_vec()].concat()
    }

    fn factory() -> [u8; 32] {
        Address::repeat_byte(0xfa).into_word().0
    }

    #[test]
    fn the_selector_is_that_of_the_standard() {
        assert_eq!(keccak256("isValidSignature(bytes32,bytes)")[..4], SELECTOR);
        assert_eq!(hex::encode(MARK), "6492".repeat(16));
    }

    #[test]
    fn a_call_has_the_digest_and_the_padded_signature() {
        let call = is_valid_signature(B256::repeat_byte(7), &[9; 33]);
        let expected = format!(
            "1626ba7e{}{:064x}{:064x}{}{}",
            "07".repeat(32),
            64,
            33,
            "09".repeat(33),
            "00".repeat(31)
        );
        assert_eq!(hex::encode(call), expected);
    }

    #[test]
    fn the_parts_of_a_marked_signature_are_found() {
        for (deployment, signature) in [(&[1; 70][..], &[2; 65][..]), (&[], &[])] {
            let all = marked(factory(), deployment, signature);
            let factory = Address::repeat_byte(0xfa);
            let parts = Counterfactual { factory, deployment, signature };
            assert_eq!(counterfactual(&all), Some(Ok(parts)));
        }
        assert_eq!(counterfactual(&[1; 65]), None);
        assert_eq!(counterfactual(&[]), None);
    }

    #[test]
    fn a_marked_signature_with_parts_that_are_not_there_is_malformed() {
        let right = marked(factory(), &[1; 70], &[2; 65]);
        let cut = |length: usize| [&right[..length], &MARK].concat();
        for length in 0..right.len() - 32 - 31 {
            assert_eq!(counterfactual(&cut(length)), Some(Err(Malformed)), "{length}");
        }
        let edited = |place: usize, by: [u8; 32]| {
            let mut all = right.clone();
            all[place..place + 32].copy_from_slice(&by);
            all
        };
        // An address with something before it; places and lengths far outside.
        for all in [
            edited(0, [0xff; 32]),
            edited(32, [0xff; 32]),
            edited(64, word(usize::MAX)),
            edited(96, word(usize::MAX - 100)),
        ] {
            assert_eq!(counterfactual(&all), Some(Err(Malformed)));
        }
    }
}
