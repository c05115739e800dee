"""Runs as a list, and one run with its journal and what it put into the outbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows
from db.records import record
from db.views.search import CONTACT_FITS, contact_pattern, contacts_like, pattern

# What a search may find by index; where it finds more, the runs are looked through one by one, the newest first.
FEW_CONTACTS = 200
FEW_RUNS = 2_000
NEWEST_READ = 5_000  # so many runs, the newest that fit, have the messages of their turn looked through for words

RunState = Literal["pending", "running", "waiting", "done", "failed", "superseded", "cancelled"]


@dataclass(frozen=True)
class RunLine:
    id: UUID
    seq: int
    automation_id: UUID
    automation_name: str
    version: int
    conversation_id: UUID | None
    contact_id: UUID | None
    contact_name: str | None
    channel: str | None
    state: RunState
    outcome: str
    attempts: int
    prefect_run_id: UUID | None
    created_at: datetime
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def duration_ms(self) -> float | None:
        """From the start to the end; None while there is no end."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds() * 1000


@dataclass(frozen=True)
class StepLine:
    step_id: str
    position: int
    node: str
    state: Literal["done", "skipped", "failed", "waiting"]
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    effects: list[Mapping[str, Any]]
    detail: Mapping[str, Any]
    note: str
    attempts: int
    started_at: datetime
    duration_ms: float


@dataclass(frozen=True)
class OutboxLine:
    id: UUID
    seq: int
    effect: Mapping[str, Any]
    state: Literal["pending", "sending", "done", "failed", "cancelled", "unknown"]
    attempts: int
    message_id: UUID | None
    provider_message_id: str | None
    error_code: str
    error: str
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True)
class RunDetail(RunLine):
    trigger: Mapping[str, Any]
    document: Mapping[str, Any]  # of the version that ran
    event_id: UUID | None
    first_seq: int
    last_seq: int
    epoch: int
    steps: tuple[StepLine, ...]
    outbox: tuple[OutboxLine, ...]


