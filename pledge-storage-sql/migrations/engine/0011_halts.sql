-- Why a chain that a person has paused is halted besides; null where it is not. `reason` is the person's then.
ALTER TABLE chain ADD COLUMN halt_reason {long text};

-- The same of a token that a person has paused; `halted` is the person's reason then.
ALTER TABLE token ADD COLUMN halt_reason {long text};
