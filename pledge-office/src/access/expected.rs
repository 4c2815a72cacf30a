//! Whether a message was meant for this server, now (pure).

use chrono::{DateTime, FixedOffset, Utc};
use fluent_uri::Uri;
use pledge_core::types::ChainId;

use super::SignInMessage;

/// What a message has to be. Whether its nonce is one that this server made, unused, is for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The scheme of the page at which users sign in, such as `https`.
    pub scheme: String,
    /// Its authority, such as `app.example:8443`.
    pub domain: String,
    /// The chains on which the code of an account is looked up.
    pub chains: Vec<ChainId>,
}

/// How far the clock of the one who made a message may be ahead, in seconds.
const AHEAD_MAX: i64 = 60;
/// How long after it was made a message may be used, in seconds: as long as a nonce.
const AGE_MAX: i64 = 600;

/// Why a message is refused, though it is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is for another page. A page that shows it to the user acts in this server's name.
    #[error("the message is for `{0}`: sign one that is made for this page")]
    Domain(String),
    /// What the user signs in to is of another origin.
    #[error("the message signs in to `{0}`, which is of another origin than this page")]
    Uri(String),
    /// The chain is none that this server follows.
    #[error("chain {0} is none of those that this server follows")]
    Chain(ChainId),
    /// It was made later than now.
    #[error("the message is issued later than now: set the clock")]
    IssuedLater,
    /// It was made too long ago.
    #[error("the message was issued more than 10 minutes ago: sign a new one")]
    Old,
    /// Its own time is over.
    #[error("the message has expired: sign a new one")]
    Expired,
    /// Its own time has not come.
    #[error("the message may not be used yet")]
    Early,
}

impl Expected {
    /// Whether a message may be used now. An end is exclusive: a message that expires now has expired.
    pub fn check(&self, message: &SignInMessage, now: DateTime<Utc>) -> Result<(), Refusal> {
        let is_own = |scheme: &str, domain: &str| {
            scheme.eq_ignore_ascii_case(&self.scheme) && domain.eq_ignore_ascii_case(&self.domain)
        };
        if !is_own(message.scheme.as_deref().unwrap_or(&self.scheme), &message.domain) {
            return Err(Refusal::Domain(message.domain.clone()));
        }
        let uri = Uri::parse(message.uri.as_str()).ok();
        let origin = uri.and_then(|uri| Some((uri.scheme(), uri.authority()?)));
        if !origin.is_some_and(|(scheme, domain)| is_own(scheme.as_str(), domain.as_str())) {
            return Err(Refusal::Uri(message.uri.clone()));
        }
        if !self.chains.contains(&message.chain_id) {
            return Err(Refusal::Chain(message.chain_id));
        }
        // Signed: a message may be dated any number of years away.
        let age = |time: DateTime<FixedOffset>| now.signed_duration_since(time).num_milliseconds();
        match age(message.issued_at.time()) {
            age if age < -AHEAD_MAX * 1_000 => return Err(Refusal::IssuedLater),
            age if age >= AGE_MAX * 1_000 => return Err(Refusal::Old),
            _ => {}
        }
        if message.expiration_time.as_ref().is_some_and(|end| age(end.time()) >= 0) {
            return Err(Refusal::Expired);
        }
        if message.not_before.as_ref().is_some_and(|start| age(start.time()) < 0) {
            return Err(Refusal::Early);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-05-01T12:00:00Z";

    fn message(edit: impl FnOnce(&str) -> String) -> SignInMessage {
        let right = "app.example wants you to sign in with your Ethereum account:\n\
                     0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\n\n\nURI: https://app.example/login\nVersion: 1\n\
                     Chain ID: 56\nNonce: 32891756\nIssued At: 2026-05-01T11:59:00Z";
        SignInMessage::parse(&edit(right)).unwrap()
    }

    fn refused(edit: impl FnOnce(&str) -> String) -> Option<Refusal> {
        let expected = Expected {
            scheme: "https".to_owned(),
            domain: "app.example".to_owned(),
            chains: vec![ChainId::new(1), ChainId::new(56)],
        };
        let now = DateTime::parse_from_rfc3339(NOW).unwrap().to_utc();
        expected.check(&message(edit), now).err()
    }

    fn swapped(from: &'static str, to: &'static str) -> Option<Refusal> {
        refused(|text| text.replace(from, to))
    }

    #[test]
    fn a_message_for_this_page_is_accepted() {
        assert_eq!(refused(str::to_owned), None);
        assert_eq!(refused(|text| format!("https://{text}")), None);
        assert_eq!(swapped("app.example wants", "APP.example wants"), None);
        assert_eq!(swapped("/login", "?from=/#top"), None);
    }

    #[test]
    fn a_message_for_another_page_is_refused() {
        let domain = |name: &str| Some(Refusal::Domain(name.to_owned()));
        let others = [
            "app.example.evil.example",
            "evil.example",
            "app.example:8443",
            "app.example@evil.example",
            "user@app.example",
            "app.example.",
        ];
        for other in others {
            let text = format!("{other} wants");
            assert_eq!(refused(|right| right.replace("app.example wants", &text)), domain(other));
        }
        assert_eq!(refused(|text| format!("http://{text}")), domain("app.example"));
    }

    #[test]
    fn a_message_that_signs_in_elsewhere_is_refused() {
        let others = [
            "https://evil.example/https://app.example",
            "http://app.example/login",
            "https://app.example.evil.example/login",
            "https://app.example@evil.example/login",
            "https://app.example:444/login",
            "did:key:z6Mkf",
        ];
        for other in others {
            let refused = refused(|text| text.replace("https://app.example/login", other));
            assert_eq!(refused, Some(Refusal::Uri(other.to_owned())));
        }
    }

    #[test]
    fn a_message_on_another_chain_is_refused() {
        assert_eq!(swapped("ID: 56", "ID: 57"), Some(Refusal::Chain(ChainId::new(57))));
    }

    #[test]
    fn a_message_is_used_within_ten_minutes_of_its_making() {
        for (issued, refusal) in [
            ("2026-05-01T11:50:00.001Z", None),
            ("2026-05-01T11:50:00Z", Some(Refusal::Old)),
            ("1970-01-01T00:00:00Z", Some(Refusal::Old)),
            ("2026-05-01T12:01:00Z", None),
            ("2026-05-01T12:01:00.001Z", Some(Refusal::IssuedLater)),
            ("9999-12-31T23:59:59Z", Some(Refusal::IssuedLater)),
            ("2026-05-01T14:00:00+02:00", None),
        ] {
            assert_eq!(swapped("2026-05-01T11:59:00Z", issued), refusal, "{issued}");
        }
    }

    #[test]
    fn a_message_is_used_within_its_own_times() {
        for (line, refusal) in [
            ("Expiration Time: 2026-05-01T12:00:00.001Z", None),
            ("Expiration Time: 2026-05-01T12:00:00Z", Some(Refusal::Expired)),
            ("Not Before: 2026-05-01T12:00:00Z", None),
            ("Not Before: 2026-05-01T12:00:00.001Z", Some(Refusal::Early)),
        ] {
            assert_eq!(refused(|text| format!("{text}\n{line}")), refusal, "{line}");
        }
    }
}
