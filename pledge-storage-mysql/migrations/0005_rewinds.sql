-- How many of a token's epochs are a person's rewinds: the others are reorgs. Skipped if an interrupted
-- run has made it.
SET @pledge_change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
        AND table_name = 'token' AND column_name = 'rewinds_by_person'),
    'DO 0',
    'ALTER TABLE token ADD COLUMN rewinds_by_person BIGINT UNSIGNED NOT NULL DEFAULT 0'
);
PREPARE pledge_change FROM @pledge_change;
EXECUTE pledge_change;
DEALLOCATE PREPARE pledge_change;
