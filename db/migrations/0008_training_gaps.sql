-- Passages are read, replaced and put in order document by document; a site has thousands in one source.
DROP INDEX ai_embeddings_source;
CREATE INDEX ai_embeddings_source ON ai_embeddings (source_id, document, position);
