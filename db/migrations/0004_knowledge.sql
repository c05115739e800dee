-- Training material, its embedded pieces, and the models.
CREATE TABLE ai_models (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    connection_id uuid REFERENCES connections ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('chat', 'embedding')),
    provider text NOT NULL,                          -- openai, openrouter, compatible, builtin
    model_name text NOT NULL,
    temperature real NOT NULL DEFAULT 0.3,
    max_tokens integer NOT NULL DEFAULT 600,
    price_in_per_million numeric,                    -- NULL = unknown, which is not 0
    price_out_per_million numeric,
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX ai_models_default ON ai_models (workspace_id, purpose) WHERE is_default;

CREATE TABLE training_sources (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    type text NOT NULL CHECK (type IN ('website', 'file', 'text', 'qa', 'urls')),
    name text NOT NULL,
    url text NOT NULL DEFAULT '',
    config jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'working', 'ready', 'failed', 'cancelled')),
    status_detail text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, type, name)
);

-- Passages. The model that made a vector is part of its row: a search never mixes models.
CREATE TABLE ai_embeddings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    source_id uuid NOT NULL REFERENCES training_sources ON DELETE CASCADE,
    source_type text NOT NULL,
    document text NOT NULL DEFAULT '',               -- page address or file name within the source
    heading text NOT NULL DEFAULT '',                -- "Title > Section"
    text text NOT NULL,
    position integer NOT NULL DEFAULT 0,
    content_hash bytea NOT NULL,
    language text NOT NULL DEFAULT '',
    model text NOT NULL,
    embedding vector(1536) NOT NULL,                 -- shorter vectors are padded with zeros, which leaves the cosine unchanged
    enabled boolean NOT NULL DEFAULT true,
    search tsvector GENERATED ALWAYS AS (to_tsvector('simple', heading || ' ' || text)) STORED,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ai_embeddings_vector ON ai_embeddings USING hnsw (embedding vector_cosine_ops);
CREATE INDEX ai_embeddings_workspace ON ai_embeddings (workspace_id, model) WHERE enabled;   -- exact search among few, without the graph
CREATE INDEX ai_embeddings_search ON ai_embeddings USING gin (search);
CREATE INDEX ai_embeddings_source ON ai_embeddings (source_id, position);
