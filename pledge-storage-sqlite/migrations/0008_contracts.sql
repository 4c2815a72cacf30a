-- Contracts whose logs are kept. `events` is the first topics that are kept, 32 bytes each, ascending;
-- empty for every log.
CREATE TABLE contract (
    id INTEGER PRIMARY KEY,
    chain INTEGER NOT NULL REFERENCES chain (id),
    name TEXT NOT NULL,
    address BLOB NOT NULL CHECK (length(address) = 20),
    events BLOB NOT NULL CHECK (length(events) % 32 = 0),
    start_block INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    logs INTEGER NOT NULL,
    cursor_block INTEGER,
    cursor_hash BLOB CHECK (length(cursor_hash) = 32),
    cursor_parent_hash BLOB CHECK (length(cursor_parent_hash) = 32),
    cursor_time INTEGER,
    UNIQUE (chain, name)
) STRICT;

-- The logs of a contract up to its cursor. `topics` is up to four words of 32 bytes, one after the
-- other.
CREATE TABLE contract_log (
    contract INTEGER NOT NULL,
    block INTEGER NOT NULL,
    log_index INTEGER NOT NULL,
    time INTEGER NOT NULL,
    block_hash BLOB NOT NULL CHECK (length(block_hash) = 32),
    tx_hash BLOB NOT NULL CHECK (length(tx_hash) = 32),
    topics BLOB NOT NULL CHECK (length(topics) IN (0, 32, 64, 96, 128)),
    data BLOB NOT NULL,
    PRIMARY KEY (contract, block, log_index)
) STRICT, WITHOUT ROWID;
