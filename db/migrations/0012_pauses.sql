-- What a run waits for beside the time, and what woke it.
ALTER TABLE runs ADD COLUMN waiting_for text[] NOT NULL DEFAULT '{}';   -- message, approval, event:<name>
ALTER TABLE runs ADD COLUMN woken_by jsonb;
CREATE INDEX runs_asking ON runs (conversation_id) WHERE state = 'waiting' AND waiting_for <> '{}';
CREATE INDEX runs_waiting_for ON runs USING gin (waiting_for) WHERE state = 'waiting' AND waiting_for <> '{}';
