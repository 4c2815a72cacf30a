-- The last block of a chain before an instant: null if the chain begins at the instant or later.
CREATE TABLE block_edge (
    chain INTEGER NOT NULL,
    instant INTEGER NOT NULL,
    block INTEGER,
    PRIMARY KEY (chain, instant)
) STRICT, WITHOUT ROWID;
