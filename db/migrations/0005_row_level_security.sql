-- A query of frontdesk_app sees the rows of the transaction's workspace and no others; with no workspace set it sees nothing.
DO $$
DECLARE name text;
BEGIN
    FOR name IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'workspace_id' AND c.relname <> 'sessions'
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY workspace ON %I TO frontdesk_app USING (workspace_id = (SELECT current_workspace()))'
                       ' WITH CHECK (workspace_id = (SELECT current_workspace()))', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO frontdesk_app', name);
    END LOOP;
END $$;
ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace ON workspaces TO frontdesk_app USING (id = (SELECT current_workspace()));
GRANT SELECT, UPDATE ON workspaces TO frontdesk_app;

-- Colleagues: people who share the workspace. Password hashes stay out of reach.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace ON users TO frontdesk_app USING (EXISTS (
    SELECT FROM memberships m WHERE m.user_id = users.id AND m.workspace_id = (SELECT current_workspace())));
GRANT SELECT (id, email, name, last_seen_at, created_at) ON users TO frontdesk_app;

-- Without a policy only the owner gets in, also where a hosting company opens the public schema to roles of its own.
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sign_in_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE limits ENABLE ROW LEVEL SECURITY;
GRANT EXECUTE ON FUNCTION take_limit, contacts_like TO frontdesk_app;

-- The audit log only grows, and its clock and numbering are the database's.
REVOKE INSERT, UPDATE, DELETE ON audit_log FROM frontdesk_app;
GRANT INSERT (workspace_id, actor, action, subject, detail) ON audit_log TO frontdesk_app;
-- A published version never changes; it goes only with its automation.
REVOKE UPDATE, DELETE ON automation_versions FROM frontdesk_app;
GRANT USAGE ON SCHEMA public TO frontdesk_app;
