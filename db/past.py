"""The conversations as they were at a moment: what came later is not there, whatever statement a step runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from sqlmodel import Session

from db.engine import REWORDING, one, read_only, rows, run
from db.records import record
from db.tag_history import tags_at

LONGEST_TURN = timedelta(seconds=120)  # messages further apart were never one turn


@dataclass(frozen=True)
class PastTurn:
    """What a customer wrote before the next answer. `at`: when the last of it came."""

    conversation_id: UUID
    message_id: UUID
    first_seq: int
    last_seq: int
    text: str
    at: datetime


@dataclass(frozen=True)
class PastState:
    """How a conversation stood when a turn was complete, as far as the rows tell. The contact's fields are those of today.

    `tags`: those of then; None = nobody knows them.
    """

    contact_id: UUID
    channel: str
    owner: Literal["ai", "human"]
    ai_enabled: bool
    opted_out: bool
    last_ai_reply_at: datetime | None
    returned_at_seq: int
    first_contact: bool
    tags: tuple[str, ...] | None


@contextmanager
def read_past(workspace: UUID, seq: int, at: datetime) -> Iterator[Session]:
    """A read-only transaction that sees messages up to `seq`, and notes and handoffs up to `at`."""
    with read_only(workspace) as tx:
        run(
            tx,
            "SELECT set_config('app.past_seq', %(seq)s, true), set_config('app.past_time', %(at)s, true)",
            seq=str(seq),
            at=at.isoformat(),
        )
        tx.info[REWORDING] = as_then
        yield tx


_UPTO = "(SELECT current_setting('app.past_seq')::bigint)"
_AT = "(SELECT current_setting('app.past_time')::timestamptz)"
# What there was of each table.
_THEN = {
    "messages": f"seq <= {_UPTO}",
    "ai_conversation_memory": f"after_seq <= {_UPTO} AND created_at <= {_AT}",
    "handoffs": f"created_at <= {_AT}",
    "runs": f"last_seq < {_UPTO} AND created_at <= {_AT}",  # not the run that answered the turn itself
}
_LEAD = re.compile(r"(\s|--[^\n]*\n)*")
_NAMED = {name: re.compile(rf"\b{name}\b") for name in _THEN}


@lru_cache(maxsize=256)
def as_then(sql: str) -> str:
    """The statement over what there was. A WITH of a table's name comes before the table, so what a step asks stays as it is."""
    parts = [
        f"{name} AS NOT MATERIALIZED (SELECT * FROM public.{name} WHERE {condition})"
        for name, condition in _THEN.items()
        if _NAMED[name].search(sql)
    ]
    lead = _LEAD.match(sql)
    body = sql[lead.end() :] if lead else sql
    word = body.split(None, 1)[0].upper() if body else ""
    if not parts or word not in ("SELECT", "WITH"):
        return sql
    if word == "SELECT":
        return f"WITH {', '.join(parts)} {body}"
    rest = body[len("WITH") :].lstrip()
    recursive = "RECURSIVE " if rest.upper().startswith("RECURSIVE") else ""
    return f"WITH {recursive}{', '.join(parts)}, {rest[len(recursive) :]}"


def turn_of(tx: Session, message_id: UUID) -> PastTurn | None:
    """The turn that ended with a message of a customer; None where there is no such message."""
    found = one(tx, _TURN_OF, message=message_id, longest=LONGEST_TURN)
    return record(PastTurn, found) if found else None


def recent_turns(
    tx: Session, *, days: int | None, conversations: int | None, most_turns: int, most_of_one: int
) -> list[PastTurn]:
    """The turns of the last days, or of the conversations in which customers wrote last; the newest first."""
    found = rows(
        tx,
        _RECENT,
        days=days,
        conversations=conversations,
        longest=LONGEST_TURN,
        most=most_turns,
        most_of_one=most_of_one,
    )
    return [record(PastTurn, row) for row in found]


def state_at(tx: Session, turn: PastTurn) -> PastState:
    """How the conversation stood when the turn was complete."""
    found: Any = one(
        tx, _STATE, conversation=turn.conversation_id, first=turn.first_seq, last=turn.last_seq, at=turn.at
    )
    assert found is not None, "the turn is of a conversation of this workspace"
    [tags] = tags_at(tx, [(found["contact_id"], turn.at)])
    return record(PastState, {**found, "tags": tags})


_TURN_OF = """
    -- the message and those before it that no answer divides from it
    WITH last AS (SELECT * FROM messages WHERE id = %(message)s AND direction = 'in'),
    before AS (
        SELECT m.seq, m.content FROM messages m JOIN last ON last.conversation_id = m.conversation_id
        WHERE m.direction = 'in' AND m.seq <= last.seq AND m.created_at > last.created_at - %(longest)s
          AND m.seq > coalesce((SELECT max(o.seq) FROM messages o WHERE o.conversation_id = m.conversation_id
                                AND o.direction = 'out' AND o.seq < last.seq), 0))
    SELECT last.conversation_id, last.id AS message_id, (SELECT min(seq) FROM before) AS first_seq, last.seq AS last_seq,
           (SELECT string_agg(content, E'\\n' ORDER BY seq) FROM before) AS text, last.created_at AS at
    FROM last
"""

