-- What a performed effect changed, what set a run off beside messages, and which message of the CRM is which of ours.
ALTER TABLE outbox ADD COLUMN result jsonb;          -- {"before": ..., "after": ..., "id": ...} of a change that can be undone
-- One run of an automation for one occasion, however often it is told: a webhook id, schedule:<time>, handoff:<id>, ...
ALTER TABLE runs ADD COLUMN occasion_key text;
CREATE UNIQUE INDEX runs_occasion ON runs (automation_id, occasion_key) WHERE occasion_key IS NOT NULL;

-- A message of ours that the CRM shows too, or one that was typed there. What is in here is never copied again: no echo.
CREATE TABLE crm_messages (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    crm_message_id text NOT NULL,
    message_id uuid REFERENCES messages ON DELETE CASCADE,   -- NULL = seen in the CRM, not one of ours
    typed_there boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, crm_message_id)
);
CREATE UNIQUE INDEX crm_messages_ours ON crm_messages (message_id) WHERE message_id IS NOT NULL;
ALTER TABLE crm_messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace ON crm_messages TO frontdesk_app USING (workspace_id = (SELECT current_workspace()))
    WITH CHECK (workspace_id = (SELECT current_workspace()));
GRANT SELECT, INSERT, UPDATE, DELETE ON crm_messages TO frontdesk_app;
