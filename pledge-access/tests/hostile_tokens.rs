//! Tokens that are forged, damaged or meant for something else.

#![expect(clippy::unwrap_used, reason = "tests panic")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use pledge_access::JwtTokens;
use pledge_core::primitives::hex;
use pledge_core::types::Timestamp;
use pledge_office::access::{
    AccessClaims, AccessTokens, BadToken, Purpose, Secrets, SessionId, UserId,
};
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "the first secret of thirty-two bytes";
const NOW: u64 = 1_777_636_800;
const ISSUER: &str = "pledge.example";

fn secrets(secrets: &[&str]) -> Secrets {
    Secrets::new(secrets).unwrap()
}

fn tokens(of: &[&str]) -> JwtTokens {
    JwtTokens::new(&secrets(of).keys(Purpose::AccessToken), ISSUER)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::new(seconds).unwrap()
}

fn claims() -> AccessClaims {
    AccessClaims {
        user: UserId::from_bytes([1; 16]),
        session: SessionId::from_bytes([2; 16]),
        issued_at: at(NOW),
        expires_at: at(NOW + AccessClaims::SECONDS),
        id: [3; 16],
    }
}

fn read(token: &str) -> Result<AccessClaims, BadToken> {
    tokens(&[SECRET]).read(token, at(NOW + 1))
}

/// A token that this server signs.
fn genuine() -> String {
    tokens(&[SECRET]).sign(&claims())
}

/// A part of a genuine token as JSON.
fn part(number: usize) -> Value {
    let token = genuine();
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn key() -> [u8; 32] {
    *secrets(&[SECRET]).keys(Purpose::AccessToken).first()
}

/// A token of any header and claims, signed with a key.
fn signed(header: &str, claims: &str, key: &[u8]) -> String {
    let body = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mac: Hmac<Sha256> = KeyInit::new_from_slice(key).unwrap();
    let tag = mac.chain_update(&body).finalize().into_bytes();
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// A token with one change in its header, signed with the right key.
fn with_header(edit: impl FnOnce(&mut Value)) -> String {
    let mut header = part(0);
    edit(&mut header);
    signed(&header.to_string(), &part(1).to_string(), &key())
}

/// A token with one change in its claims, signed with the right key.
fn with_claims(edit: impl FnOnce(&mut Value)) -> String {
    let mut claims = part(1);
    edit(&mut claims);
    signed_claims(&claims.to_string())
}

/// A token with the genuine header and these claims, signed with the right key.
fn signed_claims(claims: &str) -> String {
    let (head, _) = genuine_parts();
    let body = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
    let mac: Hmac<Sha256> = KeyInit::new_from_slice(&key()).unwrap();
    let tag = mac.chain_update(&body).finalize().into_bytes();
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn genuine_parts() -> (String, String) {
    let token = genuine();
    let (head, rest) = token.split_once('.').unwrap();
    (head.to_owned(), rest.to_owned())
}

#[test]
fn a_token_is_read_as_it_was_signed() {
    assert_eq!(read(&genuine()), Ok(claims()));
    assert_eq!(part(0), json!({"typ": "at+jwt", "alg": "HS256", "kid": part(0)["kid"]}));
    assert!(genuine().len() < 512);
}

/// What the other tests change is right before they change it.
#[test]
fn a_token_that_is_signed_by_hand_is_read() {
    assert_eq!(read(&with_claims(|_| {})), Ok(claims()));
}

#[test]
fn a_token_of_a_secret_that_was_replaced_is_read_until_that_is_removed() {
    const NEW: &str = "the second secret of thirty-two bytes";
    let read = |of: &[&str]| tokens(of).read(&genuine(), at(NOW)).is_ok();
    assert!(read(&[NEW, SECRET]));
    assert!(!read(&[NEW]));
}

#[test]
fn a_token_ends_in_its_last_second() {
    let read = |seconds| tokens(&[SECRET]).read(&genuine(), at(seconds));
    assert_eq!(read(NOW + 899), Ok(claims()));
    assert_eq!(read(NOW + 900), Err(BadToken::Expired));
    assert_eq!(read(NOW - 60), Ok(claims()));
    assert_eq!(read(NOW - 61), Err(BadToken::Early));
}

#[test]
fn a_header_that_this_server_does_not_write_is_refused() {
    let other_kid = tokens(&["the second secret of thirty-two bytes"]).sign(&claims());
    let other_kid = other_kid.split('.').next().unwrap().to_owned();
    let other_kid: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(other_kid).unwrap()).unwrap();
    let jwk = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(key())});
    let set = |name: &'static str, value: Value| with_header(|header| header[name] = value);
    let remove = |name: &'static str| {
        with_header(|header| drop(header.as_object_mut().unwrap().remove(name)))
    };
    for (what, token) in [
        ("no algorithm", set("alg", json!("none"))),
        ("no algorithm, in capitals", set("alg", json!("NONE"))),
        ("another hash", set("alg", json!("HS512"))),
        ("RSA over the key as its public one", set("alg", json!("RS256"))),
        ("an elliptic curve", set("alg", json!("ES256"))),
        ("an unknown algorithm", set("alg", json!("HS257"))),
        ("no type", remove("typ")),
        ("another type", set("typ", json!("JWT"))),
        ("the type in capitals", set("typ", json!("AT+JWT"))),
        ("no key id", remove("kid")),
        ("an unknown key id", set("kid", json!("0000000000000000"))),
        ("a path as key id", set("kid", json!("../../dev/null"))),
        ("the key id of another secret", set("kid", other_kid["kid"].clone())),
        ("what must be understood", set("crit", json!(["exp"]))),
        ("a key of its own", set("jwk", jwk)),
        ("the place of a key", set("jku", json!("https://evil.example/keys"))),
        ("an unencoded payload", set("b64", json!(false))),
        ("compression", set("zip", json!("DEF"))),
    ] {
        assert_eq!(read(&token), Err(BadToken::Foreign), "{what}");
    }
    let spaced = format!(" {}", part(0));
    assert_eq!(read(&signed(&spaced, &part(1).to_string(), &key())), Err(BadToken::Foreign));
}

