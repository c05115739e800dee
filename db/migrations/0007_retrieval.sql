-- Search by words beside search by meaning: passages stemmed by their language, and in how many passages each word stands.

-- The text search configuration of a language (ISO 639-1, 'en-GB' too). Without one of its own a language is searched word for word.
CREATE FUNCTION search_config(language text) RETURNS regconfig LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE split_part(lower(language), '-', 1)
        WHEN 'ar' THEN 'pg_catalog.arabic' WHEN 'da' THEN 'pg_catalog.danish' WHEN 'de' THEN 'pg_catalog.german'
        WHEN 'en' THEN 'pg_catalog.english' WHEN 'es' THEN 'pg_catalog.spanish' WHEN 'fi' THEN 'pg_catalog.finnish'
        WHEN 'fr' THEN 'pg_catalog.french' WHEN 'ga' THEN 'pg_catalog.irish' WHEN 'hu' THEN 'pg_catalog.hungarian'
        WHEN 'id' THEN 'pg_catalog.indonesian' WHEN 'it' THEN 'pg_catalog.italian' WHEN 'lt' THEN 'pg_catalog.lithuanian'
        WHEN 'ne' THEN 'pg_catalog.nepali' WHEN 'nl' THEN 'pg_catalog.dutch' WHEN 'no' THEN 'pg_catalog.norwegian'
        WHEN 'nb' THEN 'pg_catalog.norwegian' WHEN 'pt' THEN 'pg_catalog.portuguese' WHEN 'ro' THEN 'pg_catalog.romanian'
        WHEN 'ru' THEN 'pg_catalog.russian' WHEN 'sv' THEN 'pg_catalog.swedish' WHEN 'ta' THEN 'pg_catalog.tamil'
        WHEN 'tr' THEN 'pg_catalog.turkish' ELSE 'pg_catalog.simple' END::regconfig
$$;

