-- What people decided about points: a row for each decision, in the transaction that took it. Rows are
-- added, and never changed or removed. `scope` is `programme`, `token`, `chain` or `all`; `scope_key` is the
-- key of that programme or token, the id of that chain, or 0. `set_name` is null except for bonus sets.
-- `effective_until` is null for what never ends. `accounts` is how many rows of `account_entry` it has.
CREATE TABLE decision (
    number {u64} NOT NULL,
    kind {name 16} NOT NULL,
    scope {name 16} NOT NULL,
    scope_key {u64} NOT NULL,
    set_name {name 32},
    effective_from {u64} NOT NULL,
    effective_until {u64},
    accounts {u64} NOT NULL,
    audit_number {u64} NOT NULL,
    PRIMARY KEY (number)
) {by id};

CREATE INDEX decision_by_scope ON decision (scope, scope_key, number);

-- What a decision states about one account. `basis_points` is the weight or the bonus, 0 where it states none.
CREATE TABLE account_entry (
    account {bytes 20} NOT NULL,
    number {u64} NOT NULL,
    basis_points {u32} NOT NULL,
    PRIMARY KEY (account, number)
) {by key};

CREATE INDEX account_entry_by_number ON account_entry (number, account);

-- One row: the number given last. A transaction that takes the next keeps the row's lock until it ends.
CREATE TABLE decision_counter (
    id {u8} NOT NULL,
    newest {u64} NOT NULL,
    PRIMARY KEY (id)
) {by key};

INSERT INTO decision_counter (id, newest) VALUES (0, 0) {or keep id};

-- The highest number of a decision that reaches the programme; 0 for none.
ALTER TABLE programme ADD COLUMN version {u64} NOT NULL DEFAULT 0;

-- 1 where a weight changed in the window.
ALTER TABLE settlement_window ADD COLUMN reweighted {u8} NOT NULL DEFAULT 0;

-- The sum of balances times weights in basis points. Null where it is `balance` at the base weight of 10000;
-- where it is not, `balance` is 0.
ALTER TABLE settlement_window ADD COLUMN weighted {bytes 40};

-- The highest number of a decision that holds from before the window's end on; 0 for none.
ALTER TABLE user_points_change ADD COLUMN entry {u64} NOT NULL DEFAULT 0;
