"""Training material as the pages show it: sources with the work on them, passages, changes, and the points of the map."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlmodel import Session

from db import training_jobs
from db.documents import DocumentLine
from db.engine import Row, one, rows
from db.indexing import ONCE, PassageLine, models_in_use
from db.records import record
from db.sources import SourceSetup
from db.training_changes import Change
from db.training_jobs import Job
from db.views.paging import from_cursor, to_cursor
from db.views.search import pattern

Shown = Literal["all", "edited", "off"]


@dataclass(frozen=True)
class TrainingLine(SourceSetup):
    """A source with what is known of its documents, and the work on it."""

    documents: int  # that are there, failed ones included
    indexed: int
    failed: int
    waiting: int  # changes that a person must approve
    passages: int
    bytes: int
    last_read_at: datetime | None  # when it was read to the end
    job: Job | None  # the newest, under way or not

    @property
    def cursor(self) -> str:
        return to_cursor(self.created_at, self.id)


@dataclass(frozen=True)
class Failure:
    """Documents of a source that failed for one and the same reason, which is a sentence with the remedy."""

    reason: str
    documents: int
    retryable: bool
    example: str


@dataclass(frozen=True)
class PassageRow(PassageLine):
    """A passage with where it is from."""

    source_name: str
    source_type: str
    source_url: str


@dataclass(frozen=True)
class ChangeRow(Change):
    """A change with where it was found, and who decided about it."""

    source_name: str
    document_title: str
    decided_by_name: str | None


@dataclass(frozen=True)
class SourceCount:
    """How much of the knowledge is of one source."""

    id: UUID
    name: str
    type: str
    passages: int


@dataclass(frozen=True)
class Point:
    """A passage for the map. `vector`: as Postgres sends it, two numbers of 16 bits and then float32, big end first."""

    id: UUID
    source_id: UUID
    document: str
    heading: str
    vector: bytes


def training_list(
    tx: Session, *, search: str = "", type: str = "", before: str | None = None, limit: int = 50
) -> list[TrainingLine]:
    """Sources, the newest first. `search` is a part of the name or address. Raises CursorInvalid."""
    _, moment, last = from_cursor(before)
    found = rows(
        tx,
        _SOURCES.format(where=_PAGE),
        moment=moment,
        last=last,
        search=search.strip(),
        pattern=pattern(search),
        type=type,
        limit=limit,
    )
    return _with_jobs(tx, found)


def training_source(tx: Session, source: UUID) -> TrainingLine | None:
    found = _with_jobs(tx, rows(tx, _SOURCES.format(where="s.id = %(id)s"), id=source, limit=1))
    return found[0] if found else None


def _with_jobs(tx: Session, found: Sequence[Row]) -> list[TrainingLine]:
    jobs = training_jobs.last_of(tx, [row["id"] for row in found])
    return [record(TrainingLine, {**row, "job": jobs.get(row["id"])}) for row in found]


_PAGE = """(%(moment)s::timestamptz IS NULL OR (s.created_at, s.id) < (%(moment)s, %(last)s::uuid))
    AND (%(type)s = '' OR s.type = %(type)s) AND (%(search)s = '' OR s.name || ' ' || s.url ILIKE %(pattern)s)"""

# The passages are added up from the documents: counting them one by one takes too long for a page that changes by itself.
# Sources without documents are older than documents, or were put there by hand.
_SOURCES = """
    SELECT s.*, d.documents, d.indexed, d.failed, d.bytes, c.waiting, j.finished_at AS last_read_at,
        CASE WHEN d.documents = 0 THEN (SELECT count(*) FROM ai_embeddings WHERE source_id = s.id) ELSE d.passages END AS passages
    FROM (SELECT * FROM training_sources s WHERE {where} ORDER BY s.created_at DESC, s.id DESC LIMIT %(limit)s) s
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE state NOT IN ('removed', 'skipped')) AS documents,
            count(*) FILTER (WHERE state = 'indexed') AS indexed, count(*) FILTER (WHERE state = 'failed') AS failed,
            coalesce(sum(passages), 0)::bigint AS passages,
            coalesce(sum(bytes) FILTER (WHERE state NOT IN ('removed', 'skipped')), 0)::bigint AS bytes
        FROM training_documents WHERE source_id = s.id) d
    CROSS JOIN LATERAL (SELECT count(*) AS waiting FROM training_changes WHERE source_id = s.id AND state = 'waiting') c
    LEFT JOIN LATERAL (
        SELECT finished_at FROM training_jobs WHERE source_id = s.id AND state = 'done' ORDER BY seq DESC LIMIT 1) j ON true
    ORDER BY s.created_at DESC, s.id DESC
