"""The passages of a document brought up to date: what stayed the same is not touched, so its edits and switches stay too."""

from __future__ import annotations

import hashlib
import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert
from sqlmodel import Session

from db import tables
from db.engine import one, rows, run
from db.passages import Piece
from db.records import record

ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Put:
    """How many passages of a document came, went and stayed."""

    added: int
    removed: int
    kept: int


@dataclass(frozen=True)
class PassageLine:
    """A passage as a person sees it. `edited`: a person rewrote it."""

    id: UUID
    source_id: UUID
    document: str
    heading: str
    text: str
    position: int
    enabled: bool
    edited: bool
    language: str
    model: str


def content_hash(heading: str, text: str) -> bytes:
    """What makes a passage the same passage."""
    return hashlib.sha256(f"{heading}\0{text}".encode("utf-8", "surrogatepass")).digest()


def put(tx: Session, workspace: UUID, source: UUID, source_type: str, document: str, pieces: Sequence[Piece]) -> Put:
    """Make these the passages of a document. Those that it has already keep their row.

    While one model takes over from another there is a piece for each; they count once.
    """
    left = _present(tx, source, document)
    before = _texts((hash, model) for (hash, model), passages in left.items() for _ in passages)
    after = _texts((content_hash(piece.heading, piece.text), piece.model) for piece in pieces)
    new: list[Piece] = []
    moved: list[tuple[UUID, int]] = []
    for piece in pieces:
        same = left.get((content_hash(piece.heading, piece.text), piece.model))
        if not same:
            new.append(piece)
            continue
        kept, position = same.pop(0)
        if position != piece.position:
            moved.append((kept, piece.position))
    gone = [passage for passages in left.values() for passage, _ in passages]
    run(tx, "DELETE FROM ai_embeddings WHERE id = ANY(%(ids)s)", ids=gone)
    _move(tx, moved)
    where = {"workspace_id": workspace, "source_id": source, "source_type": source_type, "document": document}
    for start in range(0, len(new), ROWS_AT_ONCE):
        tx.execute(insert(tables.Passage), [where | _columns(piece) for piece in new[start : start + ROWS_AT_ONCE]])
    return Put((after - before).total(), (before - after).total(), (after & before).total())


def _texts(found: Iterable[tuple[bytes, str]]) -> Counter[bytes]:
    """How often each text is there, whichever models have it."""
    by_model: dict[str, Counter[bytes]] = {}
    for hash, model in found:
        by_model.setdefault(model, Counter())[hash] += 1
    return reduce(operator.or_, by_model.values(), Counter())


def delete_document(tx: Session, source: UUID, document: str) -> int:
    """Delete the passages of a document; returns how many."""
    sql = "DELETE FROM ai_embeddings WHERE source_id = %(s)s AND document = %(d)s"
    return run(tx, sql, s=source, d=document)


def _present(tx: Session, source: UUID, document: str) -> dict[tuple[bytes, str], list[tuple[UUID, int]]]:
    """(hash of the text as the document had it, model) -> passages with their places."""
    found = rows(
        tx,
        """SELECT p.id, p.position, p.model, coalesce(e.original_hash, p.content_hash) AS hash
           FROM ai_embeddings p LEFT JOIN passage_edits e ON e.passage_id = p.id
           WHERE p.source_id = %(s)s AND p.document = %(d)s ORDER BY p.position FOR UPDATE OF p""",
        s=source,
        d=document,
    )
    present: dict[tuple[bytes, str], list[tuple[UUID, int]]] = {}
    for row in found:
        present.setdefault((bytes(row["hash"]), row["model"]), []).append((row["id"], row["position"]))
    return present


def _move(tx: Session, moved: Sequence[tuple[UUID, int]]) -> None:
    if moved:
        run(
            tx,
            """UPDATE ai_embeddings p SET position = m.position FROM unnest(%(ids)s::uuid[], %(positions)s::int[]) AS m(id, position)
               WHERE p.id = m.id""",
            ids=[passage for passage, _ in moved],
            positions=[position for _, position in moved],
        )


def _columns(piece: Piece) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "heading": piece.heading,
        "text": piece.text,
        "position": piece.position,
        "embedding": list(piece.embedding),
        "model": piece.model,
        "language": piece.language,
        "content_hash": content_hash(piece.heading, piece.text),
    }


def get(tx: Session, passage: UUID) -> PassageLine | None:
    row = one(tx, f"{_LINES} WHERE p.id = %(id)s", id=passage)
    return record(PassageLine, row) if row else None


def listing(
    tx: Session,
    source: UUID,
    document: str | None = None,
    after: tuple[str, int] | None = None,
    limit: int = 50,
    search: str = "",
) -> list[PassageLine]:
    """Passages of a source by document and place; `after` = (document, position) of the last one of the page before."""
    found = rows(
        tx,
        f"""{_LINES} WHERE p.source_id = %(s)s AND (%(d)s::text IS NULL OR p.document = %(d)s) AND {ONCE}
              AND (%(after)s::text IS NULL OR (p.document, p.position) > (%(after)s, %(position)s::int))
              AND (%(search)s = '' OR strpos(lower(p.heading || ' ' || p.text), lower(%(search)s)) > 0)
            ORDER BY p.document, p.position LIMIT %(limit)s""",
        s=source,
        d=document,
        after=after[0] if after else None,
        position=after[1] if after else None,
        search=search,
        limit=limit,
    )
    return [record(PassageLine, row) for row in found]