#[test]
fn a_token_of_another_key_is_refused() {
    let (head, _) = genuine_parts();
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap();
    let secrets = secrets(&[SECRET]);
    for purpose in [Purpose::Nonce, Purpose::RefreshToken, Purpose::Encryption] {
        let token = signed(&header, &part(1).to_string(), secrets.keys(purpose).first());
        assert_eq!(read(&token), Err(BadToken::Foreign), "{purpose:?}");
    }
    for key in [&b""[..], SECRET.as_bytes(), &[0; 32]] {
        let token = signed(&header, &part(1).to_string(), key);
        assert_eq!(read(&token), Err(BadToken::Foreign), "{key:?}");
    }
}

#[test]
fn a_claim_that_is_missing_or_wrong_or_of_another_type_is_refused() {
    let names = ["iss", "aud", "sub", "sid", "iat", "exp", "jti"];
    for name in names {
        let missing = with_claims(|claims| drop(claims.as_object_mut().unwrap().remove(name)));
        assert_eq!(read(&missing), Err(BadToken::Foreign), "no {name}");
        for value in [json!(null), json!([]), json!({}), json!(true), json!("")] {
            let token = with_claims(|claims| claims[name] = value.clone());
            assert_eq!(read(&token), Err(BadToken::Foreign), "{name} is {value}");
        }
    }
    let end = NOW + 900;
    for (name, value) in [
        ("exp", json!(end.to_string())),
        ("exp", serde_json::from_str(&format!("{end}.0")).unwrap()),
        ("exp", serde_json::from_str(&format!("{end}.5")).unwrap()),
        ("exp", json!(-1)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1_u64 << 40)),
        ("exp", json!(end + 1)),
        ("iat", json!((NOW).to_string())),
        ("iat", json!(0)),
        ("iss", json!("pledge.example.evil.example")),
        ("iss", json!([ISSUER])),
        ("aud", json!(["pledge/v1"])),
        ("aud", json!(["pledge/v1", "other"])),
        ("aud", json!("pledge/v2")),
        ("aud", json!("v21")),
        ("sub", json!("01".repeat(15))),
        ("sub", json!("0A".repeat(16))),
        ("sub", json!(1)),
        ("sid", json!(format!("{} ", "02".repeat(16)))),
        ("jti", json!("0A".repeat(16))),
        ("nbf", json!(NOW + 600)),
        ("nbf", json!(NOW - 600)),
        ("nbf", json!("never")),
        ("role", json!("admin")),
        ("scope", json!("*")),
    ] {
        let token = with_claims(|claims| claims[name] = value.clone());
        assert_eq!(read(&token), Err(BadToken::Foreign), "{name} is {value}");
    }
}

