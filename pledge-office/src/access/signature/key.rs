//! The account whose key signed.

use pledge_core::primitives::{Address, B256, Signature, U256};

/// Half of the order of the curve, the largest `s` of EIP-2.
const S_MAX: U256 = U256::from_limbs([
    0xdfe9_2f46_681b_20a0,
    0x5d57_6e73_57a4_501d,
    0xffff_ffff_ffff_ffff,
    0x7fff_ffff_ffff_ffff,
]);

/// The account that follows from a signature; `None` if it is none of a plain key.
///
/// Two forms are read: 65 bytes `r`, `s`, `v` with `v` 27 or 28, or 0 or 1 as some hardware wallets write it, and
/// the 64 bytes of EIP-2098. A large `s` is refused as transactions refuse it (EIP-2): every wallet signs with
/// the small one, and a signature then has no second form.
pub(super) fn signer(digest: B256, signature: &[u8]) -> Option<Address> {
    let number = |bytes: &[u8]| U256::from_be_slice(bytes);
    let (r, s, is_odd) = match signature {
        all if all.len() == 65 => {
            let is_odd = match all[64] {
                0 | 27 => false,
                1 | 28 => true,
                _ => return None,
            };
            (number(&all[..32]), number(&all[32..64]), is_odd)
        }
        all if all.len() == 64 => {
            let s = number(&all[32..]);
            (number(&all[..32]), s & (U256::MAX >> 1), s.bit(255))
        }
        _ => return None,
    };
    let signature = (s <= S_MAX).then(|| Signature::new(r, s, is_odd))?;
    signature.recover_address_from_prehash(&digest).ok()
}

#[cfg(test)]
mod tests {
    use pledge_core::primitives::{address, hex};

    use super::*;
    use crate::access::message_digest;

    /// The first account of Anvil and Hardhat.
    const SIGNER: Address = address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    /// Two signatures by it, made by ethers 6.17: with `v` 28 and with `v` 27.
    const HELLO: (&str, [u8; 65]) = (
        "Hello, world",
        hex!(
            "d2f37d42926de6292e7ca471fbdad1f032367d1f4c60415396ac17a66372fd54519af1b692299d8ba536d1f850fc4a57eb3037b80373035b5323e70ada60ff701c"
        ),
    );
    const ANOTHER: (&str, [u8; 65]) = (
        "another",
        hex!(
            "59cd3909d4857c98127c1118f4faa1df1b8e1d24e519728f77f0a7cb7b73ab591228cddd2e3f9af4762ec16a81c0e181143ef56dee0a0dc9e0567abf3857cb4a1b"
        ),
    );

    fn signer_of(text: &str, signature: &[u8]) -> Option<Address> {
        signer(message_digest(text), signature)
    }

    fn compact(signature: [u8; 65]) -> [u8; 64] {
        let mut compact = *signature.first_chunk::<64>().unwrap();
        compact[32] |= (signature[64] - 27) << 7;
        compact
    }

    #[test]
    fn the_bound_of_s_is_half_of_the_order() {
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        let order = U256::from_str_radix(order, 16).unwrap();
        assert_eq!(S_MAX + S_MAX + U256::from(1), order);
    }

    #[test]
    fn the_signer_is_found_whichever_form_the_signature_has() {
        for (text, signature) in [HELLO, ANOTHER] {
            let mut short = signature;
            short[64] -= 27;
            assert_eq!(signer_of(text, &signature), Some(SIGNER), "{text}");
            assert_eq!(signer_of(text, &short), Some(SIGNER), "{text}");
            assert_eq!(signer_of(text, &compact(signature)), Some(SIGNER), "{text}");
        }
    }

    #[test]
    fn a_signature_is_of_one_text() {
        assert_ne!(signer_of("Hello, world!", &HELLO.1), Some(SIGNER));
        assert_ne!(signer_of(HELLO.0, &ANOTHER.1), Some(SIGNER));
    }

    #[test]
    fn the_second_form_that_every_signature_has_is_refused() {
        let (text, mut signature) = HELLO;
        let order = S_MAX + S_MAX + U256::from(1);
        let s = order - U256::from_be_slice(&signature[32..64]);
        signature[32..64].copy_from_slice(&s.to_be_bytes::<32>());
        signature[64] = 27;
        assert_eq!(signer_of(text, &signature), None);
    }

    #[test]
    fn what_has_no_form_of_a_signature_has_no_signer() {
        let (text, signature) = HELLO;
        for length in (0..64).chain([66, 97, 130]) {
            let mut other = signature.to_vec();
            other.resize(length, 0);
            assert_eq!(signer_of(text, &other), None, "{length}");
        }
        for v in (2..27).chain(29..=255) {
            let mut other = signature;
            other[64] = v;
            assert_eq!(signer_of(text, &other), None, "{v}");
        }
        assert_eq!(signer_of(text, &[0; 65]), None);
        assert_eq!(signer_of(text, &[0xff; 64]), None);
    }
}
