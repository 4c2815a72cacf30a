-- The time of the newest block seen, beside its number in `head`.
ALTER TABLE chain ADD COLUMN head_time INTEGER;

-- How many rows of `unreadable_log` a token has.
ALTER TABLE token ADD COLUMN unreadable_logs INTEGER NOT NULL DEFAULT 0;
-- The last comparison of the ledger's supply with the contract's: null before the first.
ALTER TABLE token ADD COLUMN supply_block INTEGER;
ALTER TABLE token ADD COLUMN supply_time INTEGER;
ALTER TABLE token ADD COLUMN supply_ledger BLOB CHECK (length(supply_ledger) = 32);
ALTER TABLE token ADD COLUMN supply_on_chain BLOB CHECK (length(supply_on_chain) = 32);
-- Why the newest attempt at one had no answer; null if it had.
ALTER TABLE token ADD COLUMN supply_unanswered TEXT;

-- 1 for the rows of a block in which the running balance would leave its bounds: each has the balance
-- at the block's end.
ALTER TABLE user_balance_change ADD COLUMN netted INTEGER NOT NULL DEFAULT 0;

-- Logs that look like transfers and cannot be read.
CREATE TABLE unreadable_log (
    token INTEGER NOT NULL,
    block INTEGER NOT NULL,
    log_index INTEGER NOT NULL,
    tx_hash BLOB NOT NULL CHECK (length(tx_hash) = 32),
    PRIMARY KEY (token, block, log_index)
) STRICT, WITHOUT ROWID;
