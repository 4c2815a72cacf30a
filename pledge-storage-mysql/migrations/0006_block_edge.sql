-- The last block of a chain before an instant: null if the chain begins at the instant or later.
CREATE TABLE IF NOT EXISTS block_edge (
    chain BIGINT UNSIGNED NOT NULL,
    instant BIGINT UNSIGNED NOT NULL,
    block BIGINT UNSIGNED,
    PRIMARY KEY (chain, instant)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
