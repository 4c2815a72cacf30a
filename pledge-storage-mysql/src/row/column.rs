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
use sqlx::mysql::{MySqlTypeInfo, MySqlValueRef};
use sqlx::{Database, Decode, Encode, MySql, Type};

/// A domain value on its way into or out of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sql<T>(pub(crate) T);

/// How a domain value is kept. `Stored` is `u64`, `Vec<u8>` or `String`.
pub(crate) trait Column: Sized {
    type Stored;

    fn store(&self) -> Result<Self::Stored, BoxDynError>;
    fn load(stored: Self::Stored) -> Result<Self, BoxDynError>;
}

impl<T: Column<Stored: Type<MySql>>> Type<MySql> for Sql<T> {
    fn type_info() -> MySqlTypeInfo {
        T::Stored::type_info()
    }

    fn compatible(ty: &MySqlTypeInfo) -> bool {
        T::Stored::compatible(ty)
    }
}

impl<'q, T: Column<Stored: Encode<'q, MySql>>> Encode<'q, MySql> for Sql<T> {
    fn encode_by_ref(
        &self,
        buffer: &mut <MySql as Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        self.0.store()?.encode(buffer)
    }
}

impl<'r, T: Column<Stored: Decode<'r, MySql>>> Decode<'r, MySql> for Sql<T> {
    fn decode(value: MySqlValueRef<'r>) -> Result<Self, BoxDynError> {
        T::load(T::Stored::decode(value)?).map(Self)
    }
}

/// Columns of unsigned integers.
macro_rules! integer_columns {
    ($($type:ty: $number:expr, $value:expr;)*) => {$(
        impl Column for $type {
            type Stored = u64;

            fn store(&self) -> Result<u64, BoxDynError> {
                let number: fn($type) -> u64 = $number;
                Ok(number(*self))
            }

            fn load(stored: u64) -> Result<Self, BoxDynError> {
                let value: fn(u64) -> Result<$type, BoxDynError> = $value;
                value(stored)
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

/// Columns of type `BINARY`, each of one width.
macro_rules! binary_columns {
    ($($type:ty: $bytes:expr, $value:expr;)*) => {$(
        impl Column for $type {
            type Stored = Vec<u8>;

            fn store(&self) -> Result<Vec<u8>, BoxDynError> {
                Ok($bytes(*self).to_vec())
            }

            fn load(stored: Vec<u8>) -> Result<Self, BoxDynError> {
                let bytes = stored.try_into().map_err(|_| "bytes of another width")?;
                $value(bytes)
            }
        }
    )*};
}

binary_columns! {
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

/// A page's length.
pub(crate) const fn limit(rows: usize) -> u64 {
    rows as u64
}
