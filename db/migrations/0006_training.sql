-- Documents of a source, the work on them, what changed, and vectors that need not be made twice.

-- One crawl or one reading of files. The row is the queue, the progress bar and the history.
CREATE TABLE training_jobs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq bigint GENERATED ALWAYS AS IDENTITY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    source_id uuid NOT NULL REFERENCES training_sources ON DELETE CASCADE,
    cause text NOT NULL CHECK (cause IN ('added', 'by_hand', 'schedule', 'retry', 'approved')),
    scope text NOT NULL DEFAULT 'all' CHECK (scope IN ('all', 'some')),   -- some = the documents that name this job, no search for others
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'working', 'done', 'failed', 'cancelled')),
    outcome text NOT NULL DEFAULT '',                -- one plain sentence
    listed boolean NOT NULL DEFAULT false,           -- the sitemap has been read, the first addresses are documents
    partial boolean NOT NULL DEFAULT false,          -- a sitemap could not be read: what was not met may be there all the same
    cancel_requested boolean NOT NULL DEFAULT false,
    found integer NOT NULL DEFAULT 0,                -- documents to look at; of these came out ...
    indexed integer NOT NULL DEFAULT 0,              -- ... with new text
    unchanged integer NOT NULL DEFAULT 0,            -- ... with the same text as before
    skipped integer NOT NULL DEFAULT 0,              -- ... duplicates, pages that robots.txt or the page itself keeps out
    failed integer NOT NULL DEFAULT 0,
    removed integer NOT NULL DEFAULT 0,              -- ... not there any more
    waiting integer NOT NULL DEFAULT 0,              -- ... changed, and a person must approve it first
    passages_added integer NOT NULL DEFAULT 0,
    passages_removed integer NOT NULL DEFAULT 0,
    embedded integer NOT NULL DEFAULT 0,             -- texts that went through the embedding model
    attempts integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    lease_owner text NOT NULL DEFAULT '',
    prefect_run_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
);
-- One job of a source at a time, whoever asks.
CREATE UNIQUE INDEX training_jobs_one ON training_jobs (source_id) WHERE state IN ('pending', 'working');
CREATE INDEX training_jobs_open ON training_jobs (seq) WHERE state IN ('pending', 'working');
CREATE INDEX training_jobs_recent ON training_jobs (source_id, seq DESC);

-- A page, a file, a text, or a question with its answer. `address` is what ai_embeddings calls `document`.
CREATE TABLE training_documents (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq bigint GENERATED ALWAYS AS IDENTITY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    source_id uuid NOT NULL REFERENCES training_sources ON DELETE CASCADE,
    address text NOT NULL,                           -- URL, file name, title, or question: unique within the source
    title text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'found' CHECK (state IN
        ('found', 'fetched', 'indexed', 'skipped', 'failed', 'removed', 'quarantined')),
    reason text NOT NULL DEFAULT '',                 -- why skipped or failed, as a sentence with the remedy
    note text NOT NULL DEFAULT '',                   -- read, but: pages of pictures among those with text
    retryable boolean NOT NULL DEFAULT false,        -- failed, and another try may help
    depth integer NOT NULL DEFAULT 0,                -- clicks from the start page
    seen_job uuid,                                   -- the job that listed it last ...
    visited_job uuid,                                -- ... and the one that was done with it: different = work to do
    gone_job uuid,                                   -- the job that found it gone; its end decides what becomes of the passages
    gone_as text NOT NULL DEFAULT '' CHECK (gone_as IN ('', 'removed', 'skipped')),
    etag text NOT NULL DEFAULT '',
    last_modified text NOT NULL DEFAULT '',
    links text[] NOT NULL DEFAULT '{}',              -- an answer "not modified" has no body, but its links are followed all the same
    markdown text NOT NULL DEFAULT '',               -- the text that is indexed; for new passages and for the comparison
    content_hash bytea,                              -- SHA-256 of the text fetched last, indexed or not
    refused_hash bytea,                              -- a version that a person rejected is not proposed again
    indexed_hash bytea,                              -- of the text that the passages were made from
    language text NOT NULL DEFAULT '',
    bytes bigint NOT NULL DEFAULT 0,
    passages integer NOT NULL DEFAULT 0,
    fetched_at timestamptz,
    indexed_at timestamptz,
    UNIQUE (source_id, address)
);
CREATE INDEX training_documents_work ON training_documents (seen_job, depth, seq) WHERE visited_job IS DISTINCT FROM seen_job;
CREATE INDEX training_documents_list ON training_documents (source_id, seq);
CREATE INDEX training_documents_state ON training_documents (source_id, state, seq);
CREATE INDEX training_documents_same ON training_documents (source_id, content_hash);

-- The bytes of an uploaded file until they have been read.
CREATE TABLE training_uploads (
    document_id uuid PRIMARY KEY REFERENCES training_documents ON DELETE CASCADE,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    content bytea NOT NULL
);
ALTER TABLE training_uploads ALTER COLUMN content SET STORAGE EXTERNAL;   -- files are compressed already

-- What a crawl found to be different, as facts that a person reads.
CREATE TABLE training_changes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq bigint GENERATED ALWAYS AS IDENTITY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    source_id uuid NOT NULL REFERENCES training_sources ON DELETE CASCADE,
    document_id uuid NOT NULL REFERENCES training_documents ON DELETE CASCADE,
    job_id uuid REFERENCES training_jobs ON DELETE SET NULL,
    kind text NOT NULL CHECK (kind IN ('added', 'changed', 'removed')),
    items jsonb NOT NULL DEFAULT '[]',               -- [{kind, where, before, after, ...}], prices and times first
    state text NOT NULL CHECK (state IN ('applied', 'waiting', 'approved', 'rejected', 'outdated')),
    title text NOT NULL DEFAULT '',                  -- of the new version, as is the text
    markdown text NOT NULL DEFAULT '',
    content_hash bytea,
    decided_by uuid REFERENCES users ON DELETE SET NULL,
    decided_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX training_changes_recent ON training_changes (workspace_id, seq DESC);
CREATE INDEX training_changes_source ON training_changes (source_id, seq DESC);
-- One open question per document: a newer version takes the place of the one that waits.
CREATE UNIQUE INDEX training_changes_waiting ON training_changes (document_id) WHERE state = 'waiting';

-- A passage that a person rewrote. The original tells a later crawl that the page still says what it said.
CREATE TABLE passage_edits (
    passage_id uuid PRIMARY KEY REFERENCES ai_embeddings ON DELETE CASCADE,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    original_heading text NOT NULL,
    original_text text NOT NULL,
    original_hash bytea NOT NULL,
    edited_by uuid REFERENCES users ON DELETE SET NULL,
    edited_at timestamptz NOT NULL DEFAULT now()
);

-- Vectors by what was embedded. Float32 without the padding: a quarter of what the vector column takes for short ones.
CREATE TABLE embedding_cache (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    model text NOT NULL,
    text_hash bytea NOT NULL,
    vector bytea NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, model, text_hash)
);
CREATE INDEX embedding_cache_old ON embedding_cache (used_at);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['training_jobs', 'training_documents', 'training_uploads', 'training_changes', 'passage_edits',
                                'embedding_cache']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY workspace ON %I TO frontdesk_app USING (workspace_id = (SELECT current_workspace()))'
                       ' WITH CHECK (workspace_id = (SELECT current_workspace()))', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO frontdesk_app', name);
    END LOOP;
END $$;
