//! Urls that may contain secrets: an API key in the path of a node, a password for a server.

use std::fmt;

use url::Url;

/// The url of a node. Displays its scheme and host only: the rest often contains an API key.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeUrl(Url);

impl NodeUrl {
    /// Parses the url of an endpoint for calls; the error does not repeat it.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::with_scheme(text, ["http", "https"])
    }

    /// Parses the url of an endpoint for subscriptions, likewise.
    pub fn parse_ws(text: &str) -> Result<Self, String> {
        Self::with_scheme(text, ["ws", "wss"])
    }

    fn with_scheme(text: &str, schemes: [&str; 2]) -> Result<Self, String> {
        let [open, secure] = schemes;
        let url = Url::parse(text)
            .map_err(|error| format!("is not a url ({error}): write {secure}://HOST/…"))?;
        if schemes.contains(&url.scheme()) && url.has_host() {
            Ok(Self(url))
        } else {
            Err(format!("has the scheme `{}`: use {open} or {secure}", url.scheme()))
        }
    }

    /// The whole url, secrets included.
    pub const fn expose(&self) -> &Url {
        &self.0
    }

    /// The url with `***` for what must not be shown, if there is any.
    pub fn masked(&self) -> String {
        let Self(url) = self;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let is_open = url.username().is_empty() && url.password().is_none();
        if is_bare && is_open { self.to_string() } else { format!("{self}/***") }
    }
}

impl fmt::Display for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(url) = self;
        write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
        match url.port() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeUrl({self})")
    }
}

/// Unencoded, these characters end the password, and the rest is read as host or database.
const ENCODED: &str = "in a password `@ / # ? %` are written `%40 %2F %23 %3F %25`";

/// The url of a database or cache server. Displays no password and no options.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

impl ServerUrl {
    /// Parses a url of one of the schemes; the error does not repeat it.
    pub(crate) fn parse(text: &str, schemes: &[&str], example: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .map_err(|error| format!("is not a url ({error}): write {example}; {ENCODED}"))?;
        if !schemes.contains(&url.scheme()) {
            return Err(format!("has the scheme `{}`: write {example}", url.scheme()));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(format!("names no server: write {example}"));
        }
        Ok(Self(url))
    }

    /// The whole url, secrets included.
    pub const fn expose(&self) -> &Url {
        &self.0
    }

    /// The url with `***` for what must not be shown, if there is any.
    pub fn masked(&self) -> String {
        let Self(url) = self;
        let mut shown = url.clone();
        if url.password().is_some() {
            // Fails only for a url without a host, and this one has a host.
            let _ = shown.set_password(Some("***"));
        }
        shown.set_query(url.query().map(|_| "***"));
        shown.set_fragment(None);
        shown.to_string()
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        let _ = shown.set_password(None);
        shown.set_query(None);
        shown.set_fragment(None);
        shown.fmt(f)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_url_shows_no_key() {
        let url = NodeUrl::parse("https://user:pass@node.example:8443/v2/s3cret?key=x").unwrap();
        assert_eq!(url.to_string(), "https://node.example:8443");
        assert_eq!(format!("{url:?}"), "NodeUrl(https://node.example:8443)");
        assert_eq!(url.masked(), "https://node.example:8443/***");
    }

    #[test]
    fn a_node_url_shows_what_is_masked_and_what_is_not() {
        let masked = |text: &str| NodeUrl::parse(text).unwrap().masked();
        assert_eq!(masked("http://127.0.0.1:8545/"), "http://127.0.0.1:8545");
        for secret in ["/s3cret", "/?s3cret", "/#s3cret"] {
            assert_eq!(masked(&format!("https://a.example{secret}")), "https://a.example/***");
        }
        assert_eq!(masked("https://:s3cret@a.example"), "https://a.example/***");
        assert_eq!(masked("https://s3cret@a.example"), "https://a.example/***");
    }

    #[test]
    fn a_server_url_shows_no_password() {
        let parse = |text: &str| ServerUrl::parse(text, &["mysql"], "mysql://user@host/database");
        let url = parse("mysql://me:s3cret@db.example:3307/pledge?ssl-key=/s3cret").unwrap();
        assert_eq!(url.to_string(), "mysql://me@db.example:3307/pledge");
        assert_eq!(format!("{url:?}"), "ServerUrl(mysql://me@db.example:3307/pledge)");
        assert_eq!(url.masked(), "mysql://me:***@db.example:3307/pledge?***");
        assert_eq!(parse("mysql://me@a.example/b").unwrap().masked(), "mysql://me@a.example/b");
        for wrong in ["mysql:///s3cret", "mysql:s3cret", "other://s3cret@host/b", "s3cret"] {
            let what = parse(wrong).unwrap_err();
            assert!(!what.contains("s3cret") && what.contains("mysql://user@host"), "{what}");
        }
    }

    #[test]
    fn a_password_that_is_not_encoded_is_refused_with_the_encoding() {
        for wrong in
            ["mysql://me:s3/cret@host/b", "mysql://me:s3#cret@host/b", "mysql://me:s3?c@h/b"]
        {
            let what =
                ServerUrl::parse(wrong, &["mysql"], "mysql://user@host/database").unwrap_err();
            assert!(what.contains("`%40 %2F %23 %3F %25`") && !what.contains("s3"), "{what}");
        }
    }

    #[test]
    fn calls_and_subscriptions_have_schemes_of_their_own() {
        let wrong = NodeUrl::parse_ws("https://a.example").unwrap_err();
        assert_eq!(wrong, "has the scheme `https`: use ws or wss");
        assert!(NodeUrl::parse("wss://a.example").is_err());
        assert!(NodeUrl::parse_ws("wss://a.example/key").is_ok());
    }
}