# While one model takes over from another a passage has a row for each: this condition on `p` leaves one of them.
ONCE = """NOT EXISTS (SELECT FROM ai_embeddings n WHERE n.source_id = p.source_id AND n.document = p.document
              AND n.position = p.position AND n.content_hash = p.content_hash AND n.model < p.model)"""

_LINES = """
    SELECT p.id, p.source_id, p.document, p.heading, p.text, p.position, p.enabled, p.language, p.model,
        e.passage_id IS NOT NULL AS edited
    FROM ai_embeddings p LEFT JOIN passage_edits e ON e.passage_id = p.id
"""


def section(tx: Session, passage: UUID) -> list[PassageLine]:
    """The passages under the same heading of the same document, in order: the section that a match was cut from."""
    found = rows(
        tx,
        f"""{_LINES} JOIN ai_embeddings m ON m.source_id = p.source_id AND m.document = p.document AND m.heading = p.heading
              AND m.model = p.model
            WHERE m.id = %(id)s ORDER BY p.position""",
        id=passage,
    )
    return [record(PassageLine, row) for row in found]


def rewrite(
    tx: Session,
    passage: PassageLine,
    heading: str,
    text: str,
    embedding: Sequence[float],
    model: str,
    user: UUID | None,
) -> None:
    """Another text for a passage. Its first text is kept, so that a later crawl knows the page still says it."""
    run(
        tx,
        """INSERT INTO passage_edits (passage_id, workspace_id, original_heading, original_text, original_hash, edited_by)
           SELECT id, workspace_id, heading, text, content_hash, %(user)s FROM ai_embeddings WHERE id = %(id)s
           ON CONFLICT (passage_id) DO UPDATE SET edited_by = excluded.edited_by, edited_at = now()""",
        id=passage.id,
        user=user,
    )
    run(
        tx,
        """UPDATE ai_embeddings SET heading = %(heading)s, text = %(text)s, embedding = %(embedding)s::vector, model = %(model)s,
               content_hash = %(hash)s
           WHERE id = %(id)s""",
        id=passage.id,
        heading=heading,
        text=text,
        embedding="[" + ",".join(map(repr, map(float, embedding))) + "]",
        model=model,
        hash=content_hash(heading, text),
    )


def original(tx: Session, passage: UUID) -> tuple[str, str] | None:
    """Heading and text of a passage as its document has them, None where nobody edited it."""
    row = one(
        tx, "SELECT original_heading AS h, original_text AS t FROM passage_edits WHERE passage_id = %(id)s", id=passage
    )
    return (row["h"], row["t"]) if row else None


def forget_edit(tx: Session, passage: UUID) -> None:
    """The passage and its twins are what their document says."""
    run(tx, f"DELETE FROM passage_edits WHERE passage_id IN ({_TWINS})", id=passage)


def switch(tx: Session, passage: UUID, *, enabled: bool) -> bool:
    """Let searches find a passage, or not, by whichever model; False = there is none."""
    return run(tx, f"UPDATE ai_embeddings SET enabled = %(on)s WHERE id IN ({_TWINS})", on=enabled, id=passage) > 0


def twins(tx: Session, passage: UUID) -> list[PassageLine]:
    """The passage, and the same one by other models while one takes over from another."""
    return [record(PassageLine, row) for row in rows(tx, f"{_LINES} WHERE p.id IN ({_TWINS})", id=passage)]


_TWINS = """SELECT t.id FROM ai_embeddings m JOIN ai_embeddings t ON t.source_id = m.source_id AND t.document = m.document
            AND t.position = m.position AND t.content_hash = m.content_hash WHERE m.id = %(id)s"""


def passages_by_model(tx: Session) -> dict[str, int]:
    """How many passages of this workspace have a vector of each model."""
    found = rows(tx, "SELECT model, count(*) AS n FROM ai_embeddings WHERE enabled GROUP BY model")
    return {row["model"]: row["n"] for row in found}


def models_in_use(tx: Session) -> list[str]:
    """The models that made vectors of this workspace. Jumps from one to the next in the index, however many passages there are."""
    found = rows(
        tx,
        """WITH RECURSIVE jump AS (
               (SELECT model FROM ai_embeddings WHERE enabled AND workspace_id = current_workspace() ORDER BY model LIMIT 1)
               UNION ALL
               SELECT (SELECT p.model FROM ai_embeddings p WHERE p.enabled AND p.workspace_id = current_workspace()
                         AND p.model > jump.model ORDER BY p.model LIMIT 1)
               FROM jump WHERE jump.model IS NOT NULL)
           SELECT model FROM jump WHERE model IS NOT NULL""",
    )
    return [row["model"] for row in found]
