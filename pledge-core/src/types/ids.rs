//! Identifiers of chains, tokens, accounts, programmes and shards.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::Address;
use alloy_primitives::aliases::U160;
use serde::{Deserialize, Serialize};

use super::OutOfRange;

/// An EIP-155 chain id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(u64);

impl ChainId {
    /// Wraps a chain id.
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The EIP-155 chain id.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One ERC-20 contract on one chain: the ledger's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenId {
    /// The chain that it is on.
    pub chain: ChainId,
    /// Address of its contract.
    pub address: Address,
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.chain, self.address)
    }
}

/// A holder's 20-byte address. Never the zero address, which means mint or burn.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Address", into = "Address")]
pub struct Account(Address);

impl Account {
    /// An account; `None` for the zero address.
    pub fn new(address: Address) -> Option<Self> {
        (!address.is_zero()).then_some(Self(address))
    }

    /// The address, displayed as EIP-55.
    pub const fn address(self) -> Address {
        self.0
    }

    /// The next address, where the next page of accounts begins; `None` after the last.
    pub fn successor(self) -> Option<Address> {
        let next = U160::from_be_bytes(self.0.into_array()).checked_add(U160::ONE)?;
        Some(next.to_be_bytes::<20>().into())
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<Address> for Account {
    type Error = OutOfRange;

    fn try_from(address: Address) -> Result<Self, OutOfRange> {
        Self::new(address)
            .ok_or_else(|| OutOfRange::new("account", address, "not the zero address"))
    }
}

/// Reads `0x` and 40 hexadecimal digits in any case.
impl FromStr for Account {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let address = text.strip_prefix("0x").and_then(|digits| digits.parse().ok());
        let expected = "0x and 40 hexadecimal digits, not all of them 0";
        address.and_then(Self::new).ok_or_else(|| OutOfRange::new("account", text, expected))
    }
}

impl From<Account> for Address {
    fn from(account: Account) -> Self {
        account.0
    }
}

/// How often a token's ledger was rewound. A settlement that read another epoch is refused.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch of a ledger that was never rewound.
    pub const FIRST: Self = Self(0);

    /// Wraps a count of rewinds.
    pub const fn new(rewinds: u64) -> Self {
        Self(rewinds)
    }

    /// The number of rewinds so far.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The epoch after one more rewind.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A points rule on a token, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "UncheckedProgrammeId")]
pub struct ProgrammeId {
    /// The token whose balances earn.
    pub token: TokenId,
    /// 1 to 32 characters of `a-z`, `0-9`, `-` and `_`. The first is called `main`.
    name: String,
}

/// A programme as it is read from outside.
#[derive(Deserialize)]
struct UncheckedProgrammeId {
    token: TokenId,
    name: String,
}

impl TryFrom<UncheckedProgrammeId> for ProgrammeId {
    type Error = OutOfRange;

    fn try_from(unchecked: UncheckedProgrammeId) -> Result<Self, OutOfRange> {
        Self::new(unchecked.token, &unchecked.name)
    }
}

impl ProgrammeId {
    /// The name of a token's first programme.
    pub const MAIN: &'static str = "main";

    /// A programme of `token` by name.
    pub fn new(token: TokenId, name: &str) -> Result<Self, OutOfRange> {
        checked_name("programme", name).map(|name| Self { token, name })
    }

    /// The token's programme `main`.
    pub fn main(token: TokenId) -> Self {
        Self { token, name: Self::MAIN.to_owned() }
    }

    /// The name, unique among the token's programmes.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ProgrammeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.token, self.name)
    }
}

impl FromStr for ProgrammeId {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let malformed = || OutOfRange::new("programme", text, "chain_id:token:name");
        let mut parts = text.splitn(3, ':');
        let mut next = || parts.next().ok_or_else(malformed);
        let chain = next()?.parse().map(ChainId::new).map_err(|_| malformed())?;
        let address = next()?.parse().map_err(|_| malformed())?;
        Self::new(TokenId { chain, address }, next()?)
    }
}

/// A contract whose logs are kept, by a name of its own: two names may have one address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "UncheckedContractId")]
pub struct ContractId {
    /// The chain that it is on.
    pub chain: ChainId,
    /// 1 to 32 characters of `a-z`, `0-9`, `-` and `_`.
    name: String,
}

/// A contract as it is read from outside.
#[derive(Deserialize)]
struct UncheckedContractId {
    chain: ChainId,
    name: String,
}

impl TryFrom<UncheckedContractId> for ContractId {
    type Error = OutOfRange;

