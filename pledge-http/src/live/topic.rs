//! What a reader can follow, and how it is written (pure).

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

use pledge_core::primitives::Address;
use pledge_core::types::{Account, ChainId, TokenId};
use pledge_office::access::Object;

/// One subject that a reader follows.
///
/// | topic | events | states |
/// |---|---|---|
/// | `chains` | blocks confirmed, reorgs, rewinds, halts | each chain, as `/chains` answers it, without ages |
/// | `settlements` | windows settled, reorgs, rewinds | the newest settlements, as `/settlements` answers them |
/// | `account:{chain_id}:{token}:{account}` | none | the account, as its route answers it |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Every chain.
    Chains,
    /// The settlements of every programme.
    Settlements,
    /// One account on one token.
    Account(TokenId, Account),
}

/// Why a text names no topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnknownTopic {
    /// It has no form of a topic.
    Malformed(String),
    /// It names the zero address, which is never an account.
    ZeroAccount(String),
}

impl fmt::Display for UnknownTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(text) => write!(
                f,
                "`{text}` is no topic: chains, settlements or account:{{chain_id}}:{{token}}:{{account}}"
            ),
            Self::ZeroAccount(text) => {
                write!(f, "`{text}` names the zero address, which is never an account")
            }
        }
    }
}

impl Error for UnknownTopic {}

impl Topic {
    /// The most characters of a topic that a message repeats.
    const SHOWN_MAX: usize = 160;

    /// Whose right it needs to follow it, where reading is not public.
    pub(super) const fn object(&self) -> Object {
        match self {
            Self::Chains | Self::Settlements => Object::General,
            Self::Account(token, _) => Object::Token(*token),
        }
    }
}

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(text: &str) -> Result<Self, UnknownTopic> {
        let shown = || text.chars().take(Self::SHOWN_MAX).collect::<String>();
        let malformed = || UnknownTopic::Malformed(shown());
        let mut parts = text.split(':');
        let topic = match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("chains"), None, ..) => Self::Chains,
            (Some("settlements"), None, ..) => Self::Settlements,
            (Some("account"), Some(chain), Some(token), Some(account), None) => {
                let token = address(token).ok_or_else(malformed)?;
                let chain = chain_id(chain).ok_or_else(malformed)?;
                let account = address(account).ok_or_else(malformed)?;
                let account =
                    Account::new(account).ok_or_else(|| UnknownTopic::ZeroAccount(shown()))?;
                Self::Account(TokenId { chain, address: token }, account)
            }
            _ => return Err(malformed()),
        };
        Ok(topic)
    }
}

/// Digits without a sign or leading zeros, so that one topic is one text.
fn chain_id(text: &str) -> Option<ChainId> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain || text == "0").map(ChainId::new)
}

/// As in a path: `0x` and 40 hexadecimal digits in any case.
fn address(text: &str) -> Option<Address> {
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X"));
    digits.filter(|digits| digits.len() == 40).and_then(|digits| digits.parse().ok())
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chains => f.write_str("chains"),
            Self::Settlements => f.write_str("settlements"),
            Self::Account(token, account) => {
                write!(f, "account:{}:{}:{}", token.chain, token.address, account.address())
            }
        }
    }
}

/// The topics of a list with commas between them, each once.
pub(super) fn list(text: &str) -> Result<BTreeSet<Topic>, UnknownTopic> {
    text.split(',').map(str::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0x70ce000000000000000000000000000000000001";
    const ALICE: &str = "0xa11ce00000000000000000000000000000000001";

    #[test]
    fn a_topic_is_read_as_it_is_shown() {
        let account = format!("account:1:{TOKEN}:{ALICE}");
        for text in ["chains", "settlements", &account] {
            let topic: Topic = text.parse().unwrap();
            assert_eq!(topic.to_string().parse(), Ok(topic));
        }
    }

    #[test]
    fn addresses_are_the_same_topic_in_any_case() {
        let written = |token: &str| format!("account:1:{token}:{ALICE}").parse::<Topic>();
        assert_eq!(written(&TOKEN.to_uppercase()), written(TOKEN));
    }

    #[test]
    fn what_is_not_exactly_a_topic_is_refused() {
        let long = "x".repeat(10_000);
        for text in [
            "",
            "chain",
            "Chains",
            " chains",
            "chains:",
            "chains:1",
            "settlements:1",
            "account",
            "account:1",
            &format!("account:1:{TOKEN}"),
            &format!("account:01:{TOKEN}:{ALICE}"),
            &format!("account:+1:{TOKEN}:{ALICE}"),
            &format!("account::{TOKEN}:{ALICE}"),
            &format!("account:99999999999999999999:{TOKEN}:{ALICE}"),
            &format!("account:1:{}:{ALICE}", &TOKEN[2..]),
            &format!("account:1:{TOKEN}:{ALICE}0"),
            &format!("account:1:{TOKEN}:{ALICE}:main"),
            &long,
        ] {
            let refused = text.parse::<Topic>().unwrap_err();
            assert!(matches!(refused, UnknownTopic::Malformed(_)), "{text}");
            assert!(refused.to_string().len() < 400, "a refusal repeats a part of it at most");
        }
    }

    #[test]
    fn the_zero_address_is_never_an_account() {
        let zero = format!("account:1:{TOKEN}:0x{}", "0".repeat(40));
        assert!(matches!(zero.parse::<Topic>(), Err(UnknownTopic::ZeroAccount(_))));
    }

    #[test]
    fn a_topic_that_a_list_has_twice_counts_once() {
        assert_eq!(list("chains,settlements,chains").unwrap().len(), 2);
        assert!(list("chains,").is_err());
    }
}
