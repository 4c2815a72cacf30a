-- Numbers are big-endian blobs of fixed width where they may exceed 63 bits, so that they sort as
-- numbers do: 32 bytes an amount or a hash, 40 balance-seconds, 64 raw points and sums without a
-- bound, 20 an address. Times are unix seconds. Small integer keys stand for tokens and programmes.
--
-- Foreign keys guard the small tables. The large ones are written only with a key that was read in
-- the same transaction, and nothing ever deletes a parent, so there a check would cost and find
-- nothing.

-- "PLDG": tells this file from another program's database.
PRAGMA application_id = 0x504c4447;

CREATE TABLE chain (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    head INTEGER,
    processed INTEGER
) STRICT;

CREATE TABLE token (
    id INTEGER PRIMARY KEY,
    chain INTEGER NOT NULL REFERENCES chain (id),
    address BLOB NOT NULL CHECK (length(address) = 20),
    symbol TEXT NOT NULL,
    decimals INTEGER NOT NULL,
    start_block INTEGER NOT NULL,
    cursor_block INTEGER,
    cursor_hash BLOB CHECK (length(cursor_hash) = 32),
    cursor_parent_hash BLOB CHECK (length(cursor_parent_hash) = 32),
    cursor_time INTEGER,
    start_time INTEGER,
    epoch INTEGER NOT NULL,
    halted TEXT,
    holders INTEGER NOT NULL,
    supply BLOB NOT NULL CHECK (length(supply) = 32),
    minted BLOB NOT NULL CHECK (length(minted) = 64),
    burned BLOB NOT NULL CHECK (length(burned) = 64),
    UNIQUE (chain, address)
) STRICT;

CREATE TABLE block_header (
    chain INTEGER NOT NULL,
    block INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    parent_hash BLOB NOT NULL CHECK (length(parent_hash) = 32),
    time INTEGER NOT NULL,
    PRIMARY KEY (chain, block)
) STRICT, WITHOUT ROWID;

-- The newest state of every account, also of those whose balance is zero again.
CREATE TABLE user_balance (
    token INTEGER NOT NULL,
    account BLOB NOT NULL CHECK (length(account) = 20),
    balance BLOB NOT NULL CHECK (length(balance) = 32),
    balance_seconds BLOB NOT NULL CHECK (length(balance_seconds) = 40),
    time INTEGER NOT NULL,
    block INTEGER NOT NULL,
    PRIMARY KEY (token, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_balance_by_balance ON user_balance (token, balance DESC, account);

-- Ordered by place, not by time: block times never go down along a chain, so the state at an
-- instant is the state at the last block up to it, found once for all accounts by the index.
CREATE TABLE user_balance_change (
    token INTEGER NOT NULL,
    account BLOB NOT NULL CHECK (length(account) = 20),
    block INTEGER NOT NULL,
    log_index INTEGER NOT NULL,
    leg INTEGER NOT NULL CHECK (leg IN (0, 1)),
    time INTEGER NOT NULL,
    change_type TEXT NOT NULL,
    amount BLOB NOT NULL CHECK (length(amount) = 32),
    balance_after BLOB NOT NULL CHECK (length(balance_after) = 32),
    balance_seconds BLOB NOT NULL CHECK (length(balance_seconds) = 40),
    counterparty BLOB CHECK (length(counterparty) = 20),
    tx_hash BLOB NOT NULL CHECK (length(tx_hash) = 32),
    PRIMARY KEY (token, account, block, log_index, leg)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX user_balance_change_by_time
    ON user_balance_change (token, time, block, log_index, leg);

CREATE TABLE programme (
    id INTEGER PRIMARY KEY,
    token INTEGER NOT NULL REFERENCES token (id),
    name TEXT NOT NULL,
    rates TEXT NOT NULL,
    window_seconds INTEGER NOT NULL,
    shards INTEGER NOT NULL,
    UNIQUE (token, name)
) STRICT;

-- `run_from` is null while no settlement of the shard is under way.
CREATE TABLE shard_progress (
    programme INTEGER NOT NULL REFERENCES programme (id),
    shard INTEGER NOT NULL,
    settled INTEGER,
    run_from INTEGER,
    run_to INTEGER,
    run_through BLOB CHECK (length(run_through) = 20),
    run_scanned INTEGER NOT NULL DEFAULT 0 CHECK (run_scanned IN (0, 1)),
    PRIMARY KEY (programme, shard)
) STRICT, WITHOUT ROWID;

-- Failed batches of the settlement under way. `span_after` is the zero address, which is never an
-- account, for a batch at the start of its shard.
CREATE TABLE batch_failure (
    programme INTEGER NOT NULL,
    shard INTEGER NOT NULL,
    span_after BLOB NOT NULL CHECK (length(span_after) = 20),
    span_through BLOB CHECK (length(span_through) = 20),
    epoch INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (programme, shard, span_after),
    FOREIGN KEY (programme, shard) REFERENCES shard_progress (programme, shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE settlement_window (
    programme INTEGER NOT NULL,
    window_start INTEGER NOT NULL,
    shard INTEGER NOT NULL,
    accounts INTEGER NOT NULL,
    raw BLOB NOT NULL CHECK (length(raw) = 64),
    first_block INTEGER,
    last_block INTEGER,
    PRIMARY KEY (programme, window_start, shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_points (
    programme INTEGER NOT NULL,
    account BLOB NOT NULL CHECK (length(account) = 20),
    raw BLOB NOT NULL CHECK (length(raw) = 64),
    PRIMARY KEY (programme, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_points_by_raw ON user_points (programme, raw DESC, account);

-- Rows are added and never changed: `reversed` = 1 takes an earlier row of the same account, window
-- and epoch back.
CREATE TABLE user_points_change (
    programme INTEGER NOT NULL,
    account BLOB NOT NULL CHECK (length(account) = 20),
    window_start INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    reversed INTEGER NOT NULL CHECK (reversed IN (0, 1)),
    window_end INTEGER NOT NULL,
    raw BLOB NOT NULL CHECK (length(raw) = 64),
    PRIMARY KEY (programme, account, window_start, epoch, reversed)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_points_change_by_window ON user_points_change (programme, window_start, account);

CREATE TABLE event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    payload TEXT NOT NULL
) STRICT;
