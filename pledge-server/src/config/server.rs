//! `[server]`.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};
use pledge_http::{Language, UnknownLanguage};
use url::Url;

use super::raw::{Flag, TextList};
use super::section::{Shown, optional, preset, section};
use super::{Key, Problems};

const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
const NETWORK_EXAMPLE: &str = "10.0.0.7/32";
const ORIGIN_EXAMPLE: &str = "https://app.example";
const OPERATIONS: &str = "operations_listen";
const OPERATIONS_EXAMPLE: &str = "127.0.0.1:9090";
const DEFAULT_LANGUAGE: &str = Language::English.name();

section! {
    /// The HTTP server.
    RawServer shown as ServerShown {
        /// Where the HTTP API listens; port 0 takes a free one.
        listen: String = preset(DEFAULT_LISTEN),
        /// Networks of the proxies in front of it. What a proxy writes into `x-forwarded-for`, `forwarded`,
        /// `x-forwarded-proto` and `x-request-id` counts only from these. Without it the client is
        /// who connects.
        trusted_proxies: Option<TextList> = optional(TextList(vec![NETWORK_EXAMPLE.to_owned()])),
        /// Origins of the sites whose scripts may read the API in a browser. Without it only those of
        /// its own origin may. Read again on SIGHUP.
        allowed_origins: Option<TextList> = optional(TextList(vec![ORIGIN_EXAMPLE.to_owned()])),
        /// Where `/metrics` and the full answer of `/readyz` are served, for no reader from outside; port 0 takes
        /// a free one. Without it both are on `listen` if that is a loopback address and no proxy is trusted, and
        /// else nowhere.
        operations_listen: Option<String> = optional("127.0.0.1:9090"),
        /// Whether everyone may read what is public; without it reading needs the permission `all:read`, which the
        /// role `viewer` has.
        public_reads: Flag = preset(Flag(true)),
        /// The language of error messages, `en` or `zh`, for readers whose `Accept-Language` names
        /// neither.
        language: String = preset(DEFAULT_LANGUAGE),
    }
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The proxies whose word about a client counts.
    pub trusted_proxies: Networks,
    /// The origins of sites that may read the API.
    pub allowed_origins: Vec<WebOrigin>,
    /// Where operators look in, if that is elsewhere.
    pub operations_listen: Option<SocketAddr>,
    /// Whether everyone may read what is public.
    pub public_reads: bool,
    /// The language of error messages, where the reader names none.
    pub language: Language,
}

/// A set of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// The origin of a site, as a browser sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin(String);

impl ServerConfig {
    pub(super) fn check(raw: RawServer, key: &Key, problems: &mut Problems) -> Option<Self> {
        let RawServer {
            listen,
            trusted_proxies,
            allowed_origins,
            operations_listen,
            public_reads: Flag(public_reads),
            language,
        } = raw;
        let mut address = |name, text: String, example| {
            let parsed = text.parse::<SocketAddr>().map_err(|_| {
                format!("`{text}` is not an address: write IP:PORT, such as {example}")
            });
            problems.take(&key.child(name), parsed)
        };
        // All are checked before any is missing, so that the user sees every wrong key at once.
        let listen = address("listen", listen, DEFAULT_LISTEN);
        let operations_listen = match operations_listen {
            None => Some(None),
            Some(text) => address(OPERATIONS, text, OPERATIONS_EXAMPLE).map(Some),
        };
        let networks = each(trusted_proxies, &key.child("trusted_proxies"), problems, network);
        let origins =
            each(allowed_origins, &key.child("allowed_origins"), problems, WebOrigin::parse);
        let language = language.parse().map_err(|unknown: UnknownLanguage| unknown.to_string());
        let language = problems.take(&key.child("language"), language);
        let (listen, operations_listen) = (listen?, operations_listen?);
        if operations_listen.is_some_and(|other| other == listen && other.port() != 0) {
            let what = format!("{listen} is server.listen: choose another port, or leave it out");
            problems.add(&key.child(OPERATIONS), what);
            return None;
        }
        Some(Self {
            listen,
            operations_listen,
            trusted_proxies: Networks(networks),
            allowed_origins: origins,
            public_reads,
            language: language?,
        })
    }

