//! Gives the derives of utoipa the schemas of types that are core's: `src/schema.rs` has them.

/// A type's name in the answers, which is its schema's too.
const TYPES: [&str; 25] = [
    "Amount",
    "BalanceSeconds",
    "RawPoints",
    "Scale",
    "Rate",
    "Timestamp",
    "Age",
    "BlockNumber",
    "LogIndex",
    "ChainId",
    "Epoch",
    "Decimals",
    "ShardId",
    "WeightBp",
    "Eip55",
    "HexAddress",
    "B256",
    "ChangeType",
    "StatementKind",
    "SettlementStatus",
    "Sort",
    "Limit",
    "Length",
    "Instant",
    "Reason",
];

fn main() {
    let schemas = TYPES.map(|name| (name, format!("crate::schema::{name}Schema")));
    let aliases = schemas.iter().fold(utoipa_config::Config::new(), |config, (name, schema)| {
        config.alias_for(name, schema)
    });
    aliases.write_to_file();
    println!("cargo::rerun-if-changed=build.rs");
}
