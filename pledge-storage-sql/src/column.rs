//! One value and its column: the only place where a primitive of SQL becomes a domain quantity.

use std::net::IpAddr;
use std::str::FromStr;

use pledge_core::audit::{Action, AuditNumber, Reason, RequestId, Snapshot};
use pledge_core::event::{Consumer, EventSeq};
use pledge_core::ledger::{ChangeType, Leg};
use pledge_core::logs::Events;
use pledge_core::points::Programme;
use pledge_core::ports::StatementKind;
use pledge_core::primitives::{Address, B256, Bytes};
use pledge_core::types::{
    Account, Amount, BalanceSeconds, BlockNumber, ChainId, CumulativeAmount, EntryNumber, Epoch,
    LogIndex, RateSchedule, RawPoints, SetName, ShardCount, ShardId, Timestamp, Topics, WeightBp,
    WeightedBalance, WindowLength,
};

use crate::connection::{Row, Value};
use crate::fault::Fault;

pub(crate) type Malformed = Box<dyn std::error::Error + Send + Sync>;

/// A domain value that has a column. Its way into one is `Value::from`.
pub(crate) trait Column: Sized {
    /// The value in a row; `None` for null.
    fn read(row: &dyn Row, name: &str) -> Result<Option<Self>, Fault>;
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Columns of unsigned integers.
macro_rules! number_columns {
    ($($type:ty: $number:expr, $value:expr;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                let number: fn($type) -> u64 = $number;
                Self::Number(number(value))
            }
        }

        impl Column for $type {
            fn read(row: &dyn Row, name: &str) -> Result<Option<Self>, Fault> {
                let value: fn(u64) -> Result<$type, Malformed> = $value;
                let found = row.number(name)?.map(value).transpose();
                found.map_err(|error| Fault::malformed(name, error))
            }
        }
    )*};
}

number_columns! {
    u64: |n| n, Ok;
    u32: u64::from, |n| Ok(u32::try_from(n)?);
    u8: u64::from, |n| Ok(u8::try_from(n)?);
    bool: u64::from, |n| match n { 0 => Ok(false), 1 => Ok(true), _ => Err("neither 0 nor 1".into()) };
    BlockNumber: BlockNumber::get, |n| Ok(BlockNumber::new(n));
    ChainId: ChainId::get, |n| Ok(ChainId::new(n));
    Epoch: Epoch::get, |n| Ok(Epoch::new(n));
    EventSeq: EventSeq::get, |n| Ok(EventSeq::new(n));
    AuditNumber: AuditNumber::get, |n| Ok(AuditNumber::new(n));
    EntryNumber: EntryNumber::get, |n| Ok(EntryNumber::new(n));
    WeightBp: |weight| u64::from(weight.get()), |n| Ok(WeightBp::new(u32::try_from(n)?)?);
    LogIndex: LogIndex::get, |n| Ok(LogIndex::new(n));
    Timestamp: Timestamp::get, |n| Ok(Timestamp::new(n)?);
    WindowLength: WindowLength::get, |n| Ok(WindowLength::new(n)?);
    ShardId: |shard| u64::from(shard.get()), |n| Ok(ShardId::new(u16::try_from(n)?));
    ShardCount: |count| u64::from(count.get()), |n| Ok(ShardCount::new(u16::try_from(n)?)?);
    Leg: |leg| match leg { Leg::Out => 0, Leg::In => 1 }, |n| match n {
        0 => Ok(Leg::Out),
        1 => Ok(Leg::In),
        _ => Err("not a leg".into()),
    };
    StatementKind: |kind| match kind { StatementKind::Earned => 0, StatementKind::Reversed => 1 },
        |n| match n {
            0 => Ok(StatementKind::Earned),
            1 => Ok(StatementKind::Reversed),
            _ => Err("not a statement's kind".into()),
        };
}

/// Columns of bytes, each of one width.
macro_rules! byte_columns {
    ($($type:ty: $bytes:expr, $value:expr;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Bytes($bytes(value).to_vec())
            }
        }

        impl Column for $type {
            fn read(row: &dyn Row, name: &str) -> Result<Option<Self>, Fault> {
                let value = |bytes: &[u8]| -> Result<$type, Malformed> {
                    let bytes = bytes.try_into().map_err(|_| "bytes of another width")?;
                    $value(bytes)
                };
                let found = row.bytes(name)?.map(value).transpose();
                found.map_err(|error| Fault::malformed(name, error))
            }
        }
    )*};
}

