-- Rows of points are kept where something changed, each with the balance from which the windows after
-- it are derived. Those of before cannot be brought into this form: they lack the windows between that
-- a reorg took back. So everything is settled again, from the ledger, by the same rates.

-- End of what was published in a shard before a rewind; null once it is settled as far again.
ALTER TABLE shard_progress ADD COLUMN published INTEGER;

UPDATE shard_progress SET
    published = nullif(max(coalesce(settled, 0), coalesce(run_to, 0)), 0),
    settled = NULL, run_from = NULL, run_to = NULL, run_through = NULL, run_scanned = 0;

DELETE FROM batch_failure;
DELETE FROM user_points;

-- A row for each window in which a balance of the shard changed, and one for the first window of a
-- settlement under way. `holders` and `balance` are those at the window's end.
DROP TABLE settlement_window;
CREATE TABLE settlement_window (
    programme INTEGER NOT NULL,
    shard INTEGER NOT NULL,
    window_start INTEGER NOT NULL,
    accounts INTEGER NOT NULL,
    raw BLOB NOT NULL CHECK (length(raw) = 64),
    first_block INTEGER,
    last_block INTEGER,
    holders INTEGER NOT NULL,
    balance BLOB NOT NULL CHECK (length(balance) = 32),
    PRIMARY KEY (programme, shard, window_start)
) STRICT, WITHOUT ROWID;

-- Rows are added and never changed. One with `reversed` = 1 takes back all that was published for the
-- account from `window_start` to `window_end`. The next windows begin with `balance`.
DROP TABLE user_points_change;
CREATE TABLE user_points_change (
    programme INTEGER NOT NULL,
    account BLOB NOT NULL CHECK (length(account) = 20),
    reversed INTEGER NOT NULL CHECK (reversed IN (0, 1)),
    epoch INTEGER NOT NULL,
    window_start INTEGER NOT NULL,
    window_end INTEGER NOT NULL,
    raw BLOB NOT NULL CHECK (length(raw) = 64),
    balance BLOB NOT NULL CHECK (length(balance) = 32),
    PRIMARY KEY (programme, account, reversed, epoch, window_start)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_points_change_by_window ON user_points_change (programme, window_start, account);
