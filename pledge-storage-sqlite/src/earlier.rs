//! The texts that files had for themselves, up to version 8. None is added: what follows is one text for
//! every database, in `pledge-storage-sql`.

use std::sync::LazyLock;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// A version, its description and its text.
const TEXTS: [(i64, &str, &str); 8] = [
    (1, "initial", include_str!("../migrations/0001_initial.sql")),
    (2, "event delivery", include_str!("../migrations/0002_event_delivery.sql")),
    (3, "marks", include_str!("../migrations/0003_marks.sql")),
    (4, "statements", include_str!("../migrations/0004_statements.sql")),
    (5, "event retention", include_str!("../migrations/0005_event_retention.sql")),
    (6, "rewinds", include_str!("../migrations/0006_rewinds.sql")),
    (7, "block edge", include_str!("../migrations/0007_block_edge.sql")),
    (8, "contracts", include_str!("../migrations/0008_contracts.sql")),
];

/// Runs them. Not by the macro of sqlx, which would compile every driver once more, for the compiler.
pub(crate) static EARLIER: LazyLock<Migrator> = LazyLock::new(|| {
    let texts = TEXTS.into_iter().map(|(version, description, text)| {
        let text = SqlStr::from_static(text);
        Migration::new(version, description.into(), MigrationType::Simple, text, false)
    });
    Migrator::with_migrations(texts.collect())
});
