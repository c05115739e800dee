-- From a raw arrival to an effect: the queue, the automations, their runs, the outbox.
-- Tables that grow with every message do not reference workspaces: each check would lock the one workspace row that all of them share.
-- They belong to it through their connection, conversation, automation or run, and row-level security checks every write.
CREATE TABLE events_queue (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq bigint GENERATED ALWAYS AS IDENTITY,
    workspace_id uuid NOT NULL,
    connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    type text NOT NULL,                              -- twilio.message, twilio.status, webchat.message, ...
    dedupe_key text NOT NULL,
    order_key text NOT NULL,                         -- events of one key are processed one after the other
    payload jsonb NOT NULL,                          -- {"body": <raw text>, "headers": {...}, "url": ...}
    state text NOT NULL DEFAULT 'pending' CHECK (state IN
        ('pending', 'processing', 'done', 'ignored', 'parked')),   -- parked = gave up after 3 attempts, shown to an admin
    attempts integer NOT NULL DEFAULT 0,
    deaths integer NOT NULL DEFAULT 0,               -- workers that died while they held it; no fault of its own
    due_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    lease_owner text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT '',                   -- why ignored or parked
    received_at timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz,
    UNIQUE (connection_id, dedupe_key)
);
CREATE INDEX events_queue_open ON events_queue (seq) WHERE state IN ('pending', 'processing');
CREATE INDEX events_queue_order ON events_queue (order_key, seq) WHERE state IN ('pending', 'processing');
CREATE INDEX events_queue_parked ON events_queue (workspace_id, seq DESC) WHERE state = 'parked';
-- One event of a conversation at a time: a fact of the database, not of the code.
CREATE UNIQUE INDEX events_queue_one ON events_queue (order_key) WHERE state = 'processing';

CREATE TABLE automations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    name text NOT NULL CHECK (name <> ''),
    description text NOT NULL DEFAULT '',
    draft jsonb NOT NULL,                            -- the document that is being edited
    draft_revision integer NOT NULL DEFAULT 1,       -- a save names the revision it saw
    live_version integer,                            -- NULL = never published
    enabled boolean NOT NULL DEFAULT true,
    priority integer NOT NULL DEFAULT 100,           -- smaller first; the first one that fires takes a message
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, name)
);

CREATE TABLE automation_versions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    automation_id uuid NOT NULL REFERENCES automations ON DELETE CASCADE,
    number integer NOT NULL,
    document jsonb NOT NULL,                         -- never changes
    note text NOT NULL DEFAULT '',
    published_by uuid REFERENCES users ON DELETE SET NULL,
    published_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (automation_id, number)
);

CREATE TABLE runs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq bigint GENERATED ALWAYS AS IDENTITY,
    workspace_id uuid NOT NULL,
    automation_id uuid NOT NULL REFERENCES automations ON DELETE CASCADE,
    version_id uuid NOT NULL REFERENCES automation_versions ON DELETE CASCADE,
    conversation_id uuid REFERENCES conversations ON DELETE CASCADE,
    contact_id uuid REFERENCES contacts ON DELETE CASCADE,
    event_id uuid REFERENCES events_queue ON DELETE SET NULL,
    trigger jsonb NOT NULL DEFAULT '{}',             -- the output of the trigger step
    first_seq bigint NOT NULL DEFAULT 0,             -- the turn: inbound messages from this messages.seq ...
    last_seq bigint NOT NULL DEFAULT 0,              -- ... to this one
    epoch integer NOT NULL DEFAULT 0,                -- conversations.owner_epoch the run began with
    state text NOT NULL DEFAULT 'pending' CHECK (state IN
        ('pending', 'running', 'waiting', 'done', 'failed', 'superseded', 'cancelled')),
    outcome text NOT NULL DEFAULT '',                -- one plain sentence
    due_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    deaths integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    lease_owner text NOT NULL DEFAULT '',
    prefect_run_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
);
CREATE INDEX runs_open ON runs (due_at, seq) WHERE state IN ('pending', 'running', 'waiting');
CREATE INDEX runs_recent ON runs (workspace_id, seq DESC);
CREATE INDEX runs_conversation ON runs (conversation_id, seq DESC);
CREATE INDEX runs_contact ON runs (contact_id, seq DESC) WHERE conversation_id IS NULL;   -- the others are found by conversation
CREATE INDEX runs_automation ON runs (automation_id, seq DESC);
-- Words in what runs ended with. Nearly all end with 'Answered.', so those cost nothing here.
CREATE INDEX runs_saying ON runs USING gin (outcome gin_trgm_ops) WHERE outcome NOT IN ('', 'Answered.');
CREATE INDEX runs_failed_today ON runs (workspace_id, finished_at) WHERE state = 'failed';
-- The states that are rare among many runs; 'done' is nearly all of them, the open ones are in runs_open.
CREATE INDEX runs_failed ON runs (workspace_id, seq DESC) WHERE state = 'failed';
CREATE INDEX runs_superseded ON runs (workspace_id, seq DESC) WHERE state = 'superseded';
CREATE INDEX runs_cancelled ON runs (workspace_id, seq DESC) WHERE state = 'cancelled';
-- A quiet window has one run that collects the turn, and one run of an automation works on a conversation at a time.
CREATE UNIQUE INDEX runs_collecting ON runs (conversation_id, automation_id) WHERE state = 'pending' AND conversation_id IS NOT NULL;
CREATE UNIQUE INDEX runs_working ON runs (conversation_id, automation_id) WHERE state = 'running' AND conversation_id IS NOT NULL;

