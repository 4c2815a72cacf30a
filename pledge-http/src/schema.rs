//! The schemas of the types of core, and of other values that many answers share: one component each.
//!
//! The derives look them up by name: `build.rs` has the list.

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// The largest unix seconds of a block, 2^40 - 1.
const TIME_MAX: u64 = (1 << 40) - 1;
/// The largest number of the format `int64`.
const WHOLE_MAX: u64 = i64::MAX.unsigned_abs();

macro_rules! schemas {
    ($($(#[doc = $doc:literal])+ $name:ident = $shape:expr;)+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug)]
            pub(crate) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    let text = concat!($($doc),+).trim_start();
                    $shape.description(Some(text)).into()
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed(stringify!($name).trim_end_matches("Schema"))
                }
            }
        )+
    };
}

#[cfg(feature = "access")]
mod access;
#[cfg(feature = "access")]
pub(crate) use access::*;

schemas! {
    /// Base units of a token (10^-decimals of a whole one), exact: below 2^256.
    AmountSchema = digits();
    /// Base units of a token with a sign.
    SignedAmountSchema = signed_digits();
    /// An amount in whole tokens, exact.
    WholeTokensSchema = text(r"^\d+(\.\d+)?$", &["0", "1.5"]);
    /// The integral of a balance over time, in base units times seconds, exact.
    BalanceSecondsSchema = digits();
    /// Points: raw points divided by the scale, once, and cut after 18 places.
    PointsSchema = text(r"^\d+(\.\d{1,18})?$", &["6.666666666666666666"]);
    /// Points with a sign.
    SignedPointsSchema = text(r"^-?\d+(\.\d{1,18})?$", &["-7.5"]);
    /// Raw points, exact: the sum of balance x seconds x rate x weight. `points_raw / points_scale` is
    /// the exact number of points.
    RawPointsSchema = digits();
    /// Raw points with a sign.
    SignedRawPointsSchema = signed_digits();
    /// What raw points of the token are divided by: 10^decimals x 3600 x 10^18 x 10^4.
    ScaleSchema = digits();
    /// Points per whole token per hour, with at most 18 places.
    RateSchema = text(r"^\d+(\.\d{1,18})?$", &["0.05"]);
    /// Unix seconds of a block's header.
    TimestampSchema = whole(TIME_MAX);
    /// Seconds since a block was mined, by this machine's clock; negative if its time is ahead of it.
    AgeSchema = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
    /// A block's number.
    BlockNumberSchema = whole(WHOLE_MAX);
    /// A log's position in its block.
    LogIndexSchema = whole(WHOLE_MAX);
    /// An EIP-155 chain id.
    ChainIdSchema = whole(WHOLE_MAX);
    /// How often the ledger was rewound.
    EpochSchema = whole(WHOLE_MAX);
    /// The token's `decimals()`.
    DecimalsSchema = whole(77);
    /// One shard of a programme, counted from zero by the leading bits of the address.
    ShardIdSchema = whole(u64::from(u16::MAX));
    /// A factor on what an account earns, in basis points: 10000 is 1x, 0 earns nothing.
    WeightBpSchema = whole((1 << 24) - 1);
    /// An address with its EIP-55 checksum.
    Eip55Schema = text("^0x[0-9a-fA-F]{40}$", &["0xA11CE00000000000000000000000000000000001"]);
    /// An address: 0x and 40 hexadecimal digits in any case.
    HexAddressSchema = text("^0[xX][0-9a-fA-F]{40}$", &["0xa11ce00000000000000000000000000000000001"]);
    /// A hash of 32 bytes.
    B256Schema = text("^0x[0-9a-f]{64}$", &[]);
    /// What a transfer meant for the account. A transfer to oneself is a `transfer_out`, then a
    /// `transfer_in`.
    ChangeTypeSchema = words(&["mint", "burn", "transfer_in", "transfer_out"]);
    /// Whether a statement adds what was earned, or takes back what a reorg undid.
    StatementKindSchema = words(&["earned", "reversed"]);
    /// `settled` in every shard, `failed` while some batches wait for another attempt, else `pending`.
    SettlementStatusSchema = words(&["settled", "failed", "pending"]);
    /// `active`: followed. `halted`: stopped for a reason that needs an operator. `paused`: stopped by an
    /// operator.
    TokenStatusSchema = words(&["active", "halted", "paused"]);
    /// `syncing`: catching up. `live`: at the newest confirmed block. `degraded`: its nodes or its store
    /// fail, or nothing moves, and it keeps trying. `paused`: stopped by an operator. `halted`: cannot go
    /// on without one.
    ChainStatusSchema = words(&["syncing", "live", "degraded", "paused", "halted"]);
    /// True as `true` or without a value.
    FlagSchema = words(&["", "true", "false"]);
    /// What accounts are ordered by, descending.
    SortSchema = words(&["points", "balance"]);
    /// How many items a page has at most.
    LimitSchema = whole(1_000).minimum(Some(1_u64)).default(Some(json!(100)));
    /// A place in a list: the `next_cursor` of the page before.
    CursorSchema = text("^([0-9a-f]{2})+$", &[]);
    /// The name of a programme.
    ProgrammeNameSchema = text("^[a-z0-9_-]{1,32}$", &["main"]);
    /// A length of time above zero: a whole number with `s`, `m`, `h` or `d`.
    LengthSchema = text(r"^\d+[smhd]$", &["15m", "1h"]).default(Some(json!("1h")));
    /// The id of a settlement: `chain_id:token:programme:window_start`.
    SettlementIdSchema = text(
        r"^\d+:0x[0-9a-fA-F]{40}:[a-z0-9_-]{1,32}:\d+$",
        &["1:0x70CE000000000000000000000000000000000001:main:1767625200"],
    );
    /// Topics with commas between: `chains`, `settlements`, `account:{chain_id}:{token}:{account}`.
    TopicsSchema = text(r"^[^,]+(,[^,]+)*$", &["chains,settlements"]);
    /// The id of an event.
    EventIdSchema = text(r"^\d+$", &["1"]);
    /// A ticket of `/auth/ticket`, which lets in once.
    TicketSchema = text("^.+$", &[]);
    /// An instant: unix seconds, or RFC 3339 without a fraction of a second, from 1970 on.
    InstantSchema = OneOfBuilder::new()
        .item(whole(TIME_MAX))
        .item(ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))));
}

/// A whole number from 0 to `most`.
fn whole(most: u64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0_u64))
        .maximum(Some(most))
}

/// A whole number as text, since it may be wider than the numbers of JSON.
fn digits() -> ObjectBuilder {
    text(r"^\d+$", &[])
}

fn signed_digits() -> ObjectBuilder {
    text(r"^-?\d+$", &[])
}

fn text(pattern: &str, examples: &[&str]) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .pattern(Some(pattern))
        .examples(examples.iter().copied())
}

fn words(values: &[&str]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values.iter().copied()))
}
