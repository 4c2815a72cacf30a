//! The texts that servers had for themselves, up to version 7. None is added: what follows is one text for
//! every database, in `pledge-storage-sql`.

use std::sync::LazyLock;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// A version, its description and its text.
const TEXTS: [(i64, &str, &str); 7] = [
    (1, "initial", include_str!("../migrations/0001_initial.sql")),
    (2, "marks", include_str!("../migrations/0002_marks.sql")),
    (3, "statements", include_str!("../migrations/0003_statements.sql")),
    (4, "event retention", include_str!("../migrations/0004_event_retention.sql")),
    (5, "rewinds", include_str!("../migrations/0005_rewinds.sql")),
    (6, "block edge", include_str!("../migrations/0006_block_edge.sql")),
    (7, "contracts", include_str!("../migrations/0007_contracts.sql")),
];

/// Runs them. Not by the macro of sqlx, which would compile every driver once more, for the compiler.
pub(crate) static EARLIER: LazyLock<Migrator> = LazyLock::new(|| {
    let texts = TEXTS.into_iter().map(|(version, description, text)| {
        let text = SqlStr::from_static(text);
        Migration::new(version, description.into(), MigrationType::Simple, text, false)
    });
    let mut migrator = Migrator::with_migrations(texts.collect());
    // Its lock does nothing on MariaDB, so we take one.
    migrator.set_locking(false);
    migrator
});
