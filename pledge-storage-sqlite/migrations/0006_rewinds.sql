-- How many of a token's epochs are a person's rewinds: the others are reorgs.
ALTER TABLE token ADD COLUMN rewinds_by_person INTEGER NOT NULL DEFAULT 0;
