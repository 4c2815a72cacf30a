//! What takes the schema back to an earlier release.

/// Takes back the versions of the schema from the tenth on, which no earlier text made.
pub const LATER_UNDONE: [&str; 12] = [
    "ALTER TABLE user_points_change DROP COLUMN entry",
    "ALTER TABLE settlement_window DROP COLUMN weighted",
    "ALTER TABLE settlement_window DROP COLUMN reweighted",
    "ALTER TABLE programme DROP COLUMN version",
    "DROP TABLE decision_counter",
    "DROP TABLE account_entry",
    "DROP TABLE decision",
    "ALTER TABLE chain DROP COLUMN halt_reason",
    "ALTER TABLE token DROP COLUMN halt_reason",
    "DROP TABLE audit_record",
    "DROP TABLE audit_counter",
    "ALTER TABLE token DROP COLUMN paused",
];
