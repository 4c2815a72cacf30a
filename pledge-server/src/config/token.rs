//! `[chains.NAME.tokens.NAME]`.

use std::collections::{BTreeMap, HashMap};

use pledge_core::primitives::Address;
use pledge_core::types::{BlockNumber, Decimals};

use super::name::{NAME_CHARS_MAX, check_name};
use super::raw::{RawToken, Whole};
use super::{Key, PointsConfig, Problems};

/// One ERC-20 contract to follow.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// Its key in the configuration.
    pub key: Key,
    pub address: Address,
    /// First block whose logs count; `None` finds the block of its deployment on the node.
    pub start_block: Option<BlockNumber>,
    /// The decimals of a contract that has none; `None` asks the contract.
    pub decimals: Option<Decimals>,
    /// What an unreadable log does to the token.
    pub on_unreadable: OnUnreadable,
    /// Its programme `main`; `None` keeps the ledger alone.
    pub points: Option<PointsConfig>,
}

/// What happens when a log has the topic of a transfer but cannot be read as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnUnreadable {
    /// The log is counted, and the token continues without it.
    #[default]
    Mark,
    /// The token is halted at the block before it.
    Halt,
}

impl OnUnreadable {
    fn check(raw: Option<&str>) -> Result<Self, String> {
        match raw {
            None => Ok(Self::default()),
            Some(text) => [Self::Mark, Self::Halt]
                .into_iter()
                .find(|known| known.name() == text)
                .ok_or_else(|| {
                    format!(
                        "`{text}` is not known: write \"mark\", which is the default, or \"halt\""
                    )
                }),
        }
    }

    /// The value in the configuration.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Mark => "mark",
            Self::Halt => "halt",
        }
    }
}

pub(super) fn check_all(
    raw: BTreeMap<String, RawToken>,
    key: &Key,
    problems: &mut Problems,
) -> Vec<TokenConfig> {
    let checked =
        raw.into_iter().filter_map(|(name, raw)| TokenConfig::check(&name, raw, key, problems));
    let tokens: Vec<TokenConfig> = checked.collect();
    let mut seen: HashMap<Address, &Key> = HashMap::new();
    for token in &tokens {
        if let Some(first) = seen.insert(token.address, &token.key) {
            let what = format!("{} is the address of {first} too", token.address);
            problems.add(&token.key.child("address"), format!("{what}: remove one of the two"));
        }
    }
    tokens
}

impl TokenConfig {
    fn check(name: &str, raw: RawToken, tokens: &Key, problems: &mut Problems) -> Option<Self> {
        // Every value is checked before the first `?`, so that all problems are reported at once.
        let key = tokens.child(name);
        check_name(name, NAME_CHARS_MAX, &key, problems);
        let address_key = key.child("address");
        let text = problems.require(&address_key, raw.address, "address = \"0x…\"");
        let address = text.and_then(|text| problems.take(&address_key, parse_address(&text)));
        let on_unreadable = OnUnreadable::check(raw.on_unreadable.as_deref());
        let on_unreadable = problems.take(&key.child("on_unreadable"), on_unreadable);
        let decimals_key = key.child("decimals");
        let decimals = match raw.decimals {
            Some(Whole(decimals)) => {
                problems.take(&decimals_key, check_decimals(decimals)).map(Some)
            }
            None => Some(None),
        };
        let points_key = key.child("points");
        let points = match raw.points {
            Some(raw) => PointsConfig::check(raw, &points_key, problems).map(Some),
            None => Some(None),
        };
        Some(Self {
            key,
            address: address?,
            start_block: raw.start_block.map(|Whole(block)| BlockNumber::new(block)),
            decimals: decimals?,
            on_unreadable: on_unreadable?,
            points: points?,
        })
    }
}

fn check_decimals(decimals: u64) -> Result<Decimals, String> {
    let known = u8::try_from(decimals).ok().and_then(|decimals| Decimals::new(decimals).ok());
    known.ok_or_else(|| format!("{decimals} is above 77, the most that a token can have"))
}

/// Parses an address with `0x`. In mixed case its EIP-55 checksum must be right.
pub(super) fn parse_address(text: &str) -> Result<Address, String> {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    let one_case = digits == digits.to_ascii_lowercase() || digits == digits.to_ascii_uppercase();
    let address: Address = text
        .strip_prefix("0x")
        .and_then(|_| text.parse().ok())
        .ok_or_else(|| format!("`{text}` is not an address: write 0x and 40 hex digits"))?;
    if !one_case && address.to_checksum(None) != text {
        return Err(format!(
            "`{text}` has a wrong checksum, so it may be mistyped: copy it again, or write it in \
             lower case if you are sure"
        ));
    }
    if address.is_zero() {
        return Err("the zero address is no contract: write the address of the contract".to_owned());
    }
    Ok(address)
}
