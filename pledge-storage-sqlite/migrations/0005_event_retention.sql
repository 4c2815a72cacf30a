-- When the consumer was first seen with events to take, unless its position was recorded since.
ALTER TABLE event_delivery ADD COLUMN silent_since INTEGER;
