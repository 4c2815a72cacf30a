-- How far each consumer of events was told. One that was never told anything has no row.
CREATE TABLE event_delivery (
    consumer TEXT PRIMARY KEY,
    delivered INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
