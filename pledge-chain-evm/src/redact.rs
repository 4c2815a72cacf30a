//! Keeps API keys out of errors and logs.

use url::Url;

const TEXT_CHARS_MAX: usize = 300;
const TEXT_BYTES_READ_MAX: usize = 16 << 10;
const SECRET_CHARS_MIN: usize = 8;

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
        let mut secrets: Vec<String> =
            url.path_segments().into_iter().flatten().map(str::to_owned).collect();
        secrets.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        secrets.push(url.username().to_owned());
        secrets.extend(url.password().map(str::to_owned));
        secrets.retain(|secret| secret.len() >= SECRET_CHARS_MIN);
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

    #[test]
    fn a_page_of_html_becomes_one_short_line() {
        let page = "<html>\r\n\t<body>\u{7}bad gateway</body>\n".repeat(100);
        let text = Redactor::new(&url()).clean(&page);
        assert!(text.starts_with("<html> <body> bad gateway</body>"));
        assert!(text.chars().count() <= TEXT_CHARS_MAX);
    }
}