-- At most so many runs of the transaction's workspace whose outcome is ILIKE the pattern, 'Answered.' left out. Belongs to the
-- owner for the reason given at contacts_like.
CREATE FUNCTION runs_saying(pattern text, most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
    SELECT id FROM runs
    WHERE workspace_id = current_workspace() AND outcome NOT IN ('', 'Answered.') AND outcome ILIKE pattern LIMIT most
$$;
REVOKE EXECUTE ON FUNCTION runs_saying FROM PUBLIC;
GRANT EXECUTE ON FUNCTION runs_saying TO frontdesk_app;

-- The journal: one row per step and run. A run that is taken up again does not repeat a step that is in here.
CREATE TABLE run_steps (
    run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
    step_id text NOT NULL,
    workspace_id uuid NOT NULL,
    position integer NOT NULL,
    node text NOT NULL,
    state text NOT NULL CHECK (state IN ('done', 'skipped', 'failed', 'waiting')),
    input jsonb NOT NULL DEFAULT '{}',
    output jsonb NOT NULL DEFAULT '{}',
    effects jsonb NOT NULL DEFAULT '[]',
    detail jsonb NOT NULL DEFAULT '{}',              -- prompt, passages, tokens, cost: what explains the step
    note text NOT NULL DEFAULT '',                   -- why skipped, what failed
    attempts integer NOT NULL DEFAULT 1,
    started_at timestamptz NOT NULL,
    duration_ms double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, step_id)
);

-- For every message and automation: did it fire, and if not, the first reason.
CREATE TABLE decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id uuid NOT NULL,
    event_id uuid REFERENCES events_queue ON DELETE CASCADE,
    message_id uuid REFERENCES messages ON DELETE CASCADE,
    automation_id uuid REFERENCES automations ON DELETE CASCADE,   -- NULL = decided before any automation was asked
    fired boolean NOT NULL,
    reason text NOT NULL,
    run_id uuid,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX decisions_message ON decisions (message_id);
CREATE INDEX decisions_recent ON decisions (workspace_id, id DESC);

CREATE TABLE outbox (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq bigint GENERATED ALWAYS AS IDENTITY,
    workspace_id uuid NOT NULL,
    idempotency_key text NOT NULL,                   -- run:step:i, or user:<uuid made by the page>
    order_key text NOT NULL,                         -- effects of one key leave one after the other
    conversation_id uuid REFERENCES conversations ON DELETE CASCADE,
    connection_id uuid REFERENCES connections,
    message_id uuid REFERENCES messages ON DELETE CASCADE,
    run_id uuid,
    author text NOT NULL CHECK (author IN ('ai', 'human', 'system')),
    epoch integer,                                   -- an AI message leaves only while this is still conversations.owner_epoch
    effect jsonb NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN
        ('pending', 'sending', 'done', 'failed', 'cancelled', 'unknown')),   -- unknown = nobody can know whether it left
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    lease_owner text NOT NULL DEFAULT '',
    provider_message_id text,
    error_code text NOT NULL DEFAULT '',
    error text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    sending_since timestamptz,
    settled_at timestamptz,
    UNIQUE (workspace_id, idempotency_key)
);
CREATE INDEX outbox_open ON outbox (due_at, seq) WHERE state IN ('pending', 'sending');
CREATE INDEX outbox_order ON outbox (order_key, seq) WHERE state IN ('pending', 'sending');
CREATE INDEX outbox_unknown ON outbox (sending_since) WHERE state = 'unknown';
CREATE INDEX outbox_conversation ON outbox (conversation_id, seq);
CREATE INDEX outbox_run ON outbox (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX outbox_provider ON outbox (connection_id, provider_message_id) WHERE provider_message_id IS NOT NULL;
-- One effect of a conversation on its way at a time.
CREATE UNIQUE INDEX outbox_one ON outbox (order_key) WHERE state = 'sending';