-- What is stemmed: small letters without accents, since many customers leave them out; parts of addresses, times and file names as
-- words of their own; every Chinese or Japanese character as one, since no blanks tell their words apart.
CREATE FUNCTION search_text(content text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT regexp_replace(
        translate(replace(lower(left(content, 200000)), 'ß', 'ss'), 'áàâäãåéèêëíìîïóòôöõúùûüñçýÿ./_@:-', 'aaaaaaeeeeiiiiooooouuuuncyy      '),
        '([\u3040-\u30ff\u3400-\u9fff])', ' \1 ', 'g')
$$;

-- The words of a passage; those of its heading, which is the question of a question-and-answer pair, weigh more (A).
CREATE FUNCTION search_vector(language text, heading text, content text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector(public.search_config(language), public.search_text(heading)), 'A')
        || to_tsvector(public.search_config(language), public.search_text(content))
$$;

ALTER TABLE ai_embeddings DROP COLUMN search;   -- with its index
ALTER TABLE ai_embeddings ADD COLUMN search tsvector GENERATED ALWAYS AS (search_vector(language, heading, text)) STORED;
CREATE INDEX ai_embeddings_search ON ai_embeddings USING gin (search);

-- In how many passages of a workspace and language a word stands; the word '' counts the passages themselves. A word may have
-- several rows, which add up: who finds a row in use by another transaction makes a row of his own instead of waiting.
CREATE TABLE passage_words (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    language text NOT NULL,
    word text NOT NULL,
    passages integer NOT NULL
) WITH (fillfactor = 70);   -- room for new versions of a row beside the old one, without the index
CREATE INDEX passage_words_word ON passage_words (workspace_id, language, word);

-- One change of each word: `changes` is the sum of a statement, so each row is touched once.
CREATE FUNCTION count_words(of_workspace uuid, of_language text, words text[], changes integer[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off   -- word by word through the indexes, also before the table was ever analysed
AS $$
DECLARE
    free_ids bigint[];
    free_words text[];
BEGIN
    IF NOT EXISTS (SELECT FROM workspaces WHERE id = of_workspace) THEN
        RETURN;   -- the workspace itself is being deleted, and its counts with it
    END IF;
    SELECT array_agg(f.id), array_agg(f.word) INTO free_ids, free_words FROM (
        SELECT p.id, p.word FROM passage_words p
        WHERE p.workspace_id = of_workspace AND p.language = of_language AND p.word = ANY(words) FOR UPDATE SKIP LOCKED
    ) f;
    UPDATE passage_words p SET passages = p.passages + c.by
    FROM (SELECT min(f.id) AS id, min(c.by) AS by FROM unnest(free_ids, free_words) AS f(id, word)
          JOIN unnest(words, changes) AS c(word, by) USING (word) GROUP BY word) c
    WHERE p.id = c.id;
    INSERT INTO passage_words (workspace_id, language, word, passages)
    SELECT of_workspace, of_language, c.word, c.by FROM unnest(words, changes) AS c(word, by)
    LEFT JOIN (SELECT DISTINCT word FROM unnest(free_words) AS f(word)) f USING (word) WHERE f.word IS NULL;
END $$;

CREATE FUNCTION passages_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM count_words(c.workspace_id, c.language, array_agg(c.word), array_agg(c.by)) FROM (
            SELECT n.workspace_id, n.language, l.word, count(*)::integer AS by
            FROM new_rows n CROSS JOIN LATERAL unnest(array_append(tsvector_to_array(n.search), '')) AS l(word) GROUP BY 1, 2, 3
        ) c GROUP BY c.workspace_id, c.language;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM count_words(c.workspace_id, c.language, array_agg(c.word), array_agg(c.by)) FROM (
            SELECT o.workspace_id, o.language, l.word, -count(*)::integer AS by
            FROM old_rows o CROSS JOIN LATERAL unnest(array_append(tsvector_to_array(o.search), '')) AS l(word) GROUP BY 1, 2, 3
        ) c GROUP BY c.workspace_id, c.language;
    ELSE
        PERFORM count_words(c.workspace_id, c.language, array_agg(c.word), array_agg(c.by)) FROM (
            SELECT r.workspace_id, r.language, l.word, sum(r.by)::integer AS by
            FROM (
                SELECT n.workspace_id, n.language, n.search, 1 AS by FROM new_rows n JOIN old_rows o USING (id)
                WHERE (n.search, n.language) IS DISTINCT FROM (o.search, o.language)
                UNION ALL
                SELECT o.workspace_id, o.language, o.search, -1 FROM new_rows n JOIN old_rows o USING (id)
                WHERE (n.search, n.language) IS DISTINCT FROM (o.search, o.language)
            ) r CROSS JOIN LATERAL unnest(array_append(tsvector_to_array(r.search), '')) AS l(word) GROUP BY 1, 2, 3 HAVING sum(r.by) <> 0
        ) c GROUP BY c.workspace_id, c.language;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER passages_came AFTER INSERT ON ai_embeddings REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION passages_changed();
CREATE TRIGGER passages_went AFTER DELETE ON ai_embeddings REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION passages_changed();
CREATE TRIGGER passages_differ AFTER UPDATE ON ai_embeddings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION passages_changed();

INSERT INTO passage_words (workspace_id, language, word, passages)
SELECT e.workspace_id, e.language, l.word, count(*)
FROM ai_embeddings e CROSS JOIN LATERAL unnest(array_append(tsvector_to_array(e.search), '')) AS l(word) GROUP BY 1, 2, 3;

-- A word as a query of its own, whatever characters it has.
CREATE FUNCTION word_query(word text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '''' || replace(replace(word, '\', '\\'), '''', '''''') || ''''
$$;

-- The `most` passages of the transaction's workspace that share the rarest words with a question, and those of `also`, with a score
-- of 0 to 1: the sum over the question's words of (inverse document frequency ^ 1.5 x how much the passage says it), of all that could
-- be. The power lets a product's name count more than the "do you know anything about" around it. What ts_rank gives for one word
-- grows ever less with its number: 0.608 of the weight for the first time; 1 = once in the heading, 0.6 = once in the text.
-- Candidates are read by their rare words, as many as stand in `budget` passages together; frequent words only count in the score.
-- Belongs to the owner because row-level security keeps the index from being used (@@ is not leakproof); it asks for the workspace itself.
CREATE FUNCTION lexical_search(question text, of_model text, only_language text, of_sources uuid[], of_types text[], also uuid[],
                               most integer, budget integer)
RETURNS TABLE (id uuid, score double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
    collection record;
    total double precision;
    scoring text;
    looked_for text;
BEGIN
    FOR collection IN
        SELECT c.language, sum(c.passages)::double precision AS size FROM passage_words c
        WHERE c.workspace_id = current_workspace() AND c.word = '' AND (only_language = '' OR c.language IN ('', only_language))
        GROUP BY c.language HAVING sum(c.passages) > 0 ORDER BY 2 DESC LIMIT 8
    LOOP
        WITH asked AS (
            SELECT w.word FROM unnest(tsvector_to_array(to_tsvector(search_config(collection.language), search_text(question)))) AS w(word) LIMIT 60
        ), known AS (
            SELECT asked.word, least(greatest(coalesce(sum(p.passages), 0), 0), collection.size)::double precision AS passages
            FROM asked LEFT JOIN passage_words p
              ON p.workspace_id = current_workspace() AND p.language = collection.language AND p.word = asked.word
            GROUP BY asked.word
        ), weighed AS (
            SELECT word, passages, power(ln(1 + (collection.size - passages + 0.5) / (passages + 0.5)), 1.5) AS idf,
                sum(passages) OVER (ORDER BY passages, word) AS together, row_number() OVER (ORDER BY passages, word) AS place
            FROM known
        ), present AS (
            SELECT *, row_number() OVER (ORDER BY passages, word) AS rarity FROM weighed WHERE passages > 0
        )
        SELECT sum(idf),
            (SELECT string_agg(format('%s * ts_rank(''{0.6,0.6,0.6,1}'', words, %L::tsquery)', round(idf::numeric, 4), word_query(word)), ' + ')
             FROM present),
            coalesce((SELECT string_agg(word_query(word), ' | ') FROM present WHERE together <= budget),
                     (SELECT string_agg(word_query(word), ' & ') FROM present WHERE rarity <= 2))
        INTO total, scoring, looked_for FROM weighed;
        CONTINUE WHEN scoring IS NULL;
        RETURN QUERY EXECUTE format(
            $query$
            SELECT found.id, least(1, (%s) / %s) FROM (
                (SELECT c.id, c.search AS words FROM ai_embeddings c
                 WHERE c.workspace_id = current_workspace() AND c.search @@ %L::tsquery AND c.enabled AND c.model = $1 AND c.language = %L
                   AND ($2 = '{}' OR c.source_id = ANY($2)) AND ($3 = '{}' OR c.source_type = ANY($3)) AND c.id <> ALL($4)
                 LIMIT %s)
                UNION ALL
                (SELECT c.id, c.search FROM ai_embeddings c
                 WHERE c.id = ANY($4) AND c.workspace_id = current_workspace() AND c.language = %L)
            ) found ORDER BY found.id = ANY($4) DESC, 2 DESC LIMIT $5 + cardinality($4)
            $query$,
            scoring, greatest(total, 0.0001) * 0.608, looked_for, collection.language, budget, collection.language)
        USING of_model, of_sources, of_types, also, most;
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION count_words, lexical_search, passages_changed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lexical_search TO frontdesk_app;

ALTER TABLE passage_words ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace ON passage_words TO frontdesk_app USING (workspace_id = (SELECT current_workspace()))
    WITH CHECK (workspace_id = (SELECT current_workspace()));
GRANT SELECT ON passage_words TO frontdesk_app;

-- Vectors of the headings right above passages, without padding, by what was embedded. Where one is missing a search does without.
CREATE TABLE heading_vectors (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    model text NOT NULL,
    heading_hash bytea NOT NULL,
    vector vector NOT NULL,
    PRIMARY KEY (workspace_id, model, heading_hash)
);
ALTER TABLE heading_vectors ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace ON heading_vectors TO frontdesk_app USING (workspace_id = (SELECT current_workspace()))
    WITH CHECK (workspace_id = (SELECT current_workspace()));
GRANT SELECT, INSERT, UPDATE, DELETE ON heading_vectors TO frontdesk_app;

-- The graphs: half precision, and for the built-in model without the padding. An eighth of the size, and built in a tenth of the time.
DROP INDEX ai_embeddings_vector;
CREATE INDEX ai_embeddings_vector_builtin ON ai_embeddings
    USING hnsw ((subvector(embedding, 1, 384)::halfvec(384)) halfvec_cosine_ops) WHERE model = 'all-MiniLM-L6-v2';
CREATE INDEX ai_embeddings_vector_other ON ai_embeddings
    USING hnsw ((embedding::halfvec(1536)) halfvec_cosine_ops) WHERE model <> 'all-MiniLM-L6-v2';

-- What was looked for and found, newest first, and by words of the question.
CREATE INDEX run_steps_retrievals ON run_steps (workspace_id, started_at, run_id, step_id) WHERE node = 'retrieve@1';
CREATE INDEX run_steps_questions ON run_steps USING gin ((detail->>'query') gin_trgm_ops) WHERE node = 'retrieve@1';

-- At most so many searches of the transaction's workspace whose question is ILIKE the pattern. Belongs to the owner for the reason
-- given at contacts_like.
CREATE FUNCTION retrievals_asking(pattern text, most integer) RETURNS TABLE (run_id uuid, step_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
    SELECT run_id, step_id FROM run_steps
    WHERE workspace_id = current_workspace() AND node = 'retrieve@1' AND detail->>'query' ILIKE pattern LIMIT most
$$;
REVOKE EXECUTE ON FUNCTION retrievals_asking FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retrievals_asking TO frontdesk_app;
