//! `[chains.NAME.tokens.NAME]`.

use std::collections::{BTreeMap, HashMap};

use pledge_core::primitives::Address;
use pledge_core::types::{BlockNumber, Decimals};

use super::name::{NAME_CHARS_MAX, check_name};
use super::points::RawPoints;
use super::raw::Whole;
use super::section::{Shown, advised, maybe, optional, preset, required, section};
use super::{Key, PointsConfig, Problems};

section! {
    /// A token to follow; as many as you like, each with a name of yours.
    RawToken shown as TokenShown {
        /// The address of the contract; the example is USDC.
        address: Option<String> = required("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"),
        /// The first block whose logs count. Default: that of the deployment, found on a node that
        /// keeps history.
        start_block: Option<Whole> = advised(Whole(6_082_465)),
        /// For a contract without `decimals()`. Default: what the contract returns.
        decimals: Option<Whole> = optional(Whole(18)),
        /// `"mark"` counts a log of a transfer that cannot be read; `"halt"` stops the token there.
        on_unreadable: String = preset(OnUnreadable::Mark.name()),
    }
    sections {
        points: Option<RawPoints> = maybe(),
    }
}

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnreadable {
    /// The log is counted, and the token continues without it.
    Mark,
    /// The token is halted at the block before it.
    Halt,
}

impl OnUnreadable {
    fn check(text: &str) -> Result<Self, String> {
        let known = [Self::Mark, Self::Halt].into_iter().find(|known| known.name() == text);
        known.ok_or_else(|| {
            format!("`{text}` is not known: write \"mark\", which is the default, or \"halt\"")
        })
    }

    /// The value in the configuration.
    const fn name(self) -> &'static str {
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
        let RawToken { address, start_block, decimals, on_unreadable, points } = raw;
        let key = tokens.child(name);
        check_name(name, NAME_CHARS_MAX, &key, problems);
        let address_key = key.child("address");
        let text = problems.require(&address_key, address, "address = \"0x…\"");
        let address = text.and_then(|text| problems.take(&address_key, parse_address(&text)));
        let on_unreadable = OnUnreadable::check(&on_unreadable);
        let on_unreadable = problems.take(&key.child("on_unreadable"), on_unreadable);
        let decimals_key = key.child("decimals");
        let decimals = match decimals {
            Some(Whole(decimals)) => {
                problems.take(&decimals_key, check_decimals(decimals)).map(Some)
            }
            None => Some(None),
        };
        let points_key = key.child("points");
        let points = match points {
            Some(raw) => PointsConfig::check(raw, &points_key, problems).map(Some),
            None => Some(None),
        };
        Some(Self {
            key,
            address: address?,
            start_block: start_block.map(|Whole(block)| BlockNumber::new(block)),
            decimals: decimals?,
            on_unreadable: on_unreadable?,
            points: points?,
        })
    }

    pub(super) fn shown(&self) -> TokenShown {
        let Self { key: _, address, start_block, decimals, on_unreadable, points: _ } = self;
        TokenShown {
            address: Shown::text(address),
            start_block: start_block.map_or(Shown::OnNode, |block| Shown::whole(block.get())),
            decimals: decimals.map_or(Shown::OnNode, |known| Shown::whole(known.get().into())),
            on_unreadable: Shown::text(on_unreadable.name()),
        }
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
