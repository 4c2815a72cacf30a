-- What was made of each set of migrations. `made` is 0 from the first change of a migration to its last:
-- a database that cannot take a change of its schema back may stop between them.
CREATE TABLE schema_migration (
    migration_set {name 32} NOT NULL,
    version {u32} NOT NULL,
    name {name 64} NOT NULL,
    checksum {bytes 32} NOT NULL,
    made {u8} NOT NULL {guard CHECK (made IN (0, 1))},
    PRIMARY KEY (migration_set, version)
) {by key};
