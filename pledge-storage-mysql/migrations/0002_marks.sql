-- No server takes a change of the schema back, and not every server knows ADD COLUMN IF NOT EXISTS. So
-- each table gets its columns in one statement, which is skipped if an interrupted run has made it.

-- The time of the newest block seen, beside its number in `head`.
SET @pledge_change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
        AND table_name = 'chain' AND column_name = 'head_time'),
    'DO 0',
    'ALTER TABLE chain ADD COLUMN head_time BIGINT UNSIGNED'
);
PREPARE pledge_change FROM @pledge_change;
EXECUTE pledge_change;
DEALLOCATE PREPARE pledge_change;

-- How many rows of `unreadable_log` a token has; the last comparison of the ledger's supply with the
-- contract's, null before the first; why the newest attempt at one had no answer, null if it had.
SET @pledge_change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
        AND table_name = 'token' AND column_name = 'unreadable_logs'),
    'DO 0',
    'ALTER TABLE token
        ADD COLUMN unreadable_logs BIGINT UNSIGNED NOT NULL DEFAULT 0,
        ADD COLUMN supply_block BIGINT UNSIGNED,
        ADD COLUMN supply_time BIGINT UNSIGNED,
        ADD COLUMN supply_ledger BINARY(32),
        ADD COLUMN supply_on_chain BINARY(32),
        ADD COLUMN supply_unanswered MEDIUMTEXT'
);
PREPARE pledge_change FROM @pledge_change;
EXECUTE pledge_change;
DEALLOCATE PREPARE pledge_change;

-- 1 for the rows of a block in which the running balance would leave its bounds: each has the balance
-- at the block's end.
SET @pledge_change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
        AND table_name = 'user_balance_change' AND column_name = 'netted'),
    'DO 0',
    'ALTER TABLE user_balance_change ADD COLUMN netted TINYINT UNSIGNED NOT NULL DEFAULT 0'
);
PREPARE pledge_change FROM @pledge_change;
EXECUTE pledge_change;
DEALLOCATE PREPARE pledge_change;

-- Logs that look like transfers and cannot be read.
CREATE TABLE IF NOT EXISTS unreadable_log (
    token BIGINT UNSIGNED NOT NULL,
    block BIGINT UNSIGNED NOT NULL,
    log_index BIGINT UNSIGNED NOT NULL,
    tx_hash BINARY(32) NOT NULL,
    PRIMARY KEY (token, block, log_index)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
