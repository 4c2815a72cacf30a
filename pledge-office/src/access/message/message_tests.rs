use super::*;

/// Every part that a message may have.
const WHOLE: &str = "https://user@app.example:8443 wants you to sign in with your Ethereum account:
0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2

I accept the terms: https://app.example/terms (v2), & more!

URI: https://app.example:8443/login?from=%2F#top
Version: 1
Chain ID: 56
Nonce: 32891756aB
Issued At: 2026-05-01T12:00:00.123+02:00
Expiration Time: 2026-05-01T12:05:00Z
Not Before: 2026-05-01T11:55:00Z
Request ID: some%20id:@1
Resources:
- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/
- https://app.example/my-web2-claim.json";

/// No part that it may lack.
const LEAST: &str = "app.example wants you to sign in with your Ethereum account:
0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2


URI: https://app.example
Version: 1
Chain ID: 1
Nonce: 32891756
Issued At: 2026-05-01T12:00:00Z";

fn line_refused(text: &str) -> usize {
    SignInMessage::parse(text).expect_err(text).line
}

#[test]
fn a_message_with_every_part_is_parsed() {
    let message = SignInMessage::parse(WHOLE).unwrap();
    assert_eq!(message.scheme.as_deref(), Some("https"));
    assert_eq!(message.domain, "user@app.example:8443");
    assert_eq!(message.address.to_string(), "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2");
    let statement = "I accept the terms: https://app.example/terms (v2), & more!";
    assert_eq!(message.statement.as_deref(), Some(statement));
    assert_eq!(message.uri, "https://app.example:8443/login?from=%2F#top");
    assert_eq!(message.chain_id, ChainId::new(56));
    assert_eq!(message.nonce, "32891756aB");
    assert_eq!(message.issued_at.time().timestamp_millis(), 1_777_629_600_123);
    assert_eq!(message.expiration_time.unwrap().to_string(), "2026-05-01T12:05:00Z");
    assert_eq!(message.not_before.unwrap().to_string(), "2026-05-01T11:55:00Z");
    assert_eq!(message.request_id.as_deref(), Some("some%20id:@1"));
    assert_eq!(message.resources.unwrap().len(), 2);
}

#[test]
fn a_message_with_no_part_that_it_may_lack_is_parsed() {
    let message = SignInMessage::parse(LEAST).unwrap();
    let SignInMessage { scheme, statement, expiration_time, not_before, .. } = &message;
    assert_eq!((scheme, statement, expiration_time, not_before), (&None, &None, &None, &None));
    assert_eq!((message.request_id, message.resources), (None, None));
}

#[test]
fn a_message_displays_as_the_text_that_was_signed() {
    let variants = [
        WHOLE.to_owned(),
        LEAST.to_owned(),
        // A statement without a character, which is not the same as none.
        LEAST.replace("\n\n\n", "\n\n\n\n"),
        format!("{LEAST}\nResources:"),
        format!("{LEAST}\nRequest ID: "),
        LEAST.replace("app.example wants", "[::1]:80 wants"),
        LEAST.replace("12:00:00Z", "12:00:00.000000001-00:00"),
    ];
    for text in variants {
        assert_eq!(SignInMessage::parse(&text).unwrap().to_string(), text);
    }
}

#[test]
fn a_message_with_one_wrong_line_is_refused_at_that_line() {
    let wrong = [
        (1, "app.example wants", "app.example  wants"),
        (1, "app.example wants", " wants"),
        (1, "app.example wants", "https:// wants"),
        (1, "app.example wants", "app.example/path wants"),
        (1, "app.example wants", "app.example?query wants"),
        (1, "app.example wants", "app.example#top wants"),
        (1, "app.example wants", "1x://app.example wants"),
        (1, "app.example wants", "äpp.example wants"),
        (1, "Ethereum account:", "ethereum account:"),
        (2, "0xC02aaA", "0xc02aaA"),
        (2, "0xC02aaA", "C02aaA"),
        (2, "6Cc2\n", "6Cc2 \n"),
        (4, "\n\n\n", "\n\nsay \"hi\"\n\n"),
        (4, "\n\n\n", "\n\nnaïve\n\n"),
        (4, "\n\n\n", "\n\none\r\n\n"),
        (5, "\n\n\n", "\n\none\ntwo\n\n"),
        (5, "URI: https://app.example", "URI: /login"),
        (5, "URI: https://app.example", "URI: https://app.example/a b"),
        (5, "URI: ", "Uri: "),
        (6, "Version: 1", "Version: 2"),
        (7, "Chain ID: 1", "Chain ID: 0x1"),
        (7, "Chain ID: 1", "Chain ID: 01"),
        (7, "Chain ID: 1", "Chain ID: +1"),
        (7, "Chain ID: 1", "Chain ID: 18446744073709551616"),
        (7, "Chain ID: 1", "Chain ID: "),
        (8, "32891756", "3289175"),
        (8, "32891756", "3289175-6"),
        (8, "32891756", "32891756é"),
        (9, "2026-05-01T", "2026-05-01 "),
        (9, "2026-05-01T", "2026-13-01T"),
        (9, "12:00:00Z", "12:00:00"),
        (9, "12:00:00Z", "12:00Z"),
        (9, "12:00:00Z", "25:00:00Z"),
    ];
    for (line, from, to) in wrong {
        let text = LEAST.replacen(from, to, 1);
        assert_ne!(text, LEAST, "{from} is in the message");
        assert_eq!(line_refused(&text), line, "{text}");
    }
}

#[test]
fn parts_stand_in_their_order_and_once() {
    for (line, after) in [
        (11, "Not Before: 2026-05-01T12:00:00Z\nExpiration Time: 2026-05-01T12:00:00Z"),
        (11, "Request ID: 1\nRequest ID: 2"),
        (11, "Resources:\nhttps://app.example"),
        (11, "Resources:\n- "),
        (12, "Resources:\n- https://app.example\n"),
        (10, "Resources: "),
        (10, "Request ID: a/b"),
        (10, "Request ID: %2"),
        (10, "Request ID: %2g"),
        (10, ""),
        (10, "Anything"),
    ] {
        assert_eq!(line_refused(&format!("{LEAST}\n{after}")), line, "{after:?}");
    }
    let swapped = LEAST.replace("Version: 1\nChain ID: 1", "Chain ID: 1\nVersion: 1");
    assert_eq!(line_refused(&swapped), 6);
}

#[test]
fn a_message_with_lines_of_windows_is_refused() {
    assert_eq!(line_refused(&LEAST.replace('\n', "\r\n")), 1);
}

#[test]
fn a_message_that_is_too_long_or_cut_anywhere_is_refused() {
    assert_eq!(line_refused(&format!("{WHOLE}{}", "/".repeat(8_192))), 1);
    // Cut inside the last time, it may be another time; before that it is no message.
    let end = LEAST.len() - "T12:00:00Z".len();
    for length in 0..end {
        assert!(SignInMessage::parse(&LEAST[..length]).is_err(), "{length}");
    }
}
