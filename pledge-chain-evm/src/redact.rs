//! Keeps API keys out of errors and logs.

use std::collections::{BTreeSet, HashSet};

use percent_encoding::percent_decode_str;
use url::{Url, form_urlencoded};

/// Long enough for the longest refusal known, which ends with the range that the node would take.
const TEXT_CHARS_MAX: usize = 400;
const TEXT_BYTES_READ_MAX: usize = 16 << 10;
/// Shorter segments of a path are words such as `v3` and `rpc`, which errors need.
const SEGMENT_CHARS_MIN: usize = 6;
/// Shorter values of a query, and names, are switches, not keys.
const VALUE_CHARS_MIN: usize = 4;
/// A shorter part of a secret gives too little away, and occurs in ordinary words.
const PART_BYTES_MIN: usize = 6;

/// Host and port: the part of a url that may be shown.
pub(crate) fn endpoint(url: &Url) -> String {
    let host = url.host_str().unwrap_or("(no host)");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Cleans a node's text: no part of the url's secrets, no control characters, bounded length.
///
/// A secret is found in any case, whole or cut down to [`PART_BYTES_MIN`] bytes, as written in the
/// url or in base64.
#[derive(Clone)]
pub(crate) struct Redactor {
    /// In lower case. Every part of this length of a long secret, and short secrets whole.
    parts: HashSet<Vec<u8>>,
    /// The lengths that occur, ascending.
    lengths: BTreeSet<usize>,
}

impl Redactor {
    pub(crate) fn new(url: &Url) -> Self {
        let segments = url.path_segments().into_iter().flatten();
        let segments = segments.filter(|segment| segment.len() >= SEGMENT_CHARS_MIN);
        let values = query_secrets(url).chain([url.username()]);
        let values = values.filter(|value| value.len() >= VALUE_CHARS_MIN);
        let password = url.password().into_iter();
        let secrets = segments.chain(values).chain(password).flat_map(spellings);
        // What a node is sent in its header of authorization, and may repeat.
        let login =
            url.password().map(|password| base64(&format!("{}:{password}", url.username())));
        let parts: HashSet<Vec<u8>> = secrets
            .chain(login.into_iter().flatten())
            .filter(|secret| !secret.is_empty())
            .flat_map(|secret| parts(&secret))
            .collect();
        let lengths = parts.iter().map(Vec::len).collect();
        Self { parts, lengths }
    }

    pub(crate) fn clean(&self, text: &str) -> String {
        let text = &text[..text.floor_char_boundary(TEXT_BYTES_READ_MAX)];
        // Redacted before it is shortened and split: a part of a secret could be too short to be
        // found.
        let redacted = self.redact(text);
        let mut clean: String = redacted
            .split(|c: char| c.is_control() || c.is_whitespace())
            .filter(|word| !word.is_empty())
            .flat_map(|word| [word, " "])
            .flat_map(str::chars)
            .take(TEXT_CHARS_MAX)
            .collect();
        clean.truncate(clean.trim_end().len());
        clean
    }

    /// The text with each stretch that parts of secrets cover as `***`.
    fn redact(&self, text: &str) -> String {
        // ASCII alone: other letters may change their length in lower case, and places must stay.
        let lower = text.to_ascii_lowercase().into_bytes();
        let mut covered = vec![false; lower.len()];
        for at in 0..lower.len() {
            let parts = self.lengths.iter().filter_map(|length| lower.get(at..at + length));
            for part in parts.filter(|part| self.parts.contains(*part)) {
                covered[at..at + part.len()].fill(true);
            }
        }
        let mut redacted = String::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            match (covered[at], at > 0 && covered[at - 1]) {
                (false, _) => redacted.push(c),
                (true, false) => redacted.push_str("***"),
                (true, true) => {}
            }
        }
        redacted
    }
}

/// What gives a secret away: every part of it of the least length, or all of a shorter one.
fn parts(secret: &str) -> Vec<Vec<u8>> {
    let lower = secret.to_ascii_lowercase().into_bytes();
    if lower.len() <= PART_BYTES_MIN {
        return vec![lower];
    }
    lower.windows(PART_BYTES_MIN).map(<[u8]>::to_vec).collect()
}

/// The values of a query, and keys in it that have no name.
fn query_secrets(url: &Url) -> impl Iterator<Item = &str> {
    let pairs = url.query().unwrap_or_default().split('&');
    pairs.map(|pair| match pair.split_once('=') {
        Some((_, value)) if !value.trim_matches('=').is_empty() => value,
        // The end of a key in base64.
        _ => pair.trim_end_matches('='),
    })
}

/// A part of a url as written there, and as a node may repeat it.
fn spellings(part: &str) -> Vec<String> {
    let decoded = percent_decode_str(part).decode_utf8_lossy().into_owned();
    let form = percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    let encoded = form_urlencoded::byte_serialize(decoded.as_bytes()).collect();
    let in_base64 = base64(&decoded);
    [part.to_owned(), decoded, form, encoded].into_iter().chain(in_base64).collect()
}