    fn try_from(unchecked: UncheckedContractId) -> Result<Self, OutOfRange> {
        Self::new(unchecked.chain, &unchecked.name)
    }
}

impl ContractId {
    /// A contract of `chain` by name.
    pub fn new(chain: ChainId, name: &str) -> Result<Self, OutOfRange> {
        checked_name("contract", name).map(|name| Self { chain, name })
    }

    /// The name, unique among the chain's contracts.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ContractId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.chain, self.name)
    }
}

/// A name that a person gives to `what`: short, and safe in URLs, files and tables. An error unless it is
/// 1 to 32 characters of `a-z`, `0-9`, `-` and `_`.
pub fn checked_name(what: &'static str, name: &str) -> Result<String, OutOfRange> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if (1..=32).contains(&name.len()) && name.chars().all(allowed) {
        Ok(name.to_owned())
    } else {
        Err(OutOfRange::new(what, name, "1 to 32 characters of a-z, 0-9, - and _"))
    }
}

/// The number of shards that a programme's accounts are divided into: a power of two up to 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct ShardCount(u16);

impl Default for ShardCount {
    fn default() -> Self {
        Self(16)
    }
}

impl ShardCount {
    /// A power of two from 1 to 256.
    pub fn new(count: u16) -> Result<Self, OutOfRange> {
        if count.is_power_of_two() && count <= 256 {
            Ok(Self(count))
        } else {
            Err(OutOfRange::new("shard count", count, "a power of two from 1 to 256"))
        }
    }

    /// The number of shards.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Every shard, in the order of the addresses.
    pub fn shards(self) -> impl Iterator<Item = ShardId> {
        (0..self.0).map(ShardId)
    }

    /// The shard that an account belongs to.
    pub fn shard_of(self, account: Account) -> ShardId {
        let bits = self.0.trailing_zeros();
        ShardId(u16::from(account.0[0]) >> (8 - bits))
    }

    /// The first and last address of a shard (inclusive).
    pub fn bounds(self, shard: ShardId) -> (Address, Address) {
        let bits = self.0.trailing_zeros();
        let step = 256 >> bits;
        let first = u32::from(shard.0) * step;
        let byte = |value: u32| u8::try_from(value & 0xff).expect("masked to one byte");
        let mut low = [0; 20];
        let mut high = [0xff; 20];
        low[0] = byte(first);
        high[0] = byte(first + step - 1);
        (low.into(), high.into())
    }
}

impl TryFrom<u16> for ShardCount {
    type Error = OutOfRange;

    fn try_from(count: u16) -> Result<Self, OutOfRange> {
        Self::new(count)
    }
}

impl From<ShardCount> for u16 {
    fn from(count: ShardCount) -> Self {
        count.0
    }
}

/// One shard of a programme, counted from zero by the leading bits of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardId(u16);

impl ShardId {
    /// Wraps a shard's index.
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// The index, counted from zero.
    pub const fn get(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_after_an_account_carries_and_ends_at_the_last() {
        let account = |bytes: [u8; 20]| Account::new(bytes.into()).unwrap();
        let mut carries = [0; 20];
        carries[19] = 0xff;
        let mut carried = [0; 20];
        carried[18] = 1;
        assert_eq!(account(carries).successor(), Some(carried.into()));
        assert_eq!(account([0xff; 20]).successor(), None);
    }

    #[test]
    fn an_account_is_read_from_an_address_in_any_case_and_from_nothing_else() {
        let text = "0xA11CE00000000000000000000000000000000001";
        let account: Account = text.parse().unwrap();
        assert_eq!(account.to_string().to_lowercase(), text.to_lowercase());
        assert_eq!(account.to_string().parse::<Account>().unwrap(), account);
        let zero = format!("0x{}", "0".repeat(40));
        for wrong in [&zero, &text[2..], &text[..41], "0x", "", "alice"] {
            let error = wrong.parse::<Account>().unwrap_err().to_string();
            assert!(error.contains("40 hexadecimal digits"), "{error}");
        }
    }

    #[test]
    fn a_programme_is_read_only_by_a_name_that_it_can_have() {
        let token = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(1) };
        let written = serde_json::to_string(&ProgrammeId::main(token)).unwrap();
        assert_eq!(
            serde_json::from_str::<ProgrammeId>(&written).unwrap(),
            ProgrammeId::main(token)
        );
        let wrong = written.replace("main", "Main programme");
        let error = serde_json::from_str::<ProgrammeId>(&wrong).unwrap_err().to_string();
        assert!(error.contains("1 to 32 characters"), "{error}");
    }
}