def run_list(
    tx: Session,
    *,
    before_seq: int | None = None,
    limit: int = 50,
    automation_id: UUID | None = None,
    state: RunState | None = None,
    conversation_id: UUID | None = None,
    search: str = "",
    outcome: str = "",
    text: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[RunLine]:
    """The runs, newest first; `before_seq` (the last line's seq) continues the list.

    `search` looks in name, phone and e-mail of the contact, `outcome` in the sentence that says how a run ended, `text` in the
    messages that a run answers, among the newest NEWEST_READ that fit. They began at `since` or later and before `until`.
    """
    conditions = _conditions(automation_id, state, conversation_id)
    conditions += ["r.created_at >= %(since)s::timestamptz"] * (since is not None)
    conditions += ["r.created_at < %(until)s::timestamptz"] * (until is not None)
    source = _NEWEST_SAYING if text.strip() else _NEWEST
    values: dict[str, Any] = {}
    if outcome.strip():
        conditions.append(_said(tx, outcome, values))
    if search.strip():
        source, condition = _searched(tx, search, values, text)
        conditions += condition
    found = rows(
        tx,
        _LIST.format(source=source.format(conditions=" AND ".join(f"({condition})" for condition in conditions))),
        before=before_seq,
        automation=automation_id,
        conversation=conversation_id,
        limit=limit,
        since=since,
        until=until,
        text=pattern(text),
        read=NEWEST_READ,
        **values,
    )
    return [record(RunLine, row) for row in found]


def run(tx: Session, id: UUID) -> RunDetail | None:
    """One run with its steps in order and its outbox rows."""
    row = one(tx, _DETAIL, id=id)
    if row is None:
        return None
    steps = rows(tx, "SELECT * FROM run_steps WHERE run_id = %(id)s ORDER BY position, step_id", id=id)
    outbox = rows(tx, "SELECT * FROM outbox WHERE run_id = %(id)s ORDER BY seq", id=id)
    parts = {
        "steps": tuple(record(StepLine, step) for step in steps),
        "outbox": tuple(record(OutboxLine, effect) for effect in outbox),
    }
    return record(RunDetail, dict(row) | parts)


def _conditions(automation_id: UUID | None, state: str | None, conversation_id: UUID | None) -> list[str]:
    """Only the conditions that are asked for: each set of them has its own index."""
    if state is not None and state not in get_args(RunState):
        raise ValueError(f"state='{state}' is not a state of a run. Use one of {', '.join(get_args(RunState))}.")
    conditions = ["%(before)s::bigint IS NULL OR r.seq < %(before)s"]
    if automation_id is not None:
        conditions.append("r.automation_id = %(automation)s")
    if conversation_id is not None:
        conditions.append("r.conversation_id = %(conversation)s")
    if state is not None:
        conditions.append(f"r.state = '{state}'")
    return conditions


def _said(tx: Session, outcome: str, values: dict[str, Any]) -> str:
    """The condition of a search in outcomes. 'Answered.' is not in the index: it is found by looking at the newest runs."""
    values["outcome"] = pattern(outcome)
    if outcome.strip().lower() not in _USUAL:
        found = rows(
            tx, "SELECT runs_saying(%(outcome)s, %(most)s) AS id", outcome=values["outcome"], most=FEW_RUNS + 1
        )
        if len(found) <= FEW_RUNS:
            values["runs"] = [row["id"] for row in found]
            return "r.id = ANY(%(runs)s::uuid[])"
    return "SELECT r.outcome ILIKE %(outcome)s"


def _searched(tx: Session, search: str, values: dict[str, Any], text: str) -> tuple[str, list[str]]:
    """Where to take the runs from, and with which condition: few contacts have few runs, many have nearly all of them."""
    found = contacts_like(tx, search, FEW_CONTACTS)
    if found is not None:
        values["contacts"] = found
        return _OF_CONTACTS, [_SAYS] if text.strip() else []
    values["pattern"] = contact_pattern(search)
    return _NEWEST_SAYING if text.strip() else _NEWEST, [_MATCHES_ITSELF]


_USUAL = "answered."  # most runs end so; see the index runs_saying
_MATCHES_ITSELF = f"""
    coalesce((SELECT {CONTACT_FITS} FROM contacts p WHERE p.id = r.contact_id),
             (SELECT {CONTACT_FITS} FROM conversations c JOIN contacts p ON p.id = c.contact_id WHERE c.id = r.conversation_id))
"""
_NEWEST = "SELECT * FROM runs r WHERE {conditions} ORDER BY r.seq DESC LIMIT %(limit)s"
_SAYS = """EXISTS (SELECT FROM messages m WHERE m.conversation_id = r.conversation_id
    AND m.seq BETWEEN r.first_seq AND r.last_seq AND m.direction = 'in' AND m.content ILIKE %(text)s)"""
# Put together from `r` as it is: the words of few runs are looked up, one after the other, until there are enough.
_NEWEST_SAYING = f"""
    SELECT r.* FROM (SELECT * FROM runs r WHERE {{conditions}} ORDER BY r.seq DESC LIMIT %(read)s) r
    WHERE {_SAYS} ORDER BY r.seq DESC LIMIT %(limit)s
"""
# The newest runs of each conversation of the contacts, then those of the contacts without a conversation.
_OF_CONTACTS = """
    SELECT r.* FROM conversations c CROSS JOIN LATERAL (
        SELECT * FROM runs r WHERE r.conversation_id = c.id AND {conditions} ORDER BY r.seq DESC LIMIT %(limit)s
    ) r WHERE c.contact_id = ANY(%(contacts)s::uuid[])
    UNION ALL
    SELECT * FROM (
        SELECT * FROM runs r WHERE r.conversation_id IS NULL AND r.contact_id = ANY(%(contacts)s::uuid[]) AND {conditions}
        ORDER BY r.seq DESC LIMIT %(limit)s
    ) alone
    ORDER BY seq DESC LIMIT %(limit)s
"""

_LINE = """
    r.id, r.seq, r.automation_id, a.name AS automation_name, v.number AS version, r.conversation_id, p.id AS contact_id,
    p.name AS contact_name, c.channel, r.state, r.outcome, r.attempts, r.prefect_run_id, r.created_at, r.due_at,
    r.started_at, r.finished_at
"""

# CASE, because row-level security keeps an index from being used with coalesce (it does not count as leakproof).
_JOINS = """
    JOIN automations a ON a.id = r.automation_id
    JOIN automation_versions v ON v.id = r.version_id
    LEFT JOIN conversations c ON c.id = r.conversation_id
    LEFT JOIN contacts p ON p.id = CASE WHEN r.contact_id IS NULL THEN c.contact_id ELSE r.contact_id END
"""

_LIST = f"""
    SELECT {_LINE}
    FROM ({{source}}) r {_JOINS}
    ORDER BY r.seq DESC
"""

_DETAIL = f"""
    SELECT {_LINE}, r.trigger, v.document, r.event_id, r.first_seq, r.last_seq, r.epoch
    FROM runs r {_JOINS} WHERE r.id = %(id)s
"""
