"""How long the vectors of passages are: FRONTDESK_EMBEDDING_DIMENSIONS, the length of the column `ai_embeddings.embedding`.

Shorter vectors are padded with zeros, which changes no cosine; so a column that is longer than the model's vectors only takes room.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

SHORTENED = (
    "%text-embedding-3%"  # models whose vectors may be cut: their first numbers are what they give when asked for fewer
)


class LengthRefused(Exception):
    """The column cannot have this length; the text says what to do."""


def fit(connection: psycopg.Connection, wanted: int, *, convert: bool = False) -> bool:
    """Give the column the length that is wanted, while it is empty, or with `convert` also where nothing is lost; True = it was changed."""
    row = connection.execute(
        "SELECT atttypmod FROM pg_attribute WHERE attrelid = 'ai_embeddings'::regclass AND attname = 'embedding'"
    ).fetchone()
    assert row is not None, "the migrations made it"
    there = int(row[0])
    if there == wanted:
        return False
    if connection.execute("SELECT 1 FROM ai_embeddings LIMIT 1").fetchone() is not None:
        if not convert:
            raise LengthRefused(
                f"FRONTDESK_EMBEDDING_DIMENSIONS is {wanted}, but the passages that are there have vectors of {there} numbers. "
                f"Set it back to {there}, or convert them while Frontdesk is stopped: frontdesk migrate --resize-embeddings"
            )
        _refuse_loss(connection, there, wanted)
    _resize(connection, there, wanted)
    return True


def _refuse_loss(connection: psycopg.Connection, there: int, wanted: int) -> None:
    """Raise LengthRefused where vectors would have to be made anew."""
    if wanted < there:
        lost = sql.SQL("vector_norm(subvector(embedding, {}, {})) > 0 AND model NOT LIKE {}").format(
            sql.Literal(wanted + 1), sql.Literal(there - wanted), sql.Literal(SHORTENED)
        )
        why = f"has more than {wanted} numbers"
    else:
        lost = sql.SQL("model LIKE {}").format(sql.Literal(SHORTENED))
        why = f"was asked for {there} numbers and would have to be asked again"
    row = connection.execute(sql.SQL("SELECT model FROM ai_embeddings WHERE {} LIMIT 1").format(lost)).fetchone()
    if row is not None:
        raise LengthRefused(
            f"The embedding model {row[0]} {why}. Connect another embedding model first and wait until every passage is "
            "embedded by it, then try again."
        )


def _resize(connection: psycopg.Connection, there: int, wanted: int) -> None:
    """Rewrites the table and its index."""
    made = (
        sql.SQL("subvector(embedding, 1, {})").format(sql.Literal(wanted))
        if wanted < there
        else sql.SQL("embedding || array_fill(0::real, ARRAY[{}])::vector").format(sql.Literal(wanted - there))
    )
    connection.execute(
        sql.SQL("ALTER TABLE ai_embeddings ALTER COLUMN embedding TYPE vector({}) USING ({})::vector({})").format(
            sql.Literal(wanted), made, sql.Literal(wanted)
        )
    )
    sized = "DELETE FROM embedding_cache WHERE octet_length(vector) > 4 * %s OR model LIKE %s"
    connection.execute(sized, [wanted, SHORTENED])
