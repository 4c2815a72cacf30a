//! The text that a wallet signs to sign in.

use std::fmt;

use chrono::{DateTime, FixedOffset};
use pledge_core::primitives::Address;
use pledge_core::types::ChainId;

mod grammar;
mod lines;

use lines::Lines;

/// A message of EIP-4361, version 1, whose every part follows the grammar of that standard.
///
/// It displays as the text that was parsed, byte for byte. So what is judged is what was signed.
///
/// <https://eips.ethereum.org/EIPS/eip-4361>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInMessage {
    /// The scheme of the page that asks, such as `https`.
    pub scheme: Option<String>,
    /// The authority of that page, such as `app.example:8443`.
    pub domain: String,
    /// The account that signs in.
    pub address: Address,
    /// What the user reads.
    pub statement: Option<String>,
    /// What the user signs in to.
    pub uri: String,
    /// The chain on which the account's code is looked up.
    pub chain_id: ChainId,
    /// What makes the message one of its kind.
    pub nonce: String,
    /// When the message was made.
    pub issued_at: Instant,
    /// The last moment at which it may be used.
    pub expiration_time: Option<Instant>,
    /// The first moment at which it may be used.
    pub not_before: Option<Instant>,
    /// A number of the page's own for this sign-in.
    pub request_id: Option<String>,
    /// What the user refers to with this sign-in.
    pub resources: Option<Vec<String>>,
}

/// An instant as a message has it: the text, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instant {
    text: String,
    time: DateTime<FixedOffset>,
}

impl Instant {
    /// What the text means.
    pub const fn time(&self) -> DateTime<FixedOffset> {
        self.time
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no message of EIP-4361.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the message: {what} is expected")]
pub struct MalformedMessage {
    /// The first wrong line, from 1.
    pub line: usize,
    /// What a right message has there.
    pub what: &'static str,
}

impl SignInMessage {
    /// The longest text that is read, in bytes.
    pub const BYTES_MAX: usize = 8 * 1_024;

    /// Parses a text. Lines end with a line feed alone, and the last one with the text.
    pub fn parse(text: &str) -> Result<Self, MalformedMessage> {
        if text.len() > Self::BYTES_MAX {
            return Err(MalformedMessage { line: 1, what: "a message of at most 8 KiB" });
        }
        let mut lines = Lines::of(text);
        let (scheme, domain) = lines.take("an origin that wants you to sign in", |line| {
            let origin = line.strip_suffix(grammar::WANTS)?;
            grammar::origin(origin)
        })?;
        let address = lines.take("an address with its EIP-55 checksum", grammar::address)?;
        lines.take("an empty line", grammar::empty)?;
        let statement = lines.statement()?;
        let uri = lines.field("URI: ", "`URI: ` and a URI", grammar::uri)?;
        lines.field("Version: ", "`Version: 1`", |version| (version == "1").then_some(()))?;
        let chain_id = lines.field("Chain ID: ", "`Chain ID: ` and a number", grammar::chain_id)?;
        let nonce = "`Nonce: ` and 8 or more letters and digits";
        let nonce = lines.field("Nonce: ", nonce, grammar::nonce)?;
        let time = "`Issued At: ` and a time of RFC 3339";
        let issued_at = lines.field("Issued At: ", time, grammar::instant)?;
        // What follows may be left out, but has this order.
        let time = "`Expiration Time: ` and a time of RFC 3339";
        let expiration_time = lines.optional("Expiration Time: ", time, grammar::instant)?;
        let time = "`Not Before: ` and a time of RFC 3339";
        let not_before = lines.optional("Not Before: ", time, grammar::instant)?;
        let id = "`Request ID: ` and characters of a path";
        let request_id = lines.optional("Request ID: ", id, grammar::request_id)?;
        let resources = lines.resources()?;
        lines.end()?;
        Ok(Self {
            scheme,
            domain,
            address,
            statement,
            uri,
            chain_id,
            nonce,
            issued_at,
            expiration_time,
            not_before,
            request_id,
            resources,
        })
    }
}

impl fmt::Display for SignInMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = &self.scheme {
            write!(f, "{scheme}://")?;
        }
        let address = self.address.to_checksum(None);
        write!(f, "{}{}\n{address}\n\n", self.domain, grammar::WANTS)?;
        // A statement has its line, though it be empty; without one two empty lines follow the address.
        if let Some(statement) = &self.statement {
            writeln!(f, "{statement}")?;
        }
        write!(f, "\nURI: {}\nVersion: 1\nChain ID: {}", self.uri, self.chain_id)?;
        write!(f, "\nNonce: {}\nIssued At: {}", self.nonce, self.issued_at)?;
        let times = [("Expiration Time", &self.expiration_time), ("Not Before", &self.not_before)];
        for (name, time) in times {
            if let Some(time) = time {
                write!(f, "\n{name}: {time}")?;
            }
        }
        if let Some(id) = &self.request_id {
            write!(f, "\nRequest ID: {id}")?;
        }
        if let Some(resources) = &self.resources {
            f.write_str("\nResources:")?;
            for resource in resources {
                write!(f, "\n- {resource}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "message/message_tests.rs"]
mod tests;
