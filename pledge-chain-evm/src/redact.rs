//! Keeps API keys out of errors and logs.

use std::cmp::Reverse;

use percent_encoding::percent_decode_str;
use url::{Url, form_urlencoded};

/// Long enough for the longest refusal known, which ends with the range that the node would take.
const TEXT_CHARS_MAX: usize = 400;
const TEXT_BYTES_READ_MAX: usize = 16 << 10;
/// Shorter segments of a path are words such as `v3` and `rpc`, which errors need.
const SEGMENT_CHARS_MIN: usize = 6;
/// Shorter values of a query, and names, are switches, not keys.
const VALUE_CHARS_MIN: usize = 4;

/// Host and port: the part of a url that may be shown.
pub(crate) fn endpoint(url: &Url) -> String {
    let host = url.host_str().unwrap_or("(no host)");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Cleans what a node says: no part of the url's secrets, no control characters, bounded length.
#[derive(Clone)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    pub(crate) fn new(url: &Url) -> Self {
        let segments = url.path_segments().into_iter().flatten();
        let segments = segments.filter(|segment| segment.len() >= SEGMENT_CHARS_MIN);
        let values = query_secrets(url).chain([url.username()]);
        let values = values.filter(|value| value.len() >= VALUE_CHARS_MIN);
        let password = url.password().into_iter();
        let mut secrets: Vec<String> =
            segments.chain(values).chain(password).flat_map(spellings).collect();
        secrets.retain(|secret| !secret.is_empty());
        // A secret may begin with another: the longer one goes first.
        secrets.sort_by_key(|secret| Reverse(secret.len()));
        Self { secrets }
    }

    pub(crate) fn clean(&self, text: &str) -> String {
        let text = &text[..text.floor_char_boundary(TEXT_BYTES_READ_MAX)];
        let secrets = self.secrets.iter();
        let redacted = secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
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
}

/// The values of a query, and keys that stand in it without a name.
fn query_secrets(url: &Url) -> impl Iterator<Item = &str> {
    let pairs = url.query().unwrap_or_default().split('&');
    pairs.map(|pair| match pair.split_once('=') {
        Some((_, value)) if !value.trim_matches('=').is_empty() => value,
        // The end of a key in base64.
        _ => pair.trim_end_matches('='),
    })
}

/// A part of a url as it stands there, and as a node may repeat it.
fn spellings(part: &str) -> [String; 4] {
    let decoded = percent_decode_str(part).decode_utf8_lossy().into_owned();
    let form = percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    let encoded = form_urlencoded::byte_serialize(decoded.as_bytes()).collect();
    [part.to_owned(), decoded, form, encoded]
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
    fn a_key_that_stands_alone_in_the_query_does_not_survive() {
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
    fn a_page_of_html_becomes_one_short_line() {
        let page = "<html>\r\n\t<body>\u{7}bad gateway</body>\n".repeat(100);
        let text = Redactor::new(&url()).clean(&page);
        assert!(text.starts_with("<html> <body> bad gateway</body>"));
        assert!(text.chars().count() <= TEXT_CHARS_MAX);
    }
}
