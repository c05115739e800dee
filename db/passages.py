"""Training sources and their passages: kept with the vector and the model that made it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import insert
from sqlmodel import Session

from db import tables
from db.engine import one, rows, run
from db.records import Source, record


@dataclass(frozen=True)
class Piece:
    """A part of a document with its vector of 1536 numbers (shorter ones padded with zeros)."""

    text: str
    heading: str
    position: int
    embedding: Sequence[float]
    model: str
    language: str = ""


class Place(NamedTuple):
    """The section that a passage stands in."""

    source_id: UUID
    document: str
    heading: str


@dataclass(frozen=True)
class Shown:
    """A passage as a reader sees it, with the name of its source."""

    id: UUID
    source_id: UUID
    source_name: str
    source_type: str
    document: str
    heading: str
    text: str


def add_source(tx: Session, workspace: UUID, type: str, name: str, url: str = "") -> UUID:
    """The source of this type and name; made if it is not there yet."""
    row = one(
        tx,
        "INSERT INTO training_sources (workspace_id, type, name, url) VALUES (%(workspace)s, %(type)s, %(name)s, %(url)s)"
        " ON CONFLICT (workspace_id, type, name) DO UPDATE SET url = excluded.url, updated_at = now() RETURNING id",
        workspace=workspace,
        type=type,
        name=name,
        url=url,
    )
    assert row is not None
    source: UUID = row["id"]
    return source


def set_status(tx: Session, source: UUID, status: str, detail: str = "") -> None:
    """pending, working, ready, failed or cancelled; `detail` is the sentence on the page."""
    run(
        tx,
        "UPDATE training_sources SET status = %(status)s, status_detail = %(detail)s, updated_at = now() WHERE id = %(id)s",
        status=status,
        detail=detail,
        id=source,
    )


def sources(tx: Session) -> list[Source]:
    """Every source of the workspace by name, with the number of passages that a search can find."""
    found = rows(
        tx,
        "SELECT s.*, (SELECT count(*) FROM ai_embeddings e WHERE e.source_id = s.id AND e.enabled) AS passages"
        " FROM training_sources s ORDER BY lower(s.name), s.id",
    )
    return [record(Source, row) for row in found]


def replace_document(
    tx: Session, workspace: UUID, source_id: UUID, source_type: str, document: str, pieces: Sequence[Piece]
) -> bool:
    """Make these the passages of a document, in place of its former ones; no pieces = the document is gone.

    False: they were the same already and nothing was touched.
    """
    wanted = [_identity(piece.position, _hash(piece), piece.model, piece.language) for piece in pieces]
    if sorted(wanted) == sorted(_present(tx, source_id, document)):
        return False
    run(tx, "DELETE FROM ai_embeddings WHERE source_id = %(s)s AND document = %(d)s", s=source_id, d=document)
    if pieces:
        same = {"workspace_id": workspace, "source_id": source_id, "source_type": source_type, "document": document}
        tx.execute(insert(tables.Passage), [same | _columns(piece) for piece in pieces])
    return True


def places(tx: Session, ids: Sequence[UUID]) -> dict[UUID, Place]:
    """Where these passages stand."""
    sql = "SELECT id, source_id, document, heading FROM ai_embeddings WHERE id = ANY(%(ids)s)"
    return {row["id"]: Place(row["source_id"], row["document"], row["heading"]) for row in rows(tx, sql, ids=list(ids))}


def shown(tx: Session, ids: Sequence[UUID]) -> dict[UUID, Shown]:
    """What a reader sees of these passages."""
    found = rows(
        tx,
        """SELECT e.id, e.source_id, s.name AS source_name, e.source_type, e.document, e.heading, e.text
           FROM ai_embeddings e JOIN training_sources s ON s.id = e.source_id WHERE e.id = ANY(%(ids)s)""",
        ids=list(ids),
    )
    return {row["id"]: record(Shown, row) for row in found}


def around(tx: Session, ids: Sequence[UUID], neighbours: int) -> dict[UUID, list[str]]:
    """The texts of so many passages before and after each of these, in the order of the document, itself included."""
    found = rows(
        tx,
        """SELECT m.id, array_agg(p.text ORDER BY p.position) AS texts
           FROM ai_embeddings m JOIN ai_embeddings p ON p.source_id = m.source_id AND p.document = m.document AND p.model = m.model
             AND p.position BETWEEN m.position - %(n)s AND m.position + %(n)s AND (p.enabled OR p.id = m.id)
           WHERE m.id = ANY(%(ids)s) GROUP BY m.id""",
        ids=list(ids),
        n=neighbours,
    )
    return {row["id"]: row["texts"] for row in found}


def _columns(piece: Piece) -> dict[str, object]:
    return {
        "text": piece.text,
        "heading": piece.heading,
        "position": piece.position,
        "embedding": list(piece.embedding),
        "model": piece.model,
        "language": piece.language,
        "content_hash": _hash(piece),
    }


def _present(tx: Session, source: UUID, document: str) -> list[str]:
    found = rows(
        tx,
        "SELECT position, content_hash, model, language FROM ai_embeddings WHERE source_id = %(s)s AND document = %(d)s",
        s=source,
        d=document,
    )
    return [_identity(row["position"], row["content_hash"], row["model"], row["language"]) for row in found]


def _identity(position: int, content_hash: bytes, model: str, language: str) -> str:
    return f"{position}:{bytes(content_hash).hex()}:{model}:{language}"


def _hash(piece: Piece) -> bytes:
    return hashlib.sha256(f"{piece.heading}\0{piece.text}".encode()).digest()
