-- What the page CRM asks: when something was written there last, what was given up, and what the CRM told. Without these each
-- of its questions reads the whole outbox or queue. A row is in one of the first two, and only once it is settled.
CREATE INDEX outbox_crm_copied ON outbox (workspace_id, settled_at)
    WHERE state = 'done' AND order_key LIKE 'crm:%' AND effect->>'kind' = 'copy_to_crm';
CREATE INDEX outbox_crm_changed ON outbox (workspace_id, settled_at)
    WHERE state = 'done' AND order_key LIKE 'crm:%' AND effect->>'kind' <> 'copy_to_crm';
CREATE INDEX outbox_crm_failed ON outbox (workspace_id, settled_at) WHERE state = 'failed' AND order_key LIKE 'crm:%';
CREATE INDEX events_queue_ghl ON events_queue (workspace_id, received_at) WHERE type LIKE 'ghl.%';
CREATE INDEX events_queue_ghl_calls ON events_queue (workspace_id, type, received_at) WHERE type IN ('ghl.outgoing', 'ghl.workflow');
CREATE INDEX contacts_crm_read ON contacts (workspace_id, crm_fetched_at) WHERE crm_fetched_at IS NOT NULL;