byte_columns! {
    Address: Address::into_array, |bytes: [u8; 20]| Ok(Address::from(bytes));
    Account: |account: Account| account.address().into_array(),
        |bytes: [u8; 20]| Ok(Account::try_from(Address::from(bytes))?);
    B256: |hash: B256| hash.0, |bytes: [u8; 32]| Ok(B256::from(bytes));
    Amount: Amount::to_be_bytes, |bytes| Ok(Amount::from_be_bytes(bytes));
    CumulativeAmount: CumulativeAmount::to_be_bytes, |bytes| Ok(CumulativeAmount::from_be_bytes(bytes));
    BalanceSeconds: BalanceSeconds::to_be_bytes, |bytes| Ok(BalanceSeconds::from_be_bytes(bytes));
    RawPoints: RawPoints::to_be_bytes, |bytes| Ok(RawPoints::from_be_bytes(bytes));
    WeightedBalance: WeightedBalance::to_be_bytes, |bytes| Ok(WeightedBalance::from_be_bytes(bytes));
}

/// Bytes of any number.
impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl Column for Bytes {
    fn read(row: &dyn Row, name: &str) -> Result<Option<Self>, Fault> {
        Ok(row.bytes(name)?.map(Self::copy_from_slice))
    }
}

/// Columns of words of 32 bytes, one after the other.
macro_rules! word_columns {
    ($($type:ty: $words:expr, $value:expr;)*) => {$(
        impl From<&$type> for Value {
            fn from(value: &$type) -> Self {
                let words: fn(&$type) -> &[B256] = $words;
                Self::Bytes(words(value).iter().flatten().copied().collect())
            }
        }

        impl Column for $type {
            fn read(row: &dyn Row, name: &str) -> Result<Option<Self>, Fault> {
                let value = |bytes: &[u8]| -> Result<$type, Malformed> {
                    let (words, rest) = bytes.as_chunks();
                    if !rest.is_empty() {
                        return Err("bytes of no whole number of words".into());
                    }
                    let words: Vec<_> = words.iter().copied().map(B256::new).collect();
                    Ok($value(words)?)
                };
                let found = row.bytes(name)?.map(value).transpose();
                found.map_err(|error| Fault::malformed(name, error))
            }
        }
    )*};
}

word_columns! {
    Events: |events| events.topic0s().unwrap_or_default(), Events::try_from;
    Topics: Topics::as_slice, |words: Vec<B256>| Topics::new(&words);
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<ChangeType> for Value {
    fn from(change_type: ChangeType) -> Self {
        change_type.as_str().into()
    }
}

/// Columns of texts.
macro_rules! text_columns {
    ($($type:ty: $value:expr;)*) => {$(
        impl Column for $type {
            fn read(row: &dyn Row, name: &str) -> Result<Option<Self>, Fault> {
                let value: fn(&str) -> Result<$type, Malformed> = $value;
                let found = row.text(name)?.map(value).transpose();
                found.map_err(|error| Fault::malformed(name, error))
            }
        }
    )*};
}

text_columns! {
    String: |text| Ok(text.to_owned());
    ChangeType: |text| Ok(Self::from_str(text)?);
    Consumer: |text| Ok(Self::new(text)?);
    SetName: |text| Ok(Self::new(text)?);
    Action: |text| Ok(Self::new(text)?);
    Reason: |text| Ok(Self::new(text)?);
    RequestId: |text| Ok(Self::new(text)?);
    IpAddr: |text| Ok(text.parse()?);
    Snapshot: |text| Ok(serde_json::from_str(text)?);
    RateSchedule: |text| Ok(serde_json::from_str(text)?);
}

#[cfg(feature = "office")]
pub(crate) use {byte_columns, number_columns, text_columns};

/// A programme's rates, as their column holds them.
pub(crate) fn rates(programme: &Programme) -> Result<Value, Fault> {
    Ok(serde_json::to_string(&programme.rates)?.into())
}
