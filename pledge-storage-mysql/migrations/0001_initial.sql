-- Numbers are big-endian bytes of fixed width where they may exceed 64 bits, so that they sort as
-- numbers do: 32 bytes an amount or a hash, 40 balance-seconds, 64 raw points and sums without a
-- bound, 20 an address. Times are unix seconds. Small integer keys stand for tokens and programmes.
--
-- A server takes no change of the schema back. So every statement can be run again over what an
-- interrupted run has left, and is.
--
-- No foreign keys: rows are written only with a key that was read in the same transaction, nothing
-- ever deletes a parent, and a distributed database has none across its shards.

CREATE TABLE IF NOT EXISTS chain (
    id BIGINT UNSIGNED NOT NULL,
    name TEXT NOT NULL,
    status VARCHAR(16) NOT NULL,
    reason MEDIUMTEXT,
    head BIGINT UNSIGNED,
    processed BIGINT UNSIGNED,
    PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS token (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    chain BIGINT UNSIGNED NOT NULL,
    address BINARY(20) NOT NULL,
    symbol TEXT NOT NULL,
    decimals TINYINT UNSIGNED NOT NULL,
    start_block BIGINT UNSIGNED NOT NULL,
    cursor_block BIGINT UNSIGNED,
    cursor_hash BINARY(32),
    cursor_parent_hash BINARY(32),
    cursor_time BIGINT UNSIGNED,
    start_time BIGINT UNSIGNED,
    epoch BIGINT UNSIGNED NOT NULL,
    halted MEDIUMTEXT,
    holders BIGINT UNSIGNED NOT NULL,
    supply BINARY(32) NOT NULL,
    minted BINARY(64) NOT NULL,
    burned BINARY(64) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY token_by_address (chain, address)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS block_header (
    chain BIGINT UNSIGNED NOT NULL,
    block BIGINT UNSIGNED NOT NULL,
    hash BINARY(32) NOT NULL,
    parent_hash BINARY(32) NOT NULL,
    time BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (chain, block)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The newest state of every account, also of those whose balance is zero again.
CREATE TABLE IF NOT EXISTS user_balance (
    token BIGINT UNSIGNED NOT NULL,
    account BINARY(20) NOT NULL,
    balance BINARY(32) NOT NULL,
    balance_seconds BINARY(40) NOT NULL,
    time BIGINT UNSIGNED NOT NULL,
    block BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (token, account),
    KEY user_balance_by_balance (token, balance DESC, account)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Ordered by place, not by time: block times never go down along a chain, so the state at an
-- instant is the state at the last block up to it, found once for all accounts by the index.
CREATE TABLE IF NOT EXISTS user_balance_change (
    token BIGINT UNSIGNED NOT NULL,
    account BINARY(20) NOT NULL,
    block BIGINT UNSIGNED NOT NULL,
    log_index BIGINT UNSIGNED NOT NULL,
    leg TINYINT UNSIGNED NOT NULL,
    time BIGINT UNSIGNED NOT NULL,
    change_type VARCHAR(16) NOT NULL,
    amount BINARY(32) NOT NULL,
    balance_after BINARY(32) NOT NULL,
    balance_seconds BINARY(40) NOT NULL,
    counterparty BINARY(20),
    tx_hash BINARY(32) NOT NULL,
    PRIMARY KEY (token, account, block, log_index, leg),
    UNIQUE KEY user_balance_change_by_time (token, time, block, log_index, leg)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS programme (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    token BIGINT UNSIGNED NOT NULL,
    name VARCHAR(32) NOT NULL,
    rates MEDIUMTEXT NOT NULL,
    window_seconds BIGINT UNSIGNED NOT NULL,
    shards SMALLINT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY programme_by_name (token, name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- `run_from` is null while no settlement of the shard is under way.
CREATE TABLE IF NOT EXISTS shard_progress (
    programme BIGINT UNSIGNED NOT NULL,
    shard SMALLINT UNSIGNED NOT NULL,
    settled BIGINT UNSIGNED,
    run_from BIGINT UNSIGNED,
    run_to BIGINT UNSIGNED,
    run_through BINARY(20),
    run_scanned TINYINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (programme, shard)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Failed batches of the settlement under way. `span_after` is the zero address, which is never an
-- account, for a batch at the start of its shard.
CREATE TABLE IF NOT EXISTS batch_failure (
    programme BIGINT UNSIGNED NOT NULL,
    shard SMALLINT UNSIGNED NOT NULL,
    span_after BINARY(20) NOT NULL,
    span_through BINARY(20),
    epoch BIGINT UNSIGNED NOT NULL,
    attempts INT UNSIGNED NOT NULL,
    reason MEDIUMTEXT NOT NULL,
    PRIMARY KEY (programme, shard, span_after)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS settlement_window (
    programme BIGINT UNSIGNED NOT NULL,
    window_start BIGINT UNSIGNED NOT NULL,
    shard SMALLINT UNSIGNED NOT NULL,
    accounts BIGINT UNSIGNED NOT NULL,
    raw BINARY(64) NOT NULL,
    first_block BIGINT UNSIGNED,
    last_block BIGINT UNSIGNED,
    PRIMARY KEY (programme, window_start, shard)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS user_points (
    programme BIGINT UNSIGNED NOT NULL,
    account BINARY(20) NOT NULL,
    raw BINARY(64) NOT NULL,
    PRIMARY KEY (programme, account),
    KEY user_points_by_raw (programme, raw DESC, account)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Rows are added and never changed: `reversed` = 1 takes an earlier row of the same account, window
-- and epoch back.
CREATE TABLE IF NOT EXISTS user_points_change (
    programme BIGINT UNSIGNED NOT NULL,
    account BINARY(20) NOT NULL,
    window_start BIGINT UNSIGNED NOT NULL,
    epoch BIGINT UNSIGNED NOT NULL,
    reversed TINYINT UNSIGNED NOT NULL,
    window_end BIGINT UNSIGNED NOT NULL,
    raw BINARY(64) NOT NULL,
    PRIMARY KEY (programme, account, window_start, epoch, reversed),
    KEY user_points_change_by_window (programme, window_start, account)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS event (
    sequence BIGINT UNSIGNED NOT NULL,
    payload MEDIUMTEXT NOT NULL,
    PRIMARY KEY (sequence)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row: the number given last. A transaction that takes the next keeps the row's lock until it
-- ends, so numbers become visible in their order. A counter of the server's own would not.
CREATE TABLE IF NOT EXISTS event_counter (
    id TINYINT UNSIGNED NOT NULL,
    newest BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT INTO event_counter (id, newest) VALUES (0, 0) ON DUPLICATE KEY UPDATE id = id;

-- How far each consumer of events was told. One that was never told anything has no row.
CREATE TABLE IF NOT EXISTS event_delivery (
    consumer VARCHAR(32) NOT NULL,
    delivered BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (consumer)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
