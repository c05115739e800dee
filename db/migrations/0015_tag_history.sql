-- Which tags a contact had when: a comparison with the past judges a message by the tags of that time, not by those that it led to.
CREATE TABLE contact_tag_history (
    workspace_id uuid NOT NULL,
    contact_id uuid NOT NULL REFERENCES contacts ON DELETE CASCADE,
    at timestamptz NOT NULL,                         -- from then on, until the contact's next row
    tags text[] NOT NULL,
    was_read boolean NOT NULL DEFAULT false,         -- a reading of the CRM found them: they may be older than `at`
    PRIMARY KEY (contact_id, at)
);
CREATE INDEX contact_tag_history_old ON contact_tag_history (workspace_id, at);

ALTER TABLE contact_tag_history ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace ON contact_tag_history TO frontdesk_app USING (workspace_id = (SELECT current_workspace()))
    WITH CHECK (workspace_id = (SELECT current_workspace()));
GRANT SELECT, INSERT, UPDATE, DELETE ON contact_tag_history TO frontdesk_app;

CREATE FUNCTION tags_in(crm jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN jsonb_typeof(crm -> 'tags') = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(crm -> 'tags')) ELSE '{}' END
$$;

-- The order of tags says nothing, so a reading that gives them in another one is no change.
CREATE FUNCTION contact_tags_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    tags text[] := tags_in(NEW.crm);
    before text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO contact_tag_history VALUES (NEW.workspace_id, NEW.id, NEW.created_at, tags);
        RETURN NULL;
    END IF;
    before := tags_in(OLD.crm);
    IF OLD.crm ? 'tags' AND before @> tags AND tags @> before THEN
        RETURN NULL;
    END IF;
    -- Only what reads the CRM says when it was read.
    INSERT INTO contact_tag_history
    VALUES (NEW.workspace_id, NEW.id, clock_timestamp(), tags,
            NEW.crm_fetched_at IS NOT NULL AND NEW.crm_fetched_at IS DISTINCT FROM OLD.crm_fetched_at)
    ON CONFLICT (contact_id, at) DO UPDATE SET tags = EXCLUDED.tags, was_read = EXCLUDED.was_read;
    RETURN NULL;
END $$;
CREATE TRIGGER contact_came_with_tags AFTER INSERT ON contacts FOR EACH ROW WHEN (NEW.crm ? 'tags')
    EXECUTE FUNCTION contact_tags_changed();
CREATE TRIGGER contact_tags_differ AFTER UPDATE OF crm ON contacts FOR EACH ROW
    WHEN (OLD.crm -> 'tags' IS DISTINCT FROM NEW.crm -> 'tags') EXECUTE FUNCTION contact_tags_changed();

-- What is known today is known from today on.
INSERT INTO contact_tag_history (workspace_id, contact_id, at, tags)
SELECT workspace_id, id, now(), tags_in(crm) FROM contacts WHERE crm ? 'tags';
