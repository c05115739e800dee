-- Extensions, the two roles of a transaction, and the rows that say who may see what.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Every transaction of a workspace runs as frontdesk_app: no superuser, no owner, so row-level security always applies to it.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'frontdesk_app') THEN
        CREATE ROLE frontdesk_app NOLOGIN NOINHERIT;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- roles belong to the server: a migration of another database made it in the same moment
END $$;
-- A superuser may become any role. Anybody else needs the grant, also the creator of the role: since Postgres 16 creating gives
-- the right to hand the role on (a grant by role 10), not the right to become it.
DO $$ BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
       AND NOT EXISTS (SELECT FROM pg_auth_members WHERE roleid = 'frontdesk_app'::regrole
                       AND member = current_user::regrole AND grantor <> 10) THEN
        EXECUTE format('GRANT frontdesk_app TO %I', current_user);
    END IF;
END $$;

-- The workspace of the running transaction; NULL when none was set, and NULL sees nothing.
CREATE FUNCTION current_workspace() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('app.workspace', true), '')::uuid $$;

CREATE TABLE workspaces (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL CHECK (name <> ''),
    slug text NOT NULL UNIQUE,
    timezone text NOT NULL DEFAULT 'UTC',
    settings jsonb NOT NULL DEFAULT '{}',            -- opening hours, scope statement, limits that differ from the defaults
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    name text NOT NULL,
    password_hash text,                              -- argon2; NULL = signs in by link only
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz
);

CREATE TABLE memberships (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('admin', 'builder', 'agent', 'viewer')),
    PRIMARY KEY (workspace_id, user_id)
);

-- A browser that is signed in. Only the SHA-256 of the cookie is kept.
CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    workspace_id uuid REFERENCES workspaces ON DELETE SET NULL,   -- the workspace chosen last
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE TABLE sign_in_links (
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at timestamptz                              -- a link opens the door once
);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    name text NOT NULL,
    key_hash bytea NOT NULL UNIQUE,
    role text NOT NULL DEFAULT 'agent' CHECK (role IN ('admin', 'builder', 'agent', 'viewer')),
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at timestamptz
);

-- One account at a provider. `secrets` is Fernet ciphertext of a JSON object.
CREATE TABLE connections (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    kind text NOT NULL,                              -- webchat, twilio, email_smtp, llm, embeddings, ghl, ...
    name text NOT NULL,
    is_default boolean NOT NULL DEFAULT false,
    config jsonb NOT NULL DEFAULT '{}',
    secrets bytea,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'error')),
    state_reason text NOT NULL DEFAULT '',           -- the sentence that the admin reads
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, kind, name)
);
-- One default account of each kind, so that `/webhook/twilio` without an id is never ambiguous within a workspace.
CREATE UNIQUE INDEX connections_default ON connections (workspace_id, kind) WHERE is_default;

CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id uuid REFERENCES workspaces ON DELETE CASCADE,   -- NULL = before a workspace was known (a refused webhook)
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,                             -- user:<id>, api_key:<id>, run:<id>, address:<ip>, system
    action text NOT NULL,                            -- stable machine name: webhook.refused, handoff.assigned, ...
    subject text NOT NULL DEFAULT '',                -- what it was done to: conversation:<id>, connection:<id>
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_recent ON audit_log (workspace_id, id DESC);

-- Counters of the rate limits: a window is cut into 60 slices, one row per key and slice with uses.
CREATE UNLOGGED TABLE limits (
    key text NOT NULL,
    window_start timestamptz NOT NULL,               -- start of the slice
    used integer NOT NULL,
    PRIMARY KEY (key, window_start)
);
CREATE INDEX limits_old ON limits (window_start);

-- Counts one use and returns 0, or counts nothing and returns the seconds to wait. Within any window there are never more than
-- per_window uses. Belongs to the owner, so that no workspace can read or reset the counters of another.
CREATE FUNCTION take_limit(wanted text, per_window integer, window_seconds double precision, moment timestamptz)
RETURNS double precision LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    width double precision := window_seconds / 60;
    slice timestamptz := to_timestamp(floor(extract(epoch FROM moment)::double precision / width) * width);
    total bigint;
    oldest timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('limit:' || wanted, 0));
    SELECT coalesce(sum(used), 0), min(window_start) INTO total, oldest FROM limits
    WHERE key = wanted AND window_start >= slice - make_interval(secs => window_seconds);
    IF total >= per_window THEN
        RETURN greatest(0.001, extract(epoch FROM oldest - moment)::double precision + window_seconds + width);
    END IF;
    INSERT INTO limits VALUES (wanted, slice, 1)
    ON CONFLICT (key, window_start) DO UPDATE SET used = limits.used + 1;
    RETURN 0;
END $$;
REVOKE EXECUTE ON FUNCTION take_limit FROM PUBLIC;
