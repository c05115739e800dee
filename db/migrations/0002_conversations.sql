-- People, what they wrote, who holds the pen.
CREATE TABLE contacts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    name text NOT NULL DEFAULT '',
    phone text,                                      -- E.164 or absent: WhatsApp users may hide it
    email text,
    ghl_contact_id text,
    language text NOT NULL DEFAULT '',               -- ISO 639-1, '' = not known yet
    opted_out_at timestamptz,                        -- wrote STOP: nothing automatic is sent any more
    opted_in_at timestamptz,
    metadata jsonb NOT NULL DEFAULT '{}',
    crm jsonb NOT NULL DEFAULT '{}',                 -- tags, tasks, pipeline, custom fields as last read
    crm_fetched_at timestamptz,                      -- NULL = read again before use
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX contacts_phone ON contacts (workspace_id, phone) WHERE phone IS NOT NULL;
CREATE INDEX contacts_search ON contacts USING gin ((name || ' ' || coalesce(phone, '') || ' ' || coalesce(email, '')) gin_trgm_ops);

-- At most so many contacts of the transaction's workspace whose name, phone or e-mail is ILIKE the pattern. Belongs to the owner
-- because row-level security keeps a trigram index from being used (ILIKE is not leakproof); it asks for the workspace itself.
CREATE FUNCTION contacts_like(pattern text, most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
    SELECT id FROM contacts
    WHERE workspace_id = current_workspace()
      AND (name || ' ' || coalesce(phone, '') || ' ' || coalesce(email, '')) ILIKE pattern LIMIT most
$$;
REVOKE EXECUTE ON FUNCTION contacts_like FROM PUBLIC;

CREATE TABLE identities (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('phone', 'whatsapp', 'lid', 'bsuid', 'email', 'ghl', 'webchat')),
    address text NOT NULL CHECK (address <> ''),
    contact_id uuid NOT NULL REFERENCES contacts ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, kind, address)
);
CREATE INDEX identities_contact ON identities (contact_id);

CREATE TABLE conversations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    contact_id uuid NOT NULL REFERENCES contacts ON DELETE CASCADE,
    connection_id uuid NOT NULL REFERENCES connections,
    channel text NOT NULL CHECK (channel IN ('webchat', 'sms', 'whatsapp', 'email')),
    address text NOT NULL,                           -- where a reply goes: phone, visitor id, mail address
    owner text NOT NULL DEFAULT 'ai' CHECK (owner IN ('ai', 'human')),
    handed_over_by uuid,                             -- the run that asked for a person and moved the pen last; NULL = a person did
    owner_epoch integer NOT NULL DEFAULT 0,          -- grows at every change of owner; an AI message carries the epoch of its run
    assignee_id uuid REFERENCES users ON DELETE SET NULL,
    ai_enabled boolean NOT NULL DEFAULT true,        -- the AI switch of the page
    ghl_sync boolean NOT NULL DEFAULT true,
    unread integer NOT NULL DEFAULT 0,
    answered_seq bigint NOT NULL DEFAULT 0,          -- messages.seq up to which the contact has been answered
    last_inbound_at timestamptz,                     -- opens the 24 h window of WhatsApp
    last_ai_reply_at timestamptz,
    last_message_at timestamptz NOT NULL DEFAULT now(),
    last_message_preview text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, connection_id, channel, address)
);
CREATE INDEX conversations_recent ON conversations (workspace_id, last_message_at DESC, id DESC);
CREATE INDEX conversations_of_people ON conversations (workspace_id, last_message_at DESC, id DESC) WHERE owner = 'human';
CREATE INDEX conversations_unread ON conversations (workspace_id, last_message_at DESC, id DESC) WHERE unread > 0;
-- Those of one colleague, and those that nobody took.
CREATE INDEX conversations_held ON conversations (workspace_id, assignee_id, last_message_at DESC, id DESC) WHERE owner = 'human';
CREATE INDEX conversations_contact ON conversations (contact_id);

CREATE TABLE messages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq bigint GENERATED ALWAYS AS IDENTITY,         -- order of arrival, also within one millisecond
    workspace_id uuid NOT NULL,                      -- no reference: see 0003
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    connection_id uuid NOT NULL REFERENCES connections,
    direction text NOT NULL CHECK (direction IN ('in', 'out', 'note')),   -- note = a line for people only: took over, gave back
    author text NOT NULL CHECK (author IN ('contact', 'ai', 'human', 'system')),
    author_user_id uuid REFERENCES users ON DELETE SET NULL,
    content text NOT NULL DEFAULT '',
    media jsonb NOT NULL DEFAULT '[]',               -- [{url, content_type, name, bytes}]
    metadata jsonb NOT NULL DEFAULT '{}',            -- the return marker, buttons, what the provider added
    state text NOT NULL DEFAULT 'received' CHECK (state IN
        ('received', 'pending', 'sending', 'sent', 'delivered', 'read', 'failed', 'error', 'unknown', 'cancelled')),
    provider_message_id text,
    error_code text NOT NULL DEFAULT '',
    error text NOT NULL DEFAULT '',                  -- a plain sentence
    run_id uuid,
    step_id text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX messages_thread ON messages (conversation_id, seq);
-- The provider's id is the last word on duplicates, whatever the door.
CREATE UNIQUE INDEX messages_provider ON messages (connection_id, provider_message_id) WHERE provider_message_id IS NOT NULL;

CREATE TABLE handoffs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'assigned', 'resolved')),
    reason_code text NOT NULL CHECK (reason_code IN ('customer_request', 'missing_knowledge', 'unsupported_request',
        'policy_restriction', 'tool_failure', 'usage_limit', 'taken_over', 'other')),
    reason text NOT NULL DEFAULT '',
    summary text NOT NULL DEFAULT '',
    priority text NOT NULL DEFAULT 'normal' CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    requested_by text NOT NULL,                      -- run:<id>, user:<id>, api_key:<id>
    assignee_id uuid REFERENCES users ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    assigned_at timestamptz,
    resolved_at timestamptz,
    resolution text NOT NULL DEFAULT ''
);
-- At most one open request for a person per conversation.
CREATE UNIQUE INDEX handoffs_open ON handoffs (conversation_id) WHERE state <> 'resolved';
CREATE INDEX handoffs_waiting ON handoffs (workspace_id, state, created_at) WHERE state <> 'resolved';
CREATE INDEX handoffs_recent ON handoffs (workspace_id, created_at DESC, id DESC);

-- What the AI remembers of a conversation beyond its messages: facts, summaries, the return marker.
CREATE TABLE ai_conversation_memory (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('summary', 'fact', 'return_marker')),
    text text NOT NULL,
    tokens integer NOT NULL DEFAULT 0,
    after_seq bigint NOT NULL DEFAULT 0,             -- holds for messages after this messages.seq
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ai_conversation_memory_of ON ai_conversation_memory (conversation_id, id);