"""


def document_states(tx: Session, source: UUID) -> dict[str, int]:
    """How many documents of a source are in which state."""
    sql = "SELECT state, count(*) AS n FROM training_documents WHERE source_id = %(s)s GROUP BY state"
    return {row["state"]: row["n"] for row in rows(tx, sql, s=source)}


def failures(tx: Session, source: UUID, limit: int = 8) -> list[Failure]:
    """Why documents of a source failed, the most frequent reason first."""
    found = rows(
        tx,
        """SELECT reason, count(*) AS documents, bool_or(retryable) AS retryable, min(address) AS example
           FROM training_documents WHERE source_id = %(s)s AND state = 'failed' GROUP BY reason
           ORDER BY count(*) DESC, reason LIMIT %(limit)s""",
        s=source,
        limit=limit,
    )
    return [record(Failure, row) for row in found]


def passage_list(
    tx: Session,
    *,
    source: UUID | None = None,
    document: str | None = None,
    search: str = "",
    shown: Shown = "all",
    after: UUID | None = None,
    limit: int = 50,
) -> list[PassageRow]:
    """Passages by source, document and place; `after` is the last one of the page before. `search`: beginnings of words, all of them."""
    looked_for, values = _looked_for(tx, search)
    conditions = [_SHOWN[shown], looked_for]
    conditions += ["p.source_id = %(source)s"] if source else []
    conditions += ["p.document = %(document)s"] if document is not None else []
    conditions += [ONCE] if len(models_in_use(tx)) > 1 else []
    key = one(tx, "SELECT source_id, document, position, id FROM ai_embeddings WHERE id = %(id)s", id=after)
    conditions += [_FURTHER] if key else []
    values |= {f"after_{name}": value for name, value in (key or {}).items()}
    statement = f"{_PASSAGES} WHERE {' AND '.join(conditions)} ORDER BY {_PLACE} LIMIT %(limit)s"
    return [
        record(PassageRow, row) for row in rows(tx, statement, source=source, document=document, limit=limit, **values)
    ]


def _looked_for(tx: Session, search: str) -> tuple[str, dict[str, Any]]:
    """The condition of a search, by the languages of the workspace; of words that every text has, by the letters as they are."""
    if not search.strip():
        return "true", {}
    configs = rows(tx, _LANGUAGES, search=search)
    words = re.findall(r"\w+", configs[0]["text"])
    if not words:
        return "false", {}
    values = {"words": " & ".join(f"'{word}':*" for word in words)}
    queries = [f"to_tsquery('{row['config']}', %(words)s)" for row in configs]
    found = one(tx, f"SELECT least({', '.join(f'numnode({query})' for query in queries)}) AS n", **values)
    if found is None or not found["n"]:
        return "p.heading || ' ' || p.text ILIKE %(pattern)s", {"pattern": pattern(search)}
    return f"p.search @@ ({' || '.join(queries)})", values


# The ways in which passages of the workspace were stemmed; sources older than documents are English or of unknown language.
_LANGUAGES = """
    SELECT search_config(language)::text AS config, min(search_text(%(search)s)) AS text
    FROM (SELECT DISTINCT language FROM training_documents UNION SELECT unnest('{"", en}'::text[])) l GROUP BY 1
