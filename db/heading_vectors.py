"""Vectors of headings, beside those of passages: a question is often closest to the heading that its answer stands under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlmodel import Session

from db.engine import rows, run
from db.vector_search import literal, numbers_of
from db.vectors import text_hash


def last_heading(path: str) -> str:
    """The heading right above a passage: "Prices > Cleaning" -> "Cleaning"."""
    return path.rpartition(" > ")[2].strip()


def missing(tx: Session, model: str, headings: Sequence[str]) -> list[str]:
    """Those of the headings that have no vector of this model."""
    by_hash = {text_hash(heading): heading for heading in headings if heading}
    sql = "SELECT heading_hash FROM heading_vectors WHERE model = %(model)s AND heading_hash = ANY(%(hashes)s)"
    known = {bytes(row["heading_hash"]) for row in rows(tx, sql, model=model, hashes=list(by_hash))}
    return [heading for hash, heading in by_hash.items() if hash not in known]


def keep(tx: Session, workspace: UUID, model: str, made: Mapping[str, Sequence[float]]) -> None:
    """Remember the vectors of headings, without the padding."""
    numbers = numbers_of(model)
    run(
        tx,
        """INSERT INTO heading_vectors (workspace_id, model, heading_hash, vector)
           SELECT %(w)s, %(model)s, hash, vector::vector FROM unnest(%(hashes)s::bytea[], %(vectors)s::text[]) AS v(hash, vector)
           ON CONFLICT (workspace_id, model, heading_hash) DO NOTHING""",
        w=workspace,
        model=model,
        hashes=[text_hash(heading) for heading in made],
        vectors=[literal(vector[:numbers]) for vector in made.values()],
    )


def cosines(tx: Session, embedding: Sequence[float], model: str, headings: Sequence[str]) -> dict[str, float]:
    """How near those headings are that have a vector of this model."""
    by_hash = {text_hash(heading): heading for heading in headings if heading}
    found = rows(
        tx,
        """SELECT heading_hash, 1 - (vector <=> %(v)s::vector) AS score
           FROM heading_vectors WHERE model = %(model)s AND heading_hash = ANY(%(hashes)s)""",
        v=literal(embedding[: numbers_of(model)]),
        model=model,
        hashes=list(by_hash),
    )
    return {by_hash[bytes(row["heading_hash"])]: row["score"] for row in found}


def headings_in_use(tx: Session, model: str) -> list[str]:
    """The last headings of the passages of a model; those of question-and-answer pairs are embedded as passages already."""
    sql = "SELECT DISTINCT heading FROM ai_embeddings WHERE model = %(model)s AND source_type <> 'qa' AND heading <> ''"
    return sorted({last_heading(row["heading"]) for row in rows(tx, sql, model=model)})