#[test]
fn claims_that_are_no_plain_object_are_refused() {
    let right = part(1).to_string();
    let twice = right.replacen('{', &format!("{{\"sub\":\"{}\",", "01".repeat(16)), 1);
    let escaped = right.replacen("\"sub\"", "\"su\\u0062\"", 1);
    let twice_escaped = right.replacen('{', "{\"su\\u0062\":\"01\",", 1);
    for (what, claims) in [
        ("a claim twice", twice),
        ("a claim twice, once escaped", twice_escaped),
        ("a list", format!("[{right}]")),
        ("nothing", String::new()),
        ("null", "null".to_owned()),
        ("something behind", format!("{right}{right}")),
        ("cut", right[..right.len() - 1].to_owned()),
        ("deep", format!("{}{}", "[".repeat(200), "]".repeat(200))),
        ("no text", "\u{fffd}\0".to_owned()),
    ] {
        assert_eq!(read(&signed_claims(&claims)), Err(BadToken::Foreign), "{what}");
    }
    // A name that is escaped is the same name in JSON.
    assert_eq!(read(&signed_claims(&escaped)), Ok(claims()));
}

#[test]
fn a_token_that_is_written_differently_is_refused() {
    let token = genuine();
    let parts: Vec<_> = token.split('.').collect();
    let [head, body, tag] = parts[..] else { panic!("three parts") };
    let bytes = URL_SAFE_NO_PAD.decode(tag).unwrap();
    // The last character of 32 bytes has two bits that are of no byte.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(&tag[tag.len() - 1..]).unwrap();
    let loose = format!("{}{}", &tag[..tag.len() - 1], &alphabet[last + 1..last + 2]);
    for (what, other) in [
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("no signature", format!("{head}.{body}")),
        ("an empty signature", format!("{head}.{body}.")),
        ("an empty body", format!("{head}..{tag}")),
        ("an empty head", format!(".{body}.{tag}")),
        ("one more part", format!("{token}.")),
        ("five parts, as if encrypted", format!("{token}.{body}.{tag}")),
        ("a space before", format!(" {token}")),
        ("a line end behind", format!("{token}\n")),
        ("a space inside", format!("{head}. {body}.{tag}")),
        ("padding", format!("{head}.{body}.{}", URL_SAFE.encode(&bytes))),
        ("another alphabet", format!("{head}.{body}.{}", STANDARD.encode([0xff; 32]))),
        ("bits of no byte", format!("{head}.{body}.{loose}")),
        ("a byte less", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(&bytes[..31]))),
        ("half a signature", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(&bytes[..16]))),
        ("the signature twice", format!("{head}.{body}.{tag}{tag}")),
        ("hexadecimal", format!("{head}.{body}.{}", hex::encode(&bytes))),
        ("a scheme", format!("Bearer {token}")),
        ("letters of no base64", format!("{head}.{body}.é{tag}")),
        ("a byte order mark", format!("\u{feff}{token}")),
        ("a null", format!("{token}\0")),
        ("capitals", token.to_uppercase()),
        ("huge", format!("{head}.{}.{tag}", "A".repeat(10_000_000))),
        ("many dots", ".".repeat(1_000)),
    ] {
        assert_eq!(read(&other), Err(BadToken::Foreign), "{what}");
    }
}

#[test]
fn a_token_with_any_character_changed_is_refused() {
    let token = genuine();
    for place in 0..token.len() {
        let mut other = token.clone().into_bytes();
        other[place] = if other[place] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert!(read(&other).is_err(), "{place}");
        assert!(read(&token[..place]).is_err(), "{place}");
    }
}
