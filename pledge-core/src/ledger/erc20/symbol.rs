//! A token's symbol, as hostile as contracts can make it.

use super::view::first_word;
use crate::ledger::TokenMetadata;

/// Reads a symbol from the answer to `symbol()`: an ABI string, or 32 bytes as early tokens have it.
/// Anything else is an empty symbol.
pub(super) fn symbol(answer: &[u8]) -> String {
    let bytes = if answer.len() == 32 { answer } else { abi_string(answer).unwrap_or_default() };
    // A character has at most four bytes; what is removed leaves room for a few more.
    let bytes = &bytes[..bytes.len().min(16 * TokenMetadata::SYMBOL_CHARS_MAX)];
    String::from_utf8_lossy(bytes)
        .chars()
        .filter(|c| is_shown(*c))
        .collect::<String>()
        .trim()
        .chars()
        .take(TokenMetadata::SYMBOL_CHARS_MAX)
        .collect()
}

/// The bytes of the first dynamic value, borrowed: nothing is allocated by a length that it claims.
fn abi_string(answer: &[u8]) -> Option<&[u8]> {
    let offset: usize = first_word(answer)?.try_into().ok()?;
    let tail = answer.get(offset..)?;
    let length: usize = first_word(tail)?.try_into().ok()?;
    tail.get(32..)?.get(..length)
}

fn is_shown(c: char) -> bool {
    let hidden = matches!(c,
        char::REPLACEMENT_CHARACTER
        | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}');
    !hidden && !c.is_control()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::*;
    use crate::ledger::erc20::encode_text;

    fn abi(text: &str) -> Vec<u8> {
        encode_text(text).to_vec()
    }

    fn words(words: &[U256]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes_vec()).collect()
    }

    /// As Solidity's `abi.encode("USDX")` has it.
    #[test]
    fn a_text_is_its_offset_its_length_and_its_bytes() {
        let mut bytes = [0; 96];
        (bytes[31], bytes[63]) = (32, 4);
        bytes[64..68].copy_from_slice(b"USDX");
        assert_eq!(abi("USDX"), bytes);
        assert_eq!(symbol(&bytes), "USDX");
    }

    #[test]
    fn an_abi_string_is_read() {
        assert_eq!(symbol(&abi("USDX")), "USDX");
        assert_eq!(symbol(&abi("USD₮0")), "USD₮0");
    }

    #[test]
    fn a_bytes32_symbol_loses_its_padding() {
        let mut word = [0; 32];
        word[..3].copy_from_slice(b"MKR");
        assert_eq!(symbol(&word), "MKR");
    }

    #[test]
    fn a_bytes32_symbol_loses_zeros_wherever_they_are() {
        for (bytes, expected) in [
            (&b"US\0D\0\0X"[..], "USDX"),
            (b"\0\0DAI", "DAI"),
            (b"", ""),
            ("USD₮".as_bytes(), "USD₮"),
            ("🏴\0☠".as_bytes(), "🏴☠"),
        ] {
            let mut word = [0; 32];
            word[..bytes.len()].copy_from_slice(bytes);
            assert_eq!(symbol(&word), expected);
        }
    }

    #[test]
    fn a_bytes32_symbol_may_fill_its_word() {
        assert_eq!(symbol(&[b'A'; 32]), "A".repeat(32));
        let mut cut = [b'A'; 32];
        cut[30..].copy_from_slice(&"₮".as_bytes()[..2]);
        assert_eq!(symbol(&cut), "A".repeat(30), "half a character is none");
    }

    #[test]
    fn a_symbol_of_32_zeros_is_empty_in_either_form() {
        assert_eq!(symbol(&[0; 32]), "");
        assert_eq!(symbol(&abi(&"\0".repeat(32))), "");
    }

    #[test]
    fn no_answer_is_an_empty_symbol() {
        assert_eq!(symbol(&[]), "");
        assert_eq!(symbol(&[1; 31]), "");
        assert_eq!(symbol(&abi("")), "");
    }

    #[test]
    fn characters_that_hide_or_turn_text_are_removed() {
        assert_eq!(symbol(&abi("US\u{202e}D\u{0}\n\u{200b}T\u{2066} \t")), "USDT");
        let mut broken = abi("AxB");
        broken[65] = 0xff;
        assert_eq!(symbol(&broken), "AB");
    }

    #[test]
    fn a_long_symbol_is_cut() {
        let cut = symbol(&abi(&"é".repeat(10_000)));
        assert_eq!(cut, "é".repeat(TokenMetadata::SYMBOL_CHARS_MAX));
    }

    #[test]
    fn claims_beyond_the_answer_are_an_empty_symbol() {
        let offset = U256::from(32);
        for hostile in [
            words(&[offset, U256::MAX]),
            words(&[offset, U256::from(1_u64 << 62)]),
            words(&[U256::MAX, U256::from(4)]),
            words(&[U256::from(64), U256::from(4)]),
            words(&[offset, U256::from(33), U256::ZERO]),
        ] {
            assert_eq!(symbol(&hostile), "");
        }
    }
}
