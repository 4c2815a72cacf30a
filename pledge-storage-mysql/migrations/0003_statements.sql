-- Rows of points are kept where something changed, each with the balance from which the windows after
-- it are derived. Those of before cannot be brought into this form: they lack the windows between that
-- a reorg took back. So everything is settled again, from the ledger, by the same rates. Each statement
-- may run again after an interrupted run.

-- End of what was published in a shard before a rewind; null once it is settled as far again.
SET @pledge_change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
        AND table_name = 'shard_progress' AND column_name = 'published'),
    'DO 0',
    'ALTER TABLE shard_progress ADD COLUMN published BIGINT UNSIGNED'
);
PREPARE pledge_change FROM @pledge_change;
EXECUTE pledge_change;
DEALLOCATE PREPARE pledge_change;

UPDATE shard_progress SET published = NULLIF(
    GREATEST(COALESCE(published, 0), COALESCE(settled, 0), COALESCE(run_to, 0)), 0
);
UPDATE shard_progress SET
    settled = NULL, run_from = NULL, run_to = NULL, run_through = NULL, run_scanned = 0;

DELETE FROM batch_failure;
TRUNCATE TABLE user_points;

-- A row for each window in which a balance of the shard changed, and one for the first window of a
-- settlement under way. `holders` and `balance` are those at the window's end.
DROP TABLE IF EXISTS settlement_window;
CREATE TABLE settlement_window (
    programme BIGINT UNSIGNED NOT NULL,
    shard SMALLINT UNSIGNED NOT NULL,
    window_start BIGINT UNSIGNED NOT NULL,
    accounts BIGINT UNSIGNED NOT NULL,
    raw BINARY(64) NOT NULL,
    first_block BIGINT UNSIGNED,
    last_block BIGINT UNSIGNED,
    holders BIGINT UNSIGNED NOT NULL,
    balance BINARY(32) NOT NULL,
    PRIMARY KEY (programme, shard, window_start)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Rows are added and never changed. One with `reversed` = 1 takes back all that was published for the
-- account from `window_start` to `window_end`. The next windows begin with `balance`.
DROP TABLE IF EXISTS user_points_change;
CREATE TABLE user_points_change (
    programme BIGINT UNSIGNED NOT NULL,
    account BINARY(20) NOT NULL,
    reversed TINYINT UNSIGNED NOT NULL,
    epoch BIGINT UNSIGNED NOT NULL,
    window_start BIGINT UNSIGNED NOT NULL,
    window_end BIGINT UNSIGNED NOT NULL,
    raw BINARY(64) NOT NULL,
    balance BINARY(32) NOT NULL,
    PRIMARY KEY (programme, account, reversed, epoch, window_start),
    KEY user_points_change_by_window (programme, window_start, account)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
