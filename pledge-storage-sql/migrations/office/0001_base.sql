-- What the domains around the engine share: claims and the outbox. Every time is of the database's clock, in
-- milliseconds since 1970.

-- Which instance may write the results of a work. A claim that was released has no row; one that has ended
-- keeps its row until it is taken again.
CREATE TABLE claim (
    name {name 96} NOT NULL,
    instance {bytes 16} NOT NULL,
    held_until {u64} NOT NULL,
    fence {u64} NOT NULL,
    PRIMARY KEY (name)
) {by key};

-- One row: the number of the newest taking of any claim. It outlives the claims, so a fence never comes again.
CREATE TABLE claim_fence (
    id {u8} NOT NULL,
    newest {u64} NOT NULL,
    PRIMARY KEY (id)
) {by key};

INSERT INTO claim_fence (id, newest) VALUES (0, 0) {or keep id};

-- `due` is null once the message has ended, `ended` before. `delivered` is 1 if its channel has it, 0 until then
-- and where it was given up.
CREATE TABLE outbox_message (
    id {bytes 16} NOT NULL,
    channel {name 32} NOT NULL,
    subject {name 250} NOT NULL,
    body {long text} NOT NULL,
    enqueued {u64} NOT NULL,
    attempts {u32} NOT NULL,
    due {u64},
    ended {u64},
    delivered {u8} NOT NULL {guard CHECK (delivered IN (0, 1))},
    PRIMARY KEY (id)
    {guard , CHECK ((due IS NULL) <> (ended IS NULL))}
) {by key};

CREATE INDEX outbox_message_by_due ON outbox_message (channel, due, id);

CREATE INDEX outbox_message_by_end ON outbox_message (ended);

-- Every attempt to send a message, written before it is made. `ended` and `outcome` are null while it is under
-- way, and where its instance died. `again_after` is the wait in milliseconds where it is made again.
CREATE TABLE outbox_attempt (
    message {bytes 16} NOT NULL,
    attempt {u32} NOT NULL,
    began {u64} NOT NULL,
    ended {u64},
    outcome {name 16},
    again_after {u64},
    detail {text},
    PRIMARY KEY (message, attempt)
) {by key};
