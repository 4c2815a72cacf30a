//! Messages and signatures against the reference implementation of EIP-4361, npm `siwe`, and against ethers.
//!
//! `PLEDGE_SEED=… cargo test -p pledge-office --all-features --test siwe` repeats a failure.

#![cfg(feature = "access")]
#![expect(clippy::unwrap_used, reason = "tests panic")]

use std::net::Ipv6Addr;
use std::path::Path;
use std::process::Command;

use pledge_core::primitives::Bytes;
use pledge_office::access::{Inquiry, SignInMessage, SignedBy, WalletSignature, message_digest};
use serde_json::Value;

const MESSAGES: usize = 1_000;

/// What `siwe` makes of random messages.
fn judged(seed: u32) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let script = Command::new("node")
        .args(["scripts/siwe.mjs", &MESSAGES.to_string(), &seed.to_string()])
        .current_dir(root)
        .output()
        .expect("node is there: scripts/test.sh installs it");
    let errors = String::from_utf8_lossy(&script.stderr);
    assert!(script.status.success(), "run `npm ci` first if a package is missing: {errors}");
    let lines = String::from_utf8(script.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn seed() -> u32 {
    let given = std::env::var("PLEDGE_SEED").ok().map(|seed| seed.parse().unwrap());
    given.unwrap_or_else(|| fastrand::u32(..))
}

/// Where a message differs from the text, by the name of the field.
fn differences(message: &SignInMessage, fields: &Value) -> Vec<&'static str> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let instant = |value: Option<&pledge_office::access::Instant>| value.map(ToString::to_string);
    let resources = fields["resources"].as_array();
    let resources = resources.map(|list| list.iter().filter_map(text).collect::<Vec<_>>());
    let pairs = [
        ("scheme", message.scheme == text(&fields["scheme"])),
        ("domain", Some(&message.domain) == text(&fields["domain"]).as_ref()),
        ("address", message.address.to_checksum(None) == fields["address"]),
        ("statement", message.statement == text(&fields["statement"])),
        ("uri", message.uri == fields["uri"]),
        ("chainId", Some(message.chain_id.get()) == fields["chainId"].as_u64()),
        ("nonce", message.nonce == fields["nonce"]),
        ("issuedAt", message.issued_at.to_string() == fields["issuedAt"]),
        ("expirationTime", {
            instant(message.expiration_time.as_ref()) == text(&fields["expirationTime"])
        }),
        ("notBefore", instant(message.not_before.as_ref()) == text(&fields["notBefore"])),
        ("requestId", message.request_id == text(&fields["requestId"])),
        ("resources", message.resources == resources),
    ];
    pairs.into_iter().filter(|(_, is_equal)| !is_equal).map(|(name, _)| name).collect()
}

fn signed_by(message: &SignInMessage, text: &str, signature: &str) -> Option<SignedBy> {
    let signature = WalletSignature::parse(signature).unwrap();
    let inquiry = Inquiry::new(message.address, message_digest(text), &signature).unwrap();
    // Accounts without code.
    inquiry.decide(&[Ok(Bytes::new()), Ok(Bytes::new())]).ok()
}

#[test]
fn messages_are_read_as_the_reference_implementation_reads_them() {
    let seed = seed();
    println!("PLEDGE_SEED={seed}");
    let (mut refused, mut unexplained) = (0, Vec::new());
    for line in judged(seed) {
        let text = line["message"].as_str().unwrap();
        let message = SignInMessage::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(message.to_string(), text);
        assert_eq!(differences(&message, &line["fields"]), [""; 0], "{text}");
        let signature = line["signature"].as_str().unwrap();
        assert_eq!(signed_by(&message, text, signature), Some(SignedBy::Key), "{text}");
        let changed = line["changed"].as_str().unwrap();
        let (ours, theirs) = (SignInMessage::parse(changed), line["is_read"] == true);
        refused += usize::from(ours.is_err());
        let is_known = theirs && laxer(changed).is_some();
        if ours.is_ok() != theirs && !is_known {
            unexplained.push(format!("siwe reads it: {theirs}, we: {ours:?}\n{changed}"));
        }
        if let Ok(ours) = ours
            && changed != text
        {
            assert_eq!(signed_by(&ours, changed, signature), None, "{changed}");
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n\n"));
    assert!((MESSAGES / 2..MESSAGES).contains(&refused), "{refused} changed messages are refused");
}

/// Where `siwe` 3.0 reads what this parser refuses.
#[derive(Debug)]
enum Laxer {
    /// Its grammar counts the groups of an IPv6 address and not the digits of an IPv4 address inside of it, so that
    /// `[::ffff:192.0.2.]` and `[::ffff:092.0.2.1]` pass. RFC 3986 has neither.
    WrongAddress,
    /// `Chain ID: 01`, as the grammar of EIP-4361 allows. Here a number has one text.
    LeadingZero,
}

/// What a refused text has that `siwe` reads, if it is known.
fn laxer(text: &str) -> Option<Laxer> {
    let hosts = text.split('[').skip(1).filter_map(|rest| rest.split(']').next());
    if hosts.into_iter().any(|host| host.contains(':') && host.parse::<Ipv6Addr>().is_err()) {
        return Some(Laxer::WrongAddress);
    }
    text.lines().any(|line| line.starts_with("Chain ID: 0")).then_some(Laxer::LeadingZero)
}
