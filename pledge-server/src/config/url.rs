//! The addresses of a node, whose paths may hold an API key.

use std::fmt;

use url::Url;

/// An http or https url. Shows its scheme and host only: the rest often holds an API key.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeUrl(Url);

/// A ws or wss url. Shows its scheme and host only, as [`NodeUrl`] does.
#[derive(Clone, PartialEq, Eq)]
pub struct WsUrl(Url);

impl NodeUrl {
    /// Parses a url; the error does not repeat it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .map_err(|error| format!("is not a url ({error}): write https://HOST/…"))?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(Self(url)),
            scheme => Err(format!("has the scheme `{scheme}`: use http or https")),
        }
    }

    /// The whole url, secrets included.
    pub const fn expose(&self) -> &Url {
        &self.0
    }
}

impl WsUrl {
    /// Parses a url; the error does not repeat it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .map_err(|error| format!("is not a url ({error}): write wss://HOST/…"))?;
        match url.scheme() {
            "ws" | "wss" if url.has_host() => Ok(Self(url)),
            scheme => Err(format!("has the scheme `{scheme}`: use ws or wss")),
        }
    }

    /// The whole url, secrets included.
    pub const fn expose(&self) -> &Url {
        &self.0
    }
}

fn show(url: &Url, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let host = url.host_str().unwrap_or_default();
    write!(f, "{}://{host}", url.scheme())?;
    match url.port() {
        Some(port) => write!(f, ":{port}"),
        None => Ok(()),
    }
}

impl fmt::Display for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.0, f)
    }
}

impl fmt::Display for WsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.0, f)
    }
}

impl fmt::Debug for WsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WsUrl({self})")
    }
}

impl fmt::Debug for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeUrl({self})")
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
        let url = WsUrl::parse("wss://user:pass@node.example/v2/s3cret?key=x").unwrap();
        assert_eq!(format!("{url} {url:?}"), "wss://node.example WsUrl(wss://node.example)");
    }
}
