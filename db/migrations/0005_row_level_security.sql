-- A query of frontdesk_app sees the rows of the transaction's workspace and no others; with no workspace set it sees nothing.
DO $$
DECLARE name text;
BEGIN
    FOR name IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'workspace_id' AND c.relname <> 'sessions'
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY workspace ON %I USING (workspace_id = (SELECT current_workspace()))'
                       ' WITH CHECK (workspace_id = (SELECT current_workspace()))', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO frontdesk_app', name);
    END LOOP;
END $$;
ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace ON workspaces USING (id = (SELECT current_workspace()));
GRANT SELECT, UPDATE ON workspaces TO frontdesk_app;

-- Colleagues: people who share the workspace. Password hashes stay out of reach.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace ON users USING (EXISTS (
    SELECT FROM memberships m WHERE m.user_id = users.id AND m.workspace_id = (SELECT current_workspace())));
GRANT SELECT (id, email, name, last_seen_at, created_at) ON users TO frontdesk_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON limits TO frontdesk_app;
REVOKE UPDATE, DELETE ON audit_log FROM frontdesk_app;    -- the audit log only grows
GRANT USAGE ON SCHEMA public TO frontdesk_app;