    pub(super) fn shown(&self) -> ServerShown {
        let Self {
            listen,
            operations_listen,
            trusted_proxies: Networks(networks),
            allowed_origins,
            public_reads,
            language,
        } = self;
        let origins = allowed_origins.iter().map(WebOrigin::as_str);
        ServerShown {
            listen: Shown::text(listen),
            operations_listen: operations_listen.map_or(Shown::Nothing, Shown::text),
            trusted_proxies: shown_unless_empty(networks.iter()),
            allowed_origins: shown_unless_empty(origins),
            public_reads: Shown::flag(*public_reads),
            language: Shown::text(language.name()),
        }
    }
}

/// The texts of a list that are right; each wrong one is a problem of its own.
fn each<T>(
    texts: Option<TextList>,
    key: &Key,
    problems: &mut Problems,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let TextList(texts) = texts.unwrap_or_else(|| TextList(Vec::new()));
    let texts = texts.iter().enumerate();
    texts.filter_map(|(index, text)| problems.take(&key.index(index), parse(text))).collect()
}

fn shown_unless_empty(list: impl ExactSizeIterator<Item: std::fmt::Display>) -> Shown {
    if list.len() == 0 { Shown::Nothing } else { Shown::list(list) }
}

/// A network of IPv4 where it is written in the form of IPv6, as addresses are compared.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let address = v6.addr().to_ipv4_mapped();
    let bits = v6.prefix_len().checked_sub(96);
    let v4 = address.zip(bits).and_then(|(address, bits)| Ipv4Net::new(address, bits).ok());
    v4.map_or(network, IpNet::V4)
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().map_err(|_| {
            format!("`{text}` is not a network: write ADDRESS/BITS, such as {NETWORK_EXAMPLE}")
        })?,
    };
    let network = canonical(network);
    if network.prefix_len() == 0 {
        let why = "would let every client choose its own address";
        return Err(format!("`{text}` {why}: name each proxy, such as {NETWORK_EXAMPLE}"));
    }
    if network.trunc() == network {
        Ok(network)
    } else {
        Err(format!("`{text}` has bits behind its prefix: write {}", network.trunc()))
    }
}

impl Networks {
    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is in one of them. An IPv4 address in IPv6 form counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
impl Networks {
    pub(crate) fn of(texts: &[&str]) -> Self {
        Self(texts.iter().map(|text| network(text).unwrap()).collect())
    }
}

impl WebOrigin {
    /// Browsers send one form, which is compared as text.
    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            let why = "would let every site read what a visitor may";
            return Err(format!("`*` {why}: name each origin, such as {ORIGIN_EXAMPLE}"));
        }
        let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let Some(url) = url else {
            return Err(format!("`{text}` is not an origin: write one such as {ORIGIN_EXAMPLE}"));
        };
        let origin = url.origin().ascii_serialization();
        if origin == text {
            Ok(Self(origin))
        } else {
            Err(format!("`{text}` is not what a browser sends: write {origin}"))
        }
    }

    /// It, as a browser sends it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
impl WebOrigin {
    pub(crate) fn of(text: &str) -> Self {
        Self::parse(text).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv4_in_ipv6_form_holds_addresses_of_ipv4() {
        for text in ["::ffff:10.0.0.0/104", "10.0.0.0/8"] {
            let networks = Networks::of(&[text]);
            assert!(networks.contains([10, 1, 2, 3].into()), "{text}");
            assert!(!networks.contains([11, 0, 0, 1].into()), "{text}");
        }
        assert!(Networks::of(&["::ffff:10.0.0.7"]).contains([10, 0, 0, 7].into()));
        let wrong = network("::ffff:10.0.0.7/104").unwrap_err();
        assert!(wrong.ends_with("write 10.0.0.0/8"), "{wrong}");
    }

    #[test]
    fn a_network_of_every_address_is_refused() {
        for text in ["0.0.0.0/0", "::/0", "10.0.0.0/0", "::ffff:0.0.0.0/96"] {
            assert!(network(text).unwrap_err().contains("name each proxy"), "{text}");
        }
    }
}