/// A secret as base64 encodes it, wherever it begins among the bytes that are encoded, in both
/// alphabets; nothing where that is too short to be recognized.
fn base64(secret: &str) -> Vec<String> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = secret.as_bytes();
    let mut all = Vec::new();
    for before in 0..3 {
        // Bits of the bytes before share the first digits, those of the bytes after the last one.
        let bits = |at: usize| bytes.get(at / 8).map_or(0, |byte| (byte >> (7 - at % 8)) & 1);
        let first = (6 - before * 8 % 6) % 6;
        let starts = (first..bytes.len() * 8).step_by(6).filter(|at| at + 6 <= bytes.len() * 8);
        let digit = |at: usize| (at..at + 6).fold(0, |digit, at| (digit << 1) | bits(at));
        let text: String = starts.map(|at| char::from(DIGITS[usize::from(digit(at))])).collect();
        if text.len() >= PART_BYTES_MIN {
            all.push(text.replace('+', "-").replace('/', "_"));
            all.push(text);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> Url {
        "https://someuser:longpassword@node.example:8443/v3/0123456789abcdef?apikey=fedcba9876543210"
            .parse()
            .unwrap()
    }

    #[test]
    fn an_endpoint_is_host_and_port() {
        assert_eq!(endpoint(&url()), "node.example:8443");
    }

    #[test]
    fn no_secret_of_the_url_survives() {
        let text = Redactor::new(&url())
            .clean("key 0123456789abcdef of someuser:longpassword, fedcba9876543210 is blocked");
        assert_eq!(text, "key *** of ***:***, *** is blocked");
    }

    fn cleaned(url: &str, text: &str) -> String {
        Redactor::new(&url.parse().unwrap()).clean(text)
    }

    #[test]
    fn a_key_without_a_name_in_the_query_does_not_survive() {
        assert_eq!(cleaned("https://node.example/?s3cr3t", "key s3cr3t"), "key ***");
        assert_eq!(cleaned("https://node.example/?a=1&s3cr3t==", "key s3cr3t"), "key ***");
    }

    #[test]
    fn a_short_password_does_not_survive() {
        assert_eq!(cleaned("https://:pw@node.example/", "pw is wrong"), "*** is wrong");
    }

    #[test]
    fn a_short_key_in_the_path_does_not_survive_but_words_do() {
        let text = cleaned("https://node.example/v3/abc123", "v3 has no abc123");
        assert_eq!(text, "v3 has no ***");
    }

    #[test]
    fn a_secret_does_not_survive_however_it_is_encoded() {
        let text = "a%2Fb%2fc+d a/b/c+d a/b/c d a%2Fb%2Fc%2Bd";
        assert_eq!(cleaned("https://node.example/?key=a%2Fb%2fc+d", text), "*** *** *** ***");
        assert_eq!(cleaned("https://u:p%40ss@node.example/", "p@ss p%40ss"), "*** ***");
    }

    #[test]
    fn a_secret_that_begins_with_another_leaves_no_rest() {
        let url = "https://node.example/abcdef/abcdef123456";
        assert_eq!(cleaned(url, "abcdef123456 and abcdef"), "*** and ***");
    }

    #[test]
    fn a_secret_does_not_survive_in_another_case_or_cut() {
        let text = "0123456789ABCDEF, FedCba9876543210, 01234567… and …3210 of …98765432";
        let clean = Redactor::new(&url()).clean(text);
        assert_eq!(clean, "***, ***, ***… and …3210 of …***");
    }

    #[test]
    fn a_secret_does_not_survive_in_base64_wherever_it_begins() {
        let encoded = [
            // The key alone, behind one byte and behind two.
            "MDEyMzQ1Njc4OWFiY2RlZg==",
            "eDAxMjM0NTY3ODlhYmNkZWY=",
            "eHkwMTIzNDU2Nzg5YWJjZGVm",
            // The name and the password, as in a header of authorization.
            "c29tZXVzZXI6bG9uZ3Bhc3N3b3Jk",
        ];
        for text in encoded {
            let clean = Redactor::new(&url()).clean(text);
            let shown: String = clean.split("***").collect();
            assert!(clean.contains("***") && shown.len() <= 4, "{text}: {clean}");
        }
        // Bytes that the two alphabets write differently.
        let bytes = "https://node.example/%C3%BE%C3%BF%C3%BE%C3%BF%C3%BE";
        assert_eq!(cleaned(bytes, "w77Dv8O+w7/Dvg== w77Dv8O-w7_Dvg=="), "***g== ***g==");
    }

    #[test]
    fn a_page_of_html_becomes_one_short_line() {
        let page = "<html>\r\n\t<body>\u{7}bad gateway</body>\n".repeat(100);
        let text = Redactor::new(&url()).clean(&page);
        assert!(text.starts_with("<html> <body> bad gateway</body>"));
        assert!(text.chars().count() <= TEXT_CHARS_MAX);
    }
}
