//! The parts of a message, by the grammar of EIP-4361 and that of RFC 3986 which it refers to.

use chrono::DateTime;
use fluent_uri::Uri;
use pledge_core::primitives::Address;
use pledge_core::types::ChainId;

use super::Instant;

/// What follows the origin in the first line.
pub(super) const WANTS: &str = " wants you to sign in with your Ethereum account:";

/// A scheme, if there is one, and an authority that names a host.
pub(super) fn origin(text: &str) -> Option<(Option<String>, String)> {
    let (scheme, domain) = match text.split_once("://") {
        Some((scheme, domain)) => (Some(scheme), domain),
        None => (None, text),
    };
    // An authority is what is between `//` and the path, and there is no path here.
    let whole = format!("{}://{domain}", scheme.unwrap_or("x"));
    let uri = Uri::parse(whole.as_str()).ok()?;
    let authority = uri.authority()?;
    let is_alone = authority.as_str() == domain && !authority.host().is_empty();
    is_alone.then(|| (scheme.map(str::to_owned), domain.to_owned()))
}

/// With the checksum of EIP-55.
pub(super) fn address(text: &str) -> Option<Address> {
    Address::parse_checksummed(text, None).ok()
}

pub(super) fn empty(text: &str) -> Option<()> {
    text.is_empty().then_some(())
}

/// Reserved and unreserved characters of RFC 3986, and spaces.
pub(super) fn statement(text: &str) -> Option<String> {
    let is_allowed = |byte: u8| is_unreserved(byte) || b":/?#[]@!$&'()*+,;= ".contains(&byte);
    text.bytes().all(is_allowed).then(|| text.to_owned())
}

pub(super) fn uri(text: &str) -> Option<String> {
    Uri::parse(text).is_ok().then(|| text.to_owned())
}

/// A number without a sign or leading zeros, so that it has one text.
pub(super) fn chain_id(text: &str) -> Option<ChainId> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let number = text.parse().ok().filter(|_| is_plain)?;
    Some(ChainId::new(number))
}

pub(super) fn nonce(text: &str) -> Option<String> {
    let is_right = text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_right.then(|| text.to_owned())
}

pub(super) fn instant(text: &str) -> Option<Instant> {
    // RFC 3339 has a `T` between date and time; chrono also reads a space.
    let has_t = text.as_bytes().get(10).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'T'));
    let time = DateTime::parse_from_rfc3339(text).ok().filter(|_| has_t)?;
    Some(Instant { text: text.to_owned(), time })
}

/// Characters of a segment of a path, and escaped ones.
pub(super) fn request_id(text: &str) -> Option<String> {
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = match (first, others) {
            (b'%', [high, low, others @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                others
            }
            (byte, others) if is_unreserved(*byte) || b"!$&'()*+,;=:@".contains(byte) => others,
            _ => return None,
        };
    }
    Some(text.to_owned())
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
