//! Parses the parameters of paths and queries.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::DateTime;
use pledge_core::primitives::Address;
use pledge_core::types::{Account, ChainId, Timestamp, TokenId};
use serde::de::{DeserializeOwned, Expected, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use super::problem::{Message, Problem, of_query};

/// The parameters of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(super) struct Path<T>(pub(super) T);

/// The parameters of the query. Their structs refuse unknown ones.
pub(super) struct Query<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned + IntoParams> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(read)) => Ok(Self(read)),
            Err(rejection) => {
                let known: Vec<String> =
                    T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect();
                let query = parts.uri.query().unwrap_or_default();
                Err(of_query(&rejection, query, &known))
            }
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ChainPath {
    /// The chain by its EIP-155 id.
    #[param(inline)]
    pub(super) chain_id: ChainId,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct TokenPath {
    /// The chain of the token.
    #[param(inline)]
    chain_id: ChainId,
    /// The token's contract.
    #[param(inline)]
    token: HexAddress,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct TokenAccountPath {
    /// The chain of the token.
    #[param(inline)]
    chain_id: ChainId,
    /// The token's contract.
    #[param(inline)]
    token: HexAddress,
    /// The account, whether it was ever seen or not.
    #[param(inline)]
    account: HexAddress,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct AccountPath {
    /// The account, whether it was ever seen or not.
    #[param(inline)]
    account: HexAddress,
}

impl TokenPath {
    pub(super) const fn token(&self) -> TokenId {
        TokenId { chain: self.chain_id, address: self.token.0 }
    }
}

impl TokenAccountPath {
    pub(super) const fn token(&self) -> TokenId {
        TokenId { chain: self.chain_id, address: self.token.0 }
    }

    pub(super) fn account(&self) -> Result<Account, Problem> {
        self.account.account()
    }
}

impl AccountPath {
    pub(super) fn account(&self) -> Result<Account, Problem> {
        self.account.account()
    }
}

/// An address: `0x` and 40 hexadecimal digits in any case.
#[derive(Debug, Clone, Copy)]
pub(super) struct HexAddress(pub(super) Address);

impl HexAddress {
    fn account(self) -> Result<Account, Problem> {
        Account::new(self.0).ok_or_else(|| Problem::new(Message::ZeroAccount {}))
    }
}

impl<'de> Deserialize<'de> for HexAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(HexAddressVisitor)
    }
}

/// Parses inside the visitor, so that axum can name the malformed parameter of the path.
struct HexAddressVisitor;

impl Visitor<'_> for HexAddressVisitor {
    type Value = HexAddress;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address: 0x and 40 hexadecimal digits")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<HexAddress, E> {
        let digits = text.strip_prefix("0x").or(text.strip_prefix("0X"));
        let digits = digits.filter(|digits| digits.len() == 40);
        let address = digits.and_then(|digits| digits.parse().ok());
        address
            .map(HexAddress)
            .ok_or_else(|| E::custom(format_args!("`{text}` is not {}", &self as &dyn Expected)))
    }
}

/// An instant: unix seconds, or RFC 3339 without a fraction of a second.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Instant(pub(super) Timestamp);

impl TryFrom<String> for Instant {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let malformed =
            || format!("`{text}` is neither unix seconds nor RFC 3339 (`+` in a query is %2B)");
        let seconds = if is_digits(&text) {
            text.parse().map_err(|_| malformed())?
        } else {
            let time = DateTime::parse_from_rfc3339(&text).map_err(|_| malformed())?;
            if time.timestamp_subsec_nanos() != 0 {
                return Err(format!("`{text}` is not a whole second, as block times are"));
            }
            u64::try_from(time.timestamp()).map_err(|_| format!("`{text}` is before 1970"))?
        };
        Timestamp::new(seconds).map(Self).map_err(|e| e.to_string())
    }
}

/// A length of time in seconds, above zero: a whole number with `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Length(pub(super) u64);

impl Length {
    pub(super) const HOUR: Self = Self(3_600);
}

impl TryFrom<String> for Length {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
        let parse = |(suffix, seconds): (&str, u64)| {
            let count = text.strip_suffix(suffix).filter(|count| is_digits(count))?;
            count.parse::<u64>().ok()?.checked_mul(seconds)
        };
        let length = UNITS.into_iter().find_map(parse);
        length
            .filter(|length| *length > 0)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a length of time such as 15m, 1h or 1d"))
    }
}

/// How many items a page has at most: 1 to 1000, 100 unless asked otherwise.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Limit(usize);

impl Limit {
    const MAX: usize = 1_000;

    pub(super) const fn get(self) -> usize {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<String> for Limit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let limit = text.parse().ok().filter(|_| is_digits(&text));
        limit
            .filter(|limit| (1..=Self::MAX).contains(limit))
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a whole number from 1 to {}", Self::MAX))
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
