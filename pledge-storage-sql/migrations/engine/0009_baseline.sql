-- All tables of the engine, as they were when each database had texts of its own: SQLite at its version 8,
-- MySQL at its version 7. A database of those versions has them already. The numbers go on behind both.
--
-- Numbers are big-endian bytes of fixed width where they may exceed 63 bits, so that they sort as
-- numbers do: 32 bytes an amount or a hash, 40 balance-seconds, 64 raw points and sums without a
-- bound, 20 an address. Times are unix seconds. Small integer keys stand for tokens and programmes.
--
-- References guard the small tables, where the database has them. The large ones are written only
-- with a key that was read in the same transaction, and nothing ever deletes a parent, so there a
-- check would cost and find nothing.

CREATE TABLE chain (
    id {id},
    name {text} NOT NULL,
    status {name 16} NOT NULL,
    reason {long text},
    head {u64},
    processed {u64},
    -- The time of the newest block seen, whose number is `head`.
    head_time {u64}
) {by id};

-- `unreadable_logs` is how many rows of `unreadable_log` a token has. `supply_block` to
-- `supply_on_chain` are the last comparison of the ledger's supply with the contract's, null before
-- the first; `supply_unanswered` is why the newest attempt at one had no answer, null if it had.
-- `rewinds_by_person` is how many of the token's epochs are a person's rewinds: the others are reorgs.
CREATE TABLE token (
    id {new id},
    chain {u64} NOT NULL {guard REFERENCES chain (id)},
    address {bytes 20} NOT NULL,
    symbol {text} NOT NULL,
    decimals {u8} NOT NULL,
    start_block {u64} NOT NULL,
    cursor_block {u64},
    cursor_hash {bytes 32},
    cursor_parent_hash {bytes 32},
    cursor_time {u64},
    start_time {u64},
    epoch {u64} NOT NULL,
    halted {long text},
    holders {u64} NOT NULL,
    supply {bytes 32} NOT NULL,
    minted {bytes 64} NOT NULL,
    burned {bytes 64} NOT NULL,
    unreadable_logs {u64} NOT NULL DEFAULT 0,
    supply_block {u64},
    supply_time {u64},
    supply_ledger {bytes 32},
    supply_on_chain {bytes 32},
    supply_unanswered {long text},
    rewinds_by_person {u64} NOT NULL DEFAULT 0,
    CONSTRAINT token_by_address UNIQUE (chain, address)
) {by id};

CREATE TABLE block_header (
    chain {u64} NOT NULL,
    block {u64} NOT NULL,
    hash {bytes 32} NOT NULL,
    parent_hash {bytes 32} NOT NULL,
    time {u64} NOT NULL,
    PRIMARY KEY (chain, block)
) {by key};

-- The newest state of every account, also of those whose balance is zero again.
CREATE TABLE user_balance (
    token {u64} NOT NULL,
    account {bytes 20} NOT NULL,
    balance {bytes 32} NOT NULL,
    balance_seconds {bytes 40} NOT NULL,
    time {u64} NOT NULL,
    block {u64} NOT NULL,
    PRIMARY KEY (token, account)
) {by key};

CREATE INDEX user_balance_by_balance ON user_balance (token, balance DESC, account);

-- Ordered by place, not by time: block times never go down along a chain, so the state at an
-- instant is the state at the last block up to it, found once for all accounts by the index.
-- `netted` is 1 for the rows of a block in which the running balance would leave its bounds: each has
-- the balance at the block's end.
CREATE TABLE user_balance_change (
    token {u64} NOT NULL,
    account {bytes 20} NOT NULL,
    block {u64} NOT NULL,
    log_index {u64} NOT NULL,
    leg {u8} NOT NULL {guard CHECK (leg IN (0, 1))},
    time {u64} NOT NULL,
    change_type {name 16} NOT NULL,
    amount {bytes 32} NOT NULL,
    balance_after {bytes 32} NOT NULL,
    balance_seconds {bytes 40} NOT NULL,
    counterparty {bytes 20},
    tx_hash {bytes 32} NOT NULL,
    netted {u8} NOT NULL DEFAULT 0,
    PRIMARY KEY (token, account, block, log_index, leg)
) {by key};

CREATE UNIQUE INDEX user_balance_change_by_time
    ON user_balance_change (token, time, block, log_index, leg);

-- Logs that look like transfers and cannot be read.
CREATE TABLE unreadable_log (
    token {u64} NOT NULL,
    block {u64} NOT NULL,
    log_index {u64} NOT NULL,
    tx_hash {bytes 32} NOT NULL,
    PRIMARY KEY (token, block, log_index)
) {by key};

CREATE TABLE programme (
    id {new id},
    token {u64} NOT NULL {guard REFERENCES token (id)},
    name {name 32} NOT NULL,
    rates {long text} NOT NULL,
    window_seconds {u64} NOT NULL,
    shards {u16} NOT NULL,
    CONSTRAINT programme_by_name UNIQUE (token, name)
) {by id};

