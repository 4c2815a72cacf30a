-- Contracts whose logs are kept. `events` is the first topics that are kept, 32 bytes each, ascending;
-- empty for every log.
CREATE TABLE IF NOT EXISTS contract (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    chain BIGINT UNSIGNED NOT NULL,
    name VARCHAR(32) NOT NULL,
    address BINARY(20) NOT NULL,
    events VARBINARY(2048) NOT NULL,
    start_block BIGINT UNSIGNED NOT NULL,
    epoch BIGINT UNSIGNED NOT NULL,
    logs BIGINT UNSIGNED NOT NULL,
    cursor_block BIGINT UNSIGNED,
    cursor_hash BINARY(32),
    cursor_parent_hash BINARY(32),
    cursor_time BIGINT UNSIGNED,
    PRIMARY KEY (id),
    UNIQUE KEY contract_by_name (chain, name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The logs of a contract up to its cursor. `topics` is up to four words of 32 bytes, one after the
-- other. A single log's data can exceed a MEDIUMBLOB where the gas of a block has no bound.
CREATE TABLE IF NOT EXISTS contract_log (
    contract BIGINT UNSIGNED NOT NULL,
    block BIGINT UNSIGNED NOT NULL,
    log_index BIGINT UNSIGNED NOT NULL,
    time BIGINT UNSIGNED NOT NULL,
    block_hash BINARY(32) NOT NULL,
    tx_hash BINARY(32) NOT NULL,
    topics VARBINARY(128) NOT NULL,
    data LONGBLOB NOT NULL,
    PRIMARY KEY (contract, block, log_index)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
