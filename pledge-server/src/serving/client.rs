//! Who asks: the address of a client, as far as it can be known.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::header::{FORWARDED, HeaderName};

use crate::config::Networks;

pub(super) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A client of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) address: IpAddr,
    /// Whether it came by https, to a proxy that is trusted.
    pub(super) is_https: bool,
    /// Whether a proxy that is trusted passed its request on.
    pub(super) is_proxied: bool,
}

/// The client behind a connection: the peer, unless that is a trusted proxy. Then it is the last address
/// that the proxies name and that is none of theirs, since what comes before it may be invented.
///
/// Proxies name addresses in `x-forwarded-for` or in `forwarded`. Most write one of the two and pass the
/// other on as the client sent it: where the two differ, neither counts.
pub(super) fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> Client {
    let peer = peer.to_canonical();
    if !trusted.contains(peer) {
        return Client { address: peer, is_https: false, is_proxied: false };
    }
    let origin = |hops: Vec<Option<IpAddr>>| origin(&hops, peer, trusted);
    let listed = headers.contains_key(&FORWARDED_FOR).then(|| origin(listed(headers)));
    let forwarded = headers
        .contains_key(FORWARDED)
        .then(|| origin(forwarded(headers, "for").map(|value| address(&value?)).collect()));
    let address = match (listed, forwarded) {
        (Some(one), Some(other)) if one != other => peer,
        (one, other) => one.or(other).unwrap_or(peer),
    };
    Client { address, is_https: is_https(headers), is_proxied: true }
}

/// The last hop that is no trusted proxy; the first, if all are. What cannot be read ends the search.
fn origin(hops: &[Option<IpAddr>], peer: IpAddr, trusted: &Networks) -> IpAddr {
    let mut nearest = peer;
    for hop in hops.iter().rev() {
        let Some(address) = hop else { return nearest };
        nearest = *address;
        if !trusted.contains(nearest) {
            return nearest;
        }
    }
    nearest
}

/// The addresses of `x-forwarded-for`, in the order of the way.
fn listed(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(&FORWARDED_FOR).into_iter();
    let lines = lines.map(|line| line.to_str().unwrap_or("unreadable"));
    lines.flat_map(|line| line.split(',')).map(address).collect()
}

/// The value of one parameter in each element of `forwarded`, in the order of the way. A line that
/// cannot be taken apart is one element without a value.
fn forwarded(headers: &HeaderMap, name: &str) -> impl Iterator<Item = Option<String>> {
    let lines = headers.get_all(FORWARDED).into_iter();
    let elements = lines.flat_map(|line| {
        let elements = line.to_str().ok().and_then(|line| split_unquoted(line, ','));
        elements.map_or_else(|| vec![None], |elements| elements.into_iter().map(Some).collect())
    });
    elements.map(move |element| {
        let mut pairs = split_unquoted(element?, ';')?.into_iter();
        pairs.find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"').to_owned())
        })
    })
}

/// The parts between separators outside of quotes. `None` where a quote is not closed: a client that
/// opens one would hide in it what a proxy appends.
fn split_unquoted(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let is_separator = |c: char| {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => return c == separator && !is_quoted,
        }
        false
    };
    let parts = text.split(is_separator).collect();
    (!is_quoted).then_some(parts)
}

/// An address, which may have a port, and brackets if it is of IPv6.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address = text.parse::<IpAddr>().ok().or_else(with_port).or_else(bare)?;
    Some(address.to_canonical())
}

/// As the nearest proxy has it.
fn is_https(headers: &HeaderMap) -> bool {
    let named = headers.get(&FORWARDED_PROTO).and_then(|value| value.to_str().ok());
    let named = named.map(|value| value.rsplit(',').next().unwrap_or_default().trim().to_owned());
    let named = named.or_else(|| forwarded(headers, "proto").last().flatten());
    named.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: [u8; 4] = [10, 0, 0, 7];

    /// Who asks where a peer sends these headers and 10.0.0.0/24 is trusted.
    fn asked(peer: [u8; 4], headers: &[(&'static str, &str)]) -> Client {
        let trusted = Networks::of(&["10.0.0.0/24"]);
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        client_of(peer.into(), &map, &trusted)
    }

    fn address_of(headers: &[(&'static str, &str)]) -> String {
        asked(PROXY, headers).address.to_string()
    }

    #[test]
    fn what_a_stranger_claims_does_not_count() {
        let claims = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https")];
        let client = asked([203, 0, 113, 5], &claims);
        let address = [203, 0, 113, 5].into();
        assert_eq!(client, Client { address, is_https: false, is_proxied: false });
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_trusted_proxy() {
        let forged = "9.9.9.9, 203.0.113.5, 10.0.0.8";
        assert_eq!(address_of(&[("x-forwarded-for", forged)]), "203.0.113.5");
        let lines = [("x-forwarded-for", "9.9.9.9"), ("x-forwarded-for", "203.0.113.5:4711")];
        assert_eq!(address_of(&lines), "203.0.113.5");
        let forwarded = "for=9.9.9.9, for=\"[2001:db8::1]:4711\";proto=https, For=10.0.0.8";
        assert_eq!(address_of(&[("forwarded", forwarded)]), "2001:db8::1");
    }

    #[test]
    fn an_address_that_cannot_be_read_hides_what_comes_before_it() {
        for hidden in ["203.0.113.5, unknown", "203.0.113.5, _secret", "203.0.113.5, "] {
            assert_eq!(address_of(&[("x-forwarded-for", hidden)]), "10.0.0.7", "{hidden}");
        }
        assert_eq!(address_of(&[("x-forwarded-for", "unknown, 10.0.0.8")]), "10.0.0.8");
        assert_eq!(address_of(&[("forwarded", "for=203.0.113.5, by=10.0.0.8")]), "10.0.0.7");
    }

    #[test]
    fn a_quote_that_a_client_left_open_hides_nothing_that_a_proxy_appends() {
        for open in [r#"for=1.2.3.4;x=""#, r#"for=1.2.3.4;x="\""#, r#"for=1.2.3.4;x="\"#] {
            for appended in ["for=203.0.113.5", "for=\"[2001:db8::1]:4711\""] {
                let line = format!("{open}, {appended}");
                assert_eq!(address_of(&[("forwarded", &line)]), "10.0.0.7", "{line}");
            }
        }
        let escaped = r#"for=1.2.3.4;x="\",", for=203.0.113.5"#;
        assert_eq!(address_of(&[("forwarded", escaped)]), "203.0.113.5");
    }

    #[test]
    fn two_headers_that_differ_name_no_client() {
        let written_and_passed_on =
            [("x-forwarded-for", "203.0.113.5"), ("forwarded", "for=1.2.3.4")];
        assert_eq!(address_of(&written_and_passed_on), "10.0.0.7");
        let agreed = [("x-forwarded-for", "203.0.113.5"), ("forwarded", "for=203.0.113.5")];
        assert_eq!(address_of(&agreed), "203.0.113.5");
    }

    #[test]
    fn the_scheme_is_that_of_the_nearest_proxy() {
        let is_https = |headers: &[(&'static str, &str)]| asked(PROXY, headers).is_https;
        assert!(is_https(&[("x-forwarded-proto", "https")]));
        assert!(is_https(&[("forwarded", "for=1.2.3.4;proto=http, for=10.0.0.8;proto=https")]));
        assert!(!is_https(&[("x-forwarded-proto", "https, http")]));
        assert!(!is_https(&[]));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_form_is_one_of_ipv4() {
        let headers = [("x-forwarded-for", "::ffff:203.0.113.5")];
        assert_eq!(address_of(&headers), "203.0.113.5");
    }
}