-- `run_from` is null while no settlement of the shard is under way. `published` is the end of what was
-- published in a shard before a rewind; null once it is settled as far again.
CREATE TABLE shard_progress (
    programme {u64} NOT NULL {guard REFERENCES programme (id)},
    shard {u16} NOT NULL,
    settled {u64},
    run_from {u64},
    run_to {u64},
    run_through {bytes 20},
    run_scanned {u8} NOT NULL DEFAULT 0 {guard CHECK (run_scanned IN (0, 1))},
    published {u64},
    PRIMARY KEY (programme, shard)
) {by key};

-- Failed batches of the settlement under way. `span_after` is the zero address, which is never an
-- account, for a batch at the start of its shard.
CREATE TABLE batch_failure (
    programme {u64} NOT NULL,
    shard {u16} NOT NULL,
    span_after {bytes 20} NOT NULL,
    span_through {bytes 20},
    epoch {u64} NOT NULL,
    attempts {u32} NOT NULL,
    reason {long text} NOT NULL,
    PRIMARY KEY (programme, shard, span_after)
    {guard , FOREIGN KEY (programme, shard) REFERENCES shard_progress (programme, shard)}
) {by key};

-- A row for each window in which a balance of the shard changed, and one for the first window of a
-- settlement under way. `holders` and `balance` are those at the window's end.
CREATE TABLE settlement_window (
    programme {u64} NOT NULL,
    shard {u16} NOT NULL,
    window_start {u64} NOT NULL,
    accounts {u64} NOT NULL,
    raw {bytes 64} NOT NULL,
    first_block {u64},
    last_block {u64},
    holders {u64} NOT NULL,
    balance {bytes 32} NOT NULL,
    PRIMARY KEY (programme, shard, window_start)
) {by key};

CREATE TABLE user_points (
    programme {u64} NOT NULL,
    account {bytes 20} NOT NULL,
    raw {bytes 64} NOT NULL,
    PRIMARY KEY (programme, account)
) {by key};

CREATE INDEX user_points_by_raw ON user_points (programme, raw DESC, account);

-- Rows are added and never changed. One with `reversed` = 1 takes back all that was published for the
-- account from `window_start` to `window_end`. The next windows begin with `balance`.
CREATE TABLE user_points_change (
    programme {u64} NOT NULL,
    account {bytes 20} NOT NULL,
    reversed {u8} NOT NULL {guard CHECK (reversed IN (0, 1))},
    epoch {u64} NOT NULL,
    window_start {u64} NOT NULL,
    window_end {u64} NOT NULL,
    raw {bytes 64} NOT NULL,
    balance {bytes 32} NOT NULL,
    PRIMARY KEY (programme, account, reversed, epoch, window_start)
) {by key};

CREATE INDEX user_points_change_by_window ON user_points_change (programme, window_start, account);

-- The last block of a chain before an instant: null if the chain begins at the instant or later.
CREATE TABLE block_edge (
    chain {u64} NOT NULL,
    instant {u64} NOT NULL,
    block {u64},
    PRIMARY KEY (chain, instant)
) {by key};

-- Contracts whose logs are kept. `events` is the first topics that are kept, 32 bytes each, ascending;
-- empty for every log.
CREATE TABLE contract (
    id {new id},
    chain {u64} NOT NULL {guard REFERENCES chain (id)},
    name {name 32} NOT NULL,
    address {bytes 20} NOT NULL,
    events {bytes to 2048} NOT NULL {guard CHECK (length(events) % 32 = 0)},
    start_block {u64} NOT NULL,
    epoch {u64} NOT NULL,
    logs {u64} NOT NULL,
    cursor_block {u64},
    cursor_hash {bytes 32},
    cursor_parent_hash {bytes 32},
    cursor_time {u64},
    CONSTRAINT contract_by_name UNIQUE (chain, name)
) {by id};

-- The logs of a contract up to its cursor. `topics` is up to four words of 32 bytes, one after the
-- other. A single log's data can exceed 16 MiB where the gas of a block has no bound.
CREATE TABLE contract_log (
    contract {u64} NOT NULL,
    block {u64} NOT NULL,
    log_index {u64} NOT NULL,
    time {u64} NOT NULL,
    block_hash {bytes 32} NOT NULL,
    tx_hash {bytes 32} NOT NULL,
    topics {bytes to 128} NOT NULL {guard CHECK (length(topics) IN (0, 32, 64, 96, 128))},
    data {bytes} NOT NULL,
    PRIMARY KEY (contract, block, log_index)
) {by key};

CREATE TABLE event (
    sequence {sequence},
    payload {long text} NOT NULL
) {by id};

-- One row: the number given last. A transaction that takes the next keeps the row's lock until it
-- ends, so numbers become visible in their order. A counter of the server's own would not.
{counter} CREATE TABLE event_counter (
    id {u8} NOT NULL,
    newest {u64} NOT NULL,
    PRIMARY KEY (id)
) {by key};

{counter} INSERT INTO event_counter (id, newest) VALUES (0, 0) {or keep id};

-- How far each consumer of events was notified, and since when it has had events to take, unless its
-- position was recorded since. One that was never notified has no row.
CREATE TABLE event_delivery (
    consumer {name 32} NOT NULL,
    delivered {u64} NOT NULL,
    silent_since {u64},
    PRIMARY KEY (consumer)
) {by key};
