//! One value and its column: the only place where a primitive of SQL becomes a domain quantity.

use std::str::FromStr;

use pledge_core::event::EventSeq;
use pledge_core::ledger::{ChangeType, Leg};
use pledge_core::ports::StatementKind;
use pledge_core::primitives::{Address, B256};
use pledge_core::types::{
    Account, Amount, BalanceSeconds, BlockNumber, ChainId, CumulativeAmount, Epoch, LogIndex,
    RateSchedule, RawPoints, ShardCount, ShardId, Timestamp, WindowLength,
};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteTypeInfo, SqliteValueRef};
use sqlx::{Database, Decode, Encode, Sqlite, Type};

/// A domain value on its way into or out of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sql<T>(pub(crate) T);

/// How a domain value is kept. `Stored` is `i64`, `Vec<u8>` or `String`.
pub(crate) trait Column: Sized {
    type Stored;

    fn store(&self) -> Result<Self::Stored, BoxDynError>;
    fn load(stored: Self::Stored) -> Result<Self, BoxDynError>;
}

impl<T: Column<Stored: Type<Sqlite>>> Type<Sqlite> for Sql<T> {
    fn type_info() -> SqliteTypeInfo {
        T::Stored::type_info()
    }

    fn compatible(ty: &SqliteTypeInfo) -> bool {
        T::Stored::compatible(ty)
    }
}

impl<'q, T: Column<Stored: Encode<'q, Sqlite>>> Encode<'q, Sqlite> for Sql<T> {
    fn encode_by_ref(
        &self,
        buffer: &mut <Sqlite as Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        self.0.store()?.encode(buffer)
    }
}

impl<'r, T: Column<Stored: Decode<'r, Sqlite>>> Decode<'r, Sqlite> for Sql<T> {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        T::load(T::Stored::decode(value)?).map(Self)
    }
}

/// Columns of type `INTEGER`: a value above 2^63 - 1 has no place in them.
macro_rules! integer_columns {
    ($($type:ty: $number:expr, $value:expr;)*) => {$(
        impl Column for $type {
            type Stored = i64;

            fn store(&self) -> Result<i64, BoxDynError> {
                let number: fn($type) -> u64 = $number;
                Ok(i64::try_from(number(*self))?)
            }

            fn load(stored: i64) -> Result<Self, BoxDynError> {
                let value: fn(u64) -> Result<$type, BoxDynError> = $value;
                value(u64::try_from(stored)?)
            }
        }
    )*};
}

integer_columns! {
    u64: |n| n, Ok;
    u32: u64::from, |n| Ok(u32::try_from(n)?);
    u8: u64::from, |n| Ok(u8::try_from(n)?);
    bool: u64::from, |n| match n { 0 => Ok(false), 1 => Ok(true), _ => Err("neither 0 nor 1".into()) };
    BlockNumber: BlockNumber::get, |n| Ok(BlockNumber::new(n));
    ChainId: ChainId::get, |n| Ok(ChainId::new(n));
    Epoch: Epoch::get, |n| Ok(Epoch::new(n));
    EventSeq: EventSeq::get, |n| Ok(EventSeq::new(n));
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

/// Columns of type `BLOB`, each of one width.
macro_rules! blob_columns {
    ($($type:ty: $bytes:expr, $value:expr;)*) => {$(
        impl Column for $type {
            type Stored = Vec<u8>;

            fn store(&self) -> Result<Vec<u8>, BoxDynError> {
                Ok($bytes(*self).to_vec())
            }

            fn load(stored: Vec<u8>) -> Result<Self, BoxDynError> {
                let bytes = stored.try_into().map_err(|_| "a blob of another width")?;
                $value(bytes)
            }
        }
    )*};
}

blob_columns! {
    Address: Address::into_array, |bytes: [u8; 20]| Ok(Address::from(bytes));
    Account: |account: Account| account.address().into_array(),
        |bytes: [u8; 20]| Ok(Account::try_from(Address::from(bytes))?);
    B256: |hash: B256| hash.0, |bytes: [u8; 32]| Ok(B256::from(bytes));
    Amount: Amount::to_be_bytes, |bytes| Ok(Amount::from_be_bytes(bytes));
    CumulativeAmount: CumulativeAmount::to_be_bytes, |bytes| Ok(CumulativeAmount::from_be_bytes(bytes));
    BalanceSeconds: BalanceSeconds::to_be_bytes, |bytes| Ok(BalanceSeconds::from_be_bytes(bytes));
    RawPoints: RawPoints::to_be_bytes, |bytes| Ok(RawPoints::from_be_bytes(bytes));
}

impl Column for ChangeType {
    type Stored = String;

    fn store(&self) -> Result<String, BoxDynError> {
        Ok(self.as_str().to_owned())
    }

    fn load(stored: String) -> Result<Self, BoxDynError> {
        Ok(Self::from_str(&stored)?)
    }
}

impl Column for RateSchedule {
    type Stored = String;

    fn store(&self) -> Result<String, BoxDynError> {
        Ok(serde_json::to_string(self)?)
    }

    fn load(stored: String) -> Result<Self, BoxDynError> {
        Ok(serde_json::from_str(&stored)?)
    }
}

/// A bound to compare a column with: every stored number is at most 2^63 - 1, so a larger bound
/// means the same as that.
pub(crate) fn ceiling(bound: u64) -> i64 {
    i64::try_from(bound).unwrap_or(i64::MAX)
}

/// A page's length; no page reaches 2^63 rows.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
