//! The migrations of this release.

use pledge_core::primitives::{B256, keccak256};

use crate::database;

/// Migrations that build on each other, with versions of their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct MigrationSet {
    pub(super) name: &'static str,
    /// Ascending by version.
    pub(super) migrations: &'static [Migration],
}

/// A change of the schema. Once released, its text never changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Migration {
    pub(super) version: u32,
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

/// Chains, ledgers, points, contracts' logs, events, and who did what.
pub(super) const ENGINE: MigrationSet =
    MigrationSet { name: database::ENGINE, migrations: &[BASELINE, AUDIT, HALTS, DECISIONS] };

/// Everything that databases had when the sets began.
pub(super) const BASELINE: Migration = Migration {
    version: 9,
    name: "baseline",
    text: include_str!("../../migrations/engine/0009_baseline.sql"),
};

/// Who did what, and tokens that a person stopped.
const AUDIT: Migration = Migration {
    version: 10,
    name: "audit",
    text: include_str!("../../migrations/engine/0010_audit.sql"),
};

/// What halts a chain or a token that a person stopped.
const HALTS: Migration = Migration {
    version: 11,
    name: "halts",
    text: include_str!("../../migrations/engine/0011_halts.sql"),
};

/// What people decide about points, and what depends on it.
const DECISIONS: Migration = Migration {
    version: 12,
    name: "decisions",
    text: include_str!("../../migrations/engine/0012_decisions.sql"),
};

/// The domains around the engine.
#[cfg(feature = "office")]
pub(super) const OFFICE: MigrationSet =
    MigrationSet { name: "office", migrations: &[BASE, ACCESS] };

/// What the domains share: claims and the outbox.
#[cfg(feature = "office")]
const BASE: Migration = Migration {
    version: 1,
    name: "base",
    text: include_str!("../../migrations/office/0001_base.sql"),
};

/// Who may do what.
#[cfg(feature = "office")]
const ACCESS: Migration = Migration {
    version: 2,
    name: "access",
    text: include_str!("../../migrations/office/0002_access.sql"),
};

/// All sets, in the order in which they are brought up to date.
pub(super) const SETS: &[MigrationSet] = &[
    ENGINE,
    #[cfg(feature = "office")]
    OFFICE,
];

/// The table in which migrations are recorded.
pub(super) const RECORD: &str = include_str!("../../migrations/record.sql");

impl MigrationSet {
    /// The version that a database has after all of them; zero for none.
    pub(super) fn newest(&self) -> u32 {
        self.migrations.last().map_or(0, |last| last.version)
    }
}

impl Migration {
    /// Of the text, the same for every database.
    pub(super) fn checksum(&self) -> B256 {
        keccak256(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_a_set_ascend() {
        for set in SETS {
            let versions = set.migrations.iter().map(|migration| migration.version);
            assert!(versions.is_sorted_by(|lower, upper| lower < upper), "{}", set.name);
        }
    }
}
