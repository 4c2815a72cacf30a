-- Who did what: a row for each write by a person, in the transaction of that write. Rows are added, and
-- never changed or removed. `actor_kind` is what vouches for the name in `actor`. `acted_at` is the
-- wall clock of the actor's machine. `reason`, `request` and `address` are null where none was given.
-- `state_before` and `state_after` are JSON, null where there was or is nothing.
CREATE TABLE audit_record (
    number {u64} NOT NULL,
    actor_kind {name 16} NOT NULL,
    actor {name 160} NOT NULL,
    acted_at {u64} NOT NULL,
    reason {text},
    request {name 64},
    address {name 64},
    action {name 32} NOT NULL,
    object_kind {name 32} NOT NULL,
    object {name 160} NOT NULL,
    state_before {long text},
    state_after {long text},
    PRIMARY KEY (number)
) {by id};

CREATE INDEX audit_record_by_object ON audit_record (object_kind, object, number);

CREATE INDEX audit_record_by_actor ON audit_record (actor_kind, actor, number);

CREATE INDEX audit_record_by_action ON audit_record (action, number);

-- One row: the number given last. A transaction that takes the next keeps the row's lock until it
-- ends, so numbers become visible in their order.
CREATE TABLE audit_counter (
    id {u8} NOT NULL,
    newest {u64} NOT NULL,
    PRIMARY KEY (id)
) {by key};

INSERT INTO audit_counter (id, newest) VALUES (0, 0) {or keep id};

-- 1 while a person has stopped the token; then `halted` is the person's reason, null if none was given.
ALTER TABLE token ADD COLUMN paused {u8} NOT NULL DEFAULT 0;
