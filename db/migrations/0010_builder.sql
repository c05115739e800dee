-- What the builder of automations needs: who edited a draft last, and comparisons of a draft with the live version over the past.

ALTER TABLE automations
    ADD COLUMN updated_by uuid REFERENCES users ON DELETE SET NULL,      -- who saved the draft last
    ADD COLUMN needs_review boolean NOT NULL DEFAULT false;              -- a draft that answered worse is published only after a review

-- A comparison of a draft with the live version over past turns. The row is the queue, the progress bar and the history.
CREATE TABLE backtests (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq bigint GENERATED ALWAYS AS IDENTITY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    automation_id uuid NOT NULL REFERENCES automations ON DELETE CASCADE,
    draft jsonb NOT NULL,                            -- the document that is tried ...
    draft_revision integer NOT NULL,
    live_version integer NOT NULL,                   -- ... against this version
    days integer,                                    -- of the last so many days, or
    conversations integer,                           -- of the last so many conversations
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'working', 'done', 'failed', 'cancelled')),
    outcome text NOT NULL DEFAULT '',                -- one plain sentence
    listed boolean NOT NULL DEFAULT false,           -- the turns are chosen: one result row each
    cancel_requested boolean NOT NULL DEFAULT false,
    found integer NOT NULL DEFAULT 0,                -- turns to compare, of which so many are done
    compared integer NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    lease_owner text NOT NULL DEFAULT '',
    prefect_run_id uuid,
    started_by uuid REFERENCES users ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
);
CREATE UNIQUE INDEX backtests_one ON backtests (automation_id) WHERE state IN ('pending', 'working');
CREATE INDEX backtests_open ON backtests (seq) WHERE state IN ('pending', 'working');
CREATE INDEX backtests_recent ON backtests (automation_id, seq DESC);

-- One turn of a customer, answered by both. Without a verdict it is still to be done.
CREATE TABLE backtest_results (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    backtest_id uuid NOT NULL REFERENCES backtests ON DELETE CASCADE,
    position integer NOT NULL,                       -- the newest turn is 1
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    message_id uuid NOT NULL REFERENCES messages ON DELETE CASCADE,      -- the last message of the turn
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    text text NOT NULL DEFAULT '',                   -- what the customer wrote
    at timestamptz NOT NULL,
    verdict text CHECK (verdict IN ('same', 'better', 'worse', 'look')),
    reasons text[] NOT NULL DEFAULT '{}',            -- why, as sentences
    differences jsonb NOT NULL DEFAULT '[]',         -- [{what, sentence, before, after}]
    live jsonb NOT NULL DEFAULT '{}',                -- what each side did: reply, route, effects, cost, time
    draft jsonb NOT NULL DEFAULT '{}',
    review text CHECK (review IN ('same', 'better', 'worse')),           -- what a person says
    review_note text NOT NULL DEFAULT '',
    reviewed_by uuid REFERENCES users ON DELETE SET NULL,
    reviewed_at timestamptz,
    UNIQUE (backtest_id, position)
);
CREATE INDEX backtest_results_open ON backtest_results (backtest_id, position) WHERE verdict IS NULL;
CREATE INDEX backtest_results_verdict ON backtest_results (backtest_id, verdict, position);
CREATE INDEX backtest_results_conversation ON backtest_results (conversation_id);
CREATE INDEX backtest_results_message ON backtest_results (message_id);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['backtests', 'backtest_results']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY workspace ON %I TO frontdesk_app USING (workspace_id = (SELECT current_workspace()))'
                       ' WITH CHECK (workspace_id = (SELECT current_workspace()))', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO frontdesk_app', name);
    END LOOP;
END $$;
