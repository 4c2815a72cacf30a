-- When the consumer was first seen with events to take, unless its position was recorded since.
SET @pledge_change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
        AND table_name = 'event_delivery' AND column_name = 'silent_since'),
    'DO 0',
    'ALTER TABLE event_delivery ADD COLUMN silent_since BIGINT UNSIGNED'
);
PREPARE pledge_change FROM @pledge_change;
EXECUTE pledge_change;
DEALLOCATE PREPARE pledge_change;
