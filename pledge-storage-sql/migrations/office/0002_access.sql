-- Who may do what: users, roles, keys and sign-ins. Every time is of the database's clock, in milliseconds since 1970,
-- unless it is said otherwise. No secret is here: passwords, tokens, codes and keys are hashes.

-- One row, which every write of users, roles, keys and invitations locks first.
CREATE TABLE access_lock (
    id {u8} NOT NULL,
    PRIMARY KEY (id)
) {by key};

INSERT INTO access_lock (id) VALUES (0) {or keep id};

-- A removed user keeps its row: its name is null, so that another may take it. `password` is a PHC text.
CREATE TABLE access_user (
    id {bytes 16} NOT NULL,
    name {name 64},
    display_name {name 64},
    language {name 35},
    time_zone {name 64},
    password {name 255},
    created {u64} NOT NULL,
    banned {u64},
    ban_reason {text},
    removed {u64},
    PRIMARY KEY (id),
    CONSTRAINT access_user_by_name UNIQUE (name)
) {by key};

CREATE INDEX access_user_by_time ON access_user (created, id);

-- What signs for a user: the key of an address (`by_contract` = 0, `chain` = 0), or a contract on a chain.
CREATE TABLE access_wallet (
    address {bytes 20} NOT NULL,
    by_contract {u8} NOT NULL {guard CHECK (by_contract IN (0, 1))},
    chain {u64} NOT NULL,
    user_id {bytes 16} NOT NULL,
    PRIMARY KEY (address, by_contract, chain)
) {by key};

CREATE INDEX access_wallet_by_user ON access_wallet (user_id);

-- The roles of a user (`holder_kind` = 0), a key (1) or an invitation (2), in their order. `scope_text` is null
-- everywhere; else it names chains and tokens (`CHAIN:ADDRESS`), with spaces between them. A role need not be there.
CREATE TABLE access_grant (
    holder_kind {u8} NOT NULL,
    holder {bytes 16} NOT NULL,
    place {u8} NOT NULL,
    role_name {name 32} NOT NULL,
    scope_text {text},
    PRIMARY KEY (holder_kind, holder, place)
) {by key};

CREATE INDEX access_grant_by_role ON access_grant (role_name, holder_kind, holder);

-- Roles that people made, with the names of their permissions, with spaces between them.
CREATE TABLE access_role (
    name {name 32} NOT NULL,
    permissions {text} NOT NULL,
    PRIMARY KEY (name)
) {by key};

-- A sign-in: by `password`, `key` (of the address `wallet`) or `contract` (at `wallet` on `chain`, which accepted
-- `signature` for `digest`). `over_at` is its end at the latest, `ended` an earlier one, with `end_reason`; `done_at` is
-- the one of both that counts.
CREATE TABLE access_session (
    id {bytes 16} NOT NULL,
    user_id {bytes 16} NOT NULL,
    signed_in_by {name 16} NOT NULL,
    wallet {bytes 20},
    chain {u64},
    digest {bytes 32},
    signature {bytes},
    signed_in {u64} NOT NULL,
    refreshed {u64} NOT NULL,
    over_at {u64} NOT NULL,
    address {name 45},
    user_agent {name 200},
    ended {u64},
    end_reason {name 32},
    done_at {u64} NOT NULL,
    PRIMARY KEY (id)
    {guard , CHECK ((ended IS NULL) = (end_reason IS NULL))}
) {by key};

CREATE INDEX access_session_by_user ON access_session (user_id, signed_in, id);

CREATE INDEX access_session_by_end ON access_session (done_at);

-- A refresh token of a session. Once it is `used`, `successor` is the one that it gave.
CREATE TABLE access_token (
    hash {bytes 32} NOT NULL,
    session_id {bytes 16} NOT NULL,
    issued {u64} NOT NULL,
    used {u64},
    successor {bytes 32},
    PRIMARY KEY (hash)
    {guard , CHECK ((used IS NULL) = (successor IS NULL))}
) {by key};

CREATE INDEX access_token_by_session ON access_token (session_id);

-- A key of a program. `over_at` is null where it has no end.
CREATE TABLE access_key (
    id {bytes 16} NOT NULL,
    prefix {name 8} NOT NULL,
    hash {bytes 32} NOT NULL,
    name {name 64} NOT NULL,
    owner_id {bytes 16} NOT NULL,
    created {u64} NOT NULL,
    over_at {u64},
    last_used {u64},
    revoked {u64},
    PRIMARY KEY (id),
    CONSTRAINT access_key_by_prefix UNIQUE (prefix)
) {by key};

CREATE INDEX access_key_by_owner ON access_key (owner_id, created, id);

CREATE INDEX access_key_by_time ON access_key (created, id);

-- `given_by` is the user whose right it uses; null for the machine's operator. It ends once: `used` by `used_by`, or
-- `revoked`; else it is over at `over_at`. `done_at` is the one of them that counts.
CREATE TABLE access_invitation (
    id {bytes 16} NOT NULL,
    hash {bytes 32} NOT NULL,
    note {name 200},
    given_by {bytes 16},
    created {u64} NOT NULL,
    over_at {u64} NOT NULL,
    used {u64},
    used_by {bytes 16},
    revoked {u64},
    done_at {u64} NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT access_invitation_by_hash UNIQUE (hash)
    {guard , CHECK ((used IS NULL) = (used_by IS NULL))}
) {by key};

CREATE INDEX access_invitation_by_time ON access_invitation (created, id);

CREATE INDEX access_invitation_by_end ON access_invitation (done_at);

-- Nonces that were used (`is_used` = 1). `over_at` is in seconds, by the clocks of the instances: from then on all of
-- them refuse it.
CREATE TABLE access_nonce (
    nonce {bytes 16} NOT NULL,
    over_at {u64} NOT NULL,
    is_used {u8} NOT NULL,
    PRIMARY KEY (nonce)
) {by key};

CREATE INDEX access_nonce_by_end ON access_nonce (over_at);

-- Tickets that were not taken yet, of a session (`holder_kind` = 0) or a key (1).
CREATE TABLE access_ticket (
    hash {bytes 32} NOT NULL,
    holder_kind {u8} NOT NULL,
    holder {bytes 16} NOT NULL,
    over_at {u64} NOT NULL,
    PRIMARY KEY (hash)
) {by key};

CREATE INDEX access_ticket_by_end ON access_ticket (over_at);

-- Failed sign-ins in a row to one account from one part of the network: `attempted` is a digest of both.
CREATE TABLE access_failure (
    attempted {bytes 32} NOT NULL,
    failures {u32} NOT NULL,
    last_at {u64} NOT NULL,
    PRIMARY KEY (attempted)
) {by key};

CREATE INDEX access_failure_by_time ON access_failure (last_at);

-- Requests that are made once: `request` is a digest of who makes it and of the key that the client gave it, `digest` one
-- of what it asks for. `turn` counts how often it was begun; `begun` is null where the turn was given back; `status` and
-- `body` are null until it is answered.
CREATE TABLE access_request (
    request {bytes 32} NOT NULL,
    digest {bytes 32} NOT NULL,
    turn {u32} NOT NULL,
    first_begun {u64} NOT NULL,
    begun {u64},
    status {u16},
    body {text},
    PRIMARY KEY (request)
    {guard , CHECK ((status IS NULL) = (body IS NULL))}
) {by key};

CREATE INDEX access_request_by_time ON access_request (first_begun);
