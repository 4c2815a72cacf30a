//! The public vectors of EIP-4361: `eip4361/README.md` has where they are from.

#![cfg(feature = "access")]
#![expect(clippy::unwrap_used, reason = "tests panic")]

use chrono::{DateTime, Utc};
use pledge_core::primitives::Bytes;
use pledge_core::types::ChainId;
use pledge_office::access::{
    Expected, Inquiry, SignInMessage, SignedBy, WalletSignature, message_digest,
};
use serde_json::{Map, Value};

/// The vectors of a file, by name.
fn vectors(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap()
}

/// The text that fields make, whether or not it is a message.
fn text_of(fields: &Value) -> String {
    let shown = |name: &str| match &fields[name] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut text = format!(
        "{} wants you to sign in with your Ethereum account:\n{}\n\n{}\n\n\
         URI: {}\nVersion: {}\nChain ID: {}\nNonce: {}\nIssued At: {}",
        shown("domain"),
        shown("address"),
        shown("statement"),
        shown("uri"),
        shown("version"),
        shown("chainId"),
        shown("nonce"),
        shown("issuedAt"),
    );
    let optional = [
        ("Expiration Time", "expirationTime"),
        ("Not Before", "notBefore"),
        ("Request ID", "requestId"),
    ];
    for (name, field) in optional {
        if !fields[field].is_null() {
            text += &format!("\n{name}: {}", shown(field));
        }
    }
    if let Some(resources) = fields["resources"].as_array() {
        text += "\nResources:";
        resources.iter().for_each(|one| text += &format!("\n- {}", one.as_str().unwrap()));
    }
    text
}

#[test]
fn what_is_to_be_parsed_is_parsed_with_its_fields() {
    for (name, vector) in vectors(include_str!("eip4361/parsing_positive.json")) {
        let text = vector["message"].as_str().unwrap();
        let message = SignInMessage::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(message.to_string(), text, "{name}");
        let fields = &vector["fields"];
        assert_eq!(message.domain, fields["domain"], "{name}");
        assert_eq!(message.address.to_checksum(None), fields["address"], "{name}");
        assert_eq!(message.statement.as_deref(), fields["statement"].as_str(), "{name}");
        assert_eq!(message.uri, fields["uri"], "{name}");
        assert_eq!(message.chain_id.to_string(), fields["chainId"], "{name}");
        assert_eq!(message.nonce, fields["nonce"], "{name}");
        assert_eq!(message.issued_at.to_string(), fields["issuedAt"], "{name}");
        let resources = message.resources.map_or(Value::Null, Value::from);
        assert_eq!(resources, fields["resources"], "{name}");
    }
}

#[test]
fn what_is_not_to_be_parsed_is_refused() {
    for (name, text) in vectors(include_str!("eip4361/parsing_negative.json")) {
        assert!(SignInMessage::parse(text.as_str().unwrap()).is_err(), "{name}");
    }
}

#[test]
fn fields_that_make_no_message_are_refused() {
    for (name, fields) in vectors(include_str!("eip4361/parsing_negative_objects.json")) {
        assert!(SignInMessage::parse(&text_of(&fields)).is_err(), "{name}");
    }
}

/// Whether the account signed, by its key.
fn is_signed(message: &SignInMessage, fields: &Value) -> bool {
    let Ok(signature) = WalletSignature::parse(fields["signature"].as_str().unwrap()) else {
        return false;
    };
    let digest = message_digest(&message.to_string());
    let inquiry = Inquiry::new(message.address, digest, &signature).unwrap();
    inquiry.decide(&[Ok(Bytes::new()), Ok(Bytes::new())]) == Ok(SignedBy::Key)
}

#[test]
fn what_is_to_be_verified_is_verified() {
    for (name, fields) in vectors(include_str!("eip4361/verification_positive.json")) {
        let message = SignInMessage::parse(&text_of(&fields)).unwrap();
        assert!(is_signed(&message, &fields), "{name}");
    }
}

/// Each is judged when it was made, or at the time that it names.
#[test]
fn what_is_not_to_be_verified_is_refused() {
    for (name, fields) in vectors(include_str!("eip4361/verification_negative.json")) {
        let message = SignInMessage::parse(&text_of(&fields)).unwrap();
        let expected = Expected {
            scheme: "https".to_owned(),
            domain: fields["domainBinding"].as_str().unwrap_or(&message.domain).to_owned(),
            chains: vec![ChainId::new(1)],
        };
        let now = fields["time"].as_str().or(fields["issuedAt"].as_str()).unwrap();
        let now = DateTime::parse_from_rfc3339(now).unwrap().with_timezone(&Utc);
        let is_own_nonce = fields["matchNonce"].as_str().is_none_or(|nonce| nonce == message.nonce);
        let is_for_now = expected.check(&message, now).is_ok();
        assert!(!(is_for_now && is_own_nonce && is_signed(&message, &fields)), "{name}");
    }
}