_RECENT = """
    -- turns: messages of a customer that neither an answer nor a long pause divides
    WITH wanted AS (
        SELECT id FROM conversations
        WHERE last_inbound_at IS NOT NULL
          AND (%(days)s::integer IS NULL OR last_inbound_at > now() - make_interval(days => %(days)s::integer))
        ORDER BY last_inbound_at DESC LIMIT %(conversations)s::integer),
    lines AS (
        SELECT m.id, m.conversation_id, m.seq, m.direction, m.content, m.created_at,
               m.direction <> lag(m.direction) OVER thread OR m.created_at - lag(m.created_at) OVER thread > %(longest)s AS divided
        FROM messages m JOIN wanted w ON w.id = m.conversation_id WHERE m.direction IN ('in', 'out')
        WINDOW thread AS (PARTITION BY m.conversation_id ORDER BY m.seq)),
    parts AS (
        SELECT *, count(*) FILTER (WHERE divided) OVER (PARTITION BY conversation_id ORDER BY seq) AS part FROM lines),
    turns AS (
        SELECT conversation_id, (array_agg(id ORDER BY seq DESC))[1] AS message_id, min(seq) AS first_seq, max(seq) AS last_seq,
               string_agg(content, E'\\n' ORDER BY seq) AS text, max(created_at) AS at
        FROM parts WHERE direction = 'in' GROUP BY conversation_id, part),
    numbered AS (SELECT *, row_number() OVER (PARTITION BY conversation_id ORDER BY last_seq DESC) AS number FROM turns)
    SELECT conversation_id, message_id, first_seq, last_seq, text, at FROM numbered
    WHERE number <= %(most_of_one)s AND (%(days)s::integer IS NULL OR at > now() - make_interval(days => %(days)s::integer))
    ORDER BY at DESC, last_seq DESC LIMIT %(most)s
"""

_STATE = """
    SELECT c.contact_id, c.channel, t.opted_out_at IS NOT NULL AND t.opted_out_at <= %(at)s AS opted_out,
           CASE WHEN coalesce(m.taken, 0) > coalesce(r.seq, 0) THEN 'human' ELSE 'ai' END AS owner,
           coalesce(m.switched_on, 0) >= coalesce(m.switched_off, 0) AS ai_enabled,
           m.last_ai_reply_at, coalesce(r.seq, 0) AS returned_at_seq, coalesce(m.earlier, 0) = 0 AS first_contact
    FROM conversations c JOIN contacts t ON t.id = c.contact_id
    CROSS JOIN LATERAL (
        SELECT max(seq) FILTER (WHERE direction = 'out' AND author = 'human'
                   OR direction = 'note' AND (metadata ? 'handoff' OR content LIKE '%% took over.')) AS taken,
               max(seq) FILTER (WHERE direction = 'note' AND content LIKE '%% switched the AI on.') AS switched_on,
               max(seq) FILTER (WHERE direction = 'note' AND content LIKE '%% switched the AI off.') AS switched_off,
               max(created_at) FILTER (WHERE direction = 'out' AND author = 'ai'
                   AND state NOT IN ('failed', 'error', 'cancelled')) AS last_ai_reply_at,
               count(*) FILTER (WHERE direction = 'in' AND seq < %(first)s) AS earlier
        FROM messages WHERE conversation_id = c.id AND seq < %(last)s) m
    CROSS JOIN LATERAL (
        SELECT max(after_seq) AS seq FROM ai_conversation_memory
        WHERE conversation_id = c.id AND role = 'return_marker' AND after_seq < %(last)s) r
    WHERE c.id = %(conversation)s
"""


@dataclass(frozen=True)
class Heard:
    """A turn with what a start looks at, read for many at once. The tags in `crm` are those of then where they are known."""

    turn: PastTurn
    contact_id: UUID
    contact_name: str
    phone: str
    email: str
    language: str
    crm: Mapping[str, Any]
    channel: str
    first_contact: bool


def heard(tx: Session, *, days: int, most_turns: int, most_of_one: int) -> list[Heard]:
    """The turns of the last days with their contacts, the newest first."""
    turns = recent_turns(tx, days=days, conversations=None, most_turns=most_turns, most_of_one=most_of_one)
    found = rows(
        tx,
        """SELECT c.id, c.channel, t.id AS contact_id, t.name AS contact_name, coalesce(t.phone, '') AS phone,
                  coalesce(t.email, '') AS email, t.language, t.crm,
                  (SELECT min(seq) FROM messages m WHERE m.conversation_id = c.id AND m.direction = 'in') AS first_seq
           FROM conversations c JOIN contacts t ON t.id = c.contact_id WHERE c.id = ANY(%(ids)s::uuid[])""",
        ids=list({turn.conversation_id for turn in turns}),
    )
    by_id = {row["id"]: row for row in found}
    tags = tags_at(tx, [(by_id[turn.conversation_id]["contact_id"], turn.at) for turn in turns])
    return [
        record(
            Heard,
            {
                **by_id[turn.conversation_id],
                "turn": turn,
                "first_contact": first >= turn.first_seq,
                "crm": with_tags(by_id[turn.conversation_id]["crm"], then),
            },
        )
        for turn, then in zip(turns, tags, strict=True)
        if (first := by_id[turn.conversation_id]["first_seq"]) is not None
    ]


def with_tags(crm: Mapping[str, Any], tags: tuple[str, ...] | None) -> Mapping[str, Any]:
    """What the CRM knows of a contact, with other tags; None leaves them."""
    return crm if tags is None else {**crm, "tags": list(tags)}
