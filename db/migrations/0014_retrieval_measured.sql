-- What measuring the search taught after 0007: how its words count, and how carefully its graphs are built.

-- The `most` passages of the transaction's workspace that share the rarest words with a question, and those of `also`, with a score
-- of 0 to 1: the sum over the question's words of (inverse document frequency ^ 1.5 x how much the passage says it), of all that could
-- be. A word that no passage has tells little about any: it counts a third. The power lets a product's name count more than the
-- "do you know anything about" around it. What ts_rank gives for one word grows ever less with its number: 0.608 of the weight
-- for the first time; 1 = once in the heading, 0.6 = once in the text.
-- Candidates are read by their rare words, as many as stand in `budget` passages together; frequent words only count in the score. Where
-- even the rarest is too frequent, they are those that have it and another one.
-- Belongs to the owner because row-level security keeps the index from being used (@@ is not leakproof); it asks for the workspace itself.
CREATE OR REPLACE FUNCTION lexical_search(question text, of_model text, only_language text, of_sources uuid[], of_types text[], also uuid[],
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
            SELECT word, passages, power(ln(1 + (collection.size - passages + 0.5) / (passages + 0.5)), 1.5)
                    * CASE WHEN passages = 0 THEN 0.3 ELSE 1 END AS idf,
                sum(passages) OVER (ORDER BY passages, word) AS together, row_number() OVER (ORDER BY passages, word) AS place
            FROM known
        ), present AS (
            SELECT *, row_number() OVER (ORDER BY passages, word) AS rarity FROM weighed WHERE passages > 0
        )
        SELECT sum(idf),
            (SELECT string_agg(format('%s * ts_rank(''{0.6,0.6,0.6,1}'', words, %L::tsquery)', round(idf::numeric, 4), word_query(word)), ' + ')
             FROM present),
            coalesce((SELECT string_agg(word_query(word), ' | ') FROM present WHERE together <= budget),
                     (SELECT word_query(r.word) || coalesce(' & (' || (SELECT string_agg(word_query(word), ' | ') FROM present WHERE rarity > 1)
                                                            || ')', '') FROM present r WHERE rarity = 1))
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

-- Twice the usual care in building finds more of the nearest at the same price of a search.
DROP INDEX ai_embeddings_vector_builtin, ai_embeddings_vector_other;
CREATE INDEX ai_embeddings_vector_builtin ON ai_embeddings
    USING hnsw ((subvector(embedding, 1, 384)::halfvec(384)) halfvec_cosine_ops) WITH (ef_construction = 128) WHERE model = 'all-MiniLM-L6-v2';
CREATE INDEX ai_embeddings_vector_other ON ai_embeddings
    USING hnsw ((embedding::halfvec(1536)) halfvec_cosine_ops) WITH (ef_construction = 128) WHERE model <> 'all-MiniLM-L6-v2';
