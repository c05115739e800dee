"""Vectors of another model beside those that are there, and the moment at which they take their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from db.engine import rows, run
from db.records import record


@dataclass(frozen=True)
class OldPassage:
    """A passage that has no vector of a model yet, and what is to be embedded of it."""

    id: UUID
    source_type: str
    heading: str
    text: str

    @property
    def embedding_text(self) -> str:
        return self.heading if self.source_type == "qa" else f"{self.heading}\n{self.text}".strip()


# The same passage by another model: one document says the same at the same place.
_TWIN = """FROM ai_embeddings n WHERE n.source_id = p.source_id AND n.document = p.document AND n.position = p.position
           AND n.content_hash = p.content_hash AND n.model = %(model)s"""


def without_vector_of(tx: Session, model: str, most: int) -> list[OldPassage]:
    """Passages that only other models have vectors of."""
    found = rows(
        tx,
        f"""SELECT p.id, p.source_type, p.heading, p.text FROM ai_embeddings p
            WHERE p.model <> %(model)s AND NOT EXISTS (SELECT {_TWIN}) ORDER BY p.source_id, p.position LIMIT %(most)s""",
        model=model,
        most=most,
    )
    return [record(OldPassage, row) for row in found]


def copy_for(tx: Session, model: str, made: Sequence[tuple[UUID, Sequence[float]]]) -> int:
    """A twin of each of these passages, with its vector of another model; returns how many."""
    run(
        tx, "SELECT pg_advisory_xact_lock(hashtextextended('reembed:' || current_workspace(), 0))"
    )  # two at once make no second twin
    return run(
        tx,
        f"""INSERT INTO ai_embeddings (workspace_id, source_id, source_type, document, heading, text, position, content_hash, language,
                                      enabled, model, embedding)
           SELECT p.workspace_id, p.source_id, p.source_type, p.document, p.heading, p.text, p.position, p.content_hash, p.language,
               p.enabled, %(model)s, v.embedding::vector
           FROM unnest(%(ids)s::uuid[], %(vectors)s::text[]) AS v(id, embedding) JOIN ai_embeddings p ON p.id = v.id
           WHERE NOT EXISTS (SELECT {_TWIN})""",
        model=model,
        ids=[passage for passage, _ in made],
        vectors=["[" + ",".join(map(repr, map(float, vector))) + "]" for _, vector in made],
    )


def change_over(tx: Session, model: str) -> int:
    """Delete the vectors of all other models, where each has its twin; edits go along. Returns how many were deleted."""
    run(
        tx,
        f"""INSERT INTO passage_edits (passage_id, workspace_id, original_heading, original_text, original_hash, edited_by, edited_at)
            SELECT (SELECT n.id {_TWIN} LIMIT 1), e.workspace_id, e.original_heading, e.original_text, e.original_hash, e.edited_by, e.edited_at
            FROM passage_edits e JOIN ai_embeddings p ON p.id = e.passage_id
            WHERE p.model <> %(model)s AND EXISTS (SELECT {_TWIN})
            ON CONFLICT (passage_id) DO NOTHING""",
        model=model,
    )
    return run(tx, f"DELETE FROM ai_embeddings p WHERE p.model <> %(model)s AND EXISTS (SELECT {_TWIN})", model=model)