"""


def passage(tx: Session, id: UUID) -> PassageRow | None:
    row = one(tx, f"{_PASSAGES} WHERE p.id = %(id)s", id=id)
    return record(PassageRow, row) if row else None


_SHOWN: Mapping[Shown, str] = {"all": "true", "edited": "e.passage_id IS NOT NULL", "off": "NOT p.enabled"}
_PLACE = "p.source_id, p.document, p.position, p.id"
_FURTHER = (
    f"({_PLACE}) > (%(after_source_id)s::uuid, %(after_document)s::text, %(after_position)s::int, %(after_id)s::uuid)"
)
_PASSAGES = """
    SELECT p.id, p.source_id, p.document, p.heading, p.text, p.position, p.enabled, p.language, p.model,
        e.passage_id IS NOT NULL AS edited, s.name AS source_name, s.type AS source_type, s.url AS source_url
    FROM ai_embeddings p JOIN training_sources s ON s.id = p.source_id LEFT JOIN passage_edits e ON e.passage_id = p.id
"""


def change_list(
    tx: Session, *, source: UUID | None = None, waiting: bool = False, before: int | None = None, limit: int = 50
) -> list[ChangeRow]:
    """What crawls found to be different, newest first; `before` (the last line's seq) continues the list."""
    found = rows(
        tx,
        _CHANGES.format(state="= 'waiting'" if waiting else "<> 'outdated'"),
        source=source,
        before=before,
        limit=limit,
    )
    return [record(ChangeRow, row) for row in found]


def waiting_changes(tx: Session) -> int:
    """How many changes wait for a person."""
    row = one(tx, "SELECT count(*) AS n FROM training_changes WHERE state = 'waiting'")
    return int(row["n"]) if row else 0


_CHANGES = """
    SELECT c.*, d.address, d.title AS document_title, s.name AS source_name, u.name AS decided_by_name
    FROM (SELECT * FROM training_changes WHERE state {state} AND (%(source)s::uuid IS NULL OR source_id = %(source)s)
            AND (%(before)s::bigint IS NULL OR seq < %(before)s) ORDER BY seq DESC LIMIT %(limit)s) c
    JOIN training_documents d ON d.id = c.document_id
    JOIN training_sources s ON s.id = c.source_id
    LEFT JOIN users u ON u.id = c.decided_by
    ORDER BY c.seq DESC
"""


def passage_counts(tx: Session) -> list[SourceCount]:
    """How many passages a search can find in each source, the largest first."""
    found = rows(
        tx,
        """SELECT s.id, s.name, s.type, p.passages
           FROM (SELECT source_id, max(n) AS passages FROM (
                   -- by the model that has most: while another takes over, a passage has a row for each
                   SELECT source_id, count(*) AS n FROM ai_embeddings WHERE enabled GROUP BY source_id, model) m GROUP BY source_id) p
           JOIN training_sources s ON s.id = p.source_id ORDER BY p.passages DESC, lower(s.name), s.id""",
    )
    return [record(SourceCount, row) for row in found]


def sample_points(tx: Session, most: int = 2000) -> list[Point]:
    """Passages for the map, those of one model; ids are random, so the first ones by id are a fair sample."""
    found = rows(
        tx,
        """SELECT id, source_id, document, heading, vector_send(embedding) AS vector FROM ai_embeddings
           WHERE enabled AND model = (SELECT model FROM ai_embeddings WHERE enabled ORDER BY model LIMIT 1)
           ORDER BY id LIMIT %(most)s""",
        most=most,
    )
    return [record(Point, {**row, "vector": bytes(row["vector"])}) for row in found]


def documents_at(tx: Session, places: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], DocumentLine]:
    """Those of the documents (source, address) that are there."""
    found = rows(
        tx,
        """SELECT d.* FROM unnest(%(sources)s::uuid[], %(addresses)s::text[]) AS w(source, address)
           JOIN training_documents d ON d.source_id = w.source AND d.address = w.address""",
        sources=[source for source, _ in places],
        addresses=[address for _, address in places],
    )
    return {(row["source_id"], row["address"]): record(DocumentLine, row) for row in found}
