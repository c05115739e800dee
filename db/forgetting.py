"""Forgetting a contact: everything that names the person or holds what was said goes, in the transaction of the caller.

What is being worked on at this moment is not torn away: then `ContactBusy` is raised and nothing has changed. What waits goes too.
Rows of other people that mention this one stay theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from db.addresses import Wanted, wanted_of
from db.engine import Row, one, rows, run
from db.live import publish


class ContactBusy(Exception):
    """A message, an answer or an arrival of the contact is being worked on right now. Try again in a moment."""


@dataclass(frozen=True)
class Forgotten:
    """How much went, and what is left to do outside of this transaction."""

    conversations: int
    messages: int
    runs: int
    arrivals: int
    effects: int
    addresses: tuple[str, ...]  # for `counters`
    flow_runs: tuple[UUID, ...]  # Prefect shows the person's name with these


@dataclass(frozen=True)
class _Scope:
    """What belongs to the contact, locked where it can still change."""

    contact: UUID
    conversations: list[UUID]
    runs: list[UUID]
    outbox: list[UUID]
    events: list[UUID]


def forget(tx: Session, workspace: UUID, contact: UUID) -> Forgotten | None:
    """Delete a contact and all that is personal; None where there is no such contact. Raises ContactBusy.

    A later message from the same address begins a new contact.
    """
    found = one(tx, "SELECT phone, email, ghl_contact_id FROM contacts WHERE id = %(id)s FOR UPDATE", id=contact)
    if found is None:
        return None
    conversations = rows(
        tx, "SELECT id, address FROM conversations WHERE contact_id = %(id)s ORDER BY id FOR UPDATE", id=contact
    )
    known = rows(tx, "SELECT kind, address FROM identities WHERE contact_id = %(id)s", id=contact)
    wanted = wanted_of([*_columns(found), *(r["address"] for r in known), *(r["address"] for r in conversations)])
    own_runs = _runs(tx, contact, [r["id"] for r in conversations], wanted)
    scope = _Scope(contact, [r["id"] for r in conversations], [r["id"] for r in own_runs], [], [])
    scope.outbox.extend(_outbox(tx, scope, wanted))
    scope.events.extend(_events(tx, scope, wanted))
    _check_quiet(tx, scope)
    messages = one(tx, "SELECT count(*) AS n FROM messages WHERE conversation_id = ANY(%(c)s)", c=scope.conversations)
    assert messages is not None
    _delete(tx, scope)
    for conversation in scope.conversations:
        publish(tx, workspace, "conversation", conversation=conversation)
    return Forgotten(
        conversations=len(scope.conversations),
        messages=int(messages["n"]),
        runs=len(scope.runs),
        arrivals=len(scope.events),
        effects=len(scope.outbox),
        addresses=wanted.addresses,
        flow_runs=tuple(dict.fromkeys(r["prefect_run_id"] for r in own_runs if r["prefect_run_id"])),
    )


def counters(tx: Session, addresses: Sequence[str]) -> int:
    """Delete the rate counters that carry an address in their name. Needs a `system()` transaction."""
    return run(
        tx,
        "DELETE FROM limits l USING unnest(%(addresses)s::text[]) a WHERE right(l.key, length(a) + 1) = ':' || a",
        addresses=list(addresses),
    )


def _columns(contact: Row) -> list[str]:
    return [contact[name] for name in ("phone", "email", "ghl_contact_id") if contact[name]]


def _runs(tx: Session, contact: UUID, conversations: list[UUID], wanted: Wanted) -> Sequence[Row]:
    """Runs with the person, and runs with nobody in particular whose occasion or steps name an address of theirs."""
    return rows(
        tx,
        """
        SELECT id, prefect_run_id FROM runs WHERE conversation_id = ANY(%(conversations)s) OR contact_id = %(contact)s
        UNION
        SELECT r.id, r.prefect_run_id FROM runs r
        WHERE r.conversation_id IS NULL AND r.contact_id IS NULL AND %(pattern)s <> '' AND (
            r.trigger::text ~* %(pattern)s OR EXISTS (
                SELECT FROM run_steps s WHERE s.run_id = r.id
                AND (s.input::text || s.output::text || s.effects::text || s.detail::text || s.note) ~* %(pattern)s))
        """,
        contact=contact,
        conversations=conversations,
        pattern=wanted.pattern,
    )


def _outbox(tx: Session, scope: _Scope, wanted: Wanted) -> list[UUID]:
    """Effects of the conversations and runs, changes of the contact in the CRM, and mails that name an address."""
    found = rows(
        tx,
        """
        SELECT id FROM outbox
        WHERE conversation_id = ANY(%(conversations)s) OR run_id = ANY(%(runs)s) OR order_key = %(crm)s
           OR (conversation_id IS NULL AND %(pattern)s <> '' AND effect::text ~* %(pattern)s)
        """,
        conversations=scope.conversations,
        runs=scope.runs,
        crm=f"crm:{scope.contact}",
        pattern=wanted.pattern,
    )
    return [r["id"] for r in found]


def _events(tx: Session, scope: _Scope, wanted: Wanted) -> list[UUID]:
    """Arrivals from the person, receipts of messages to them, and worked-off arrivals about them.

    An arrival that still waits and came from somebody else is never taken away, whatever it says; nor is one that became a message
    of somebody else.
    """
    found = rows(
        tx,
        """
        WITH lines AS (  -- the line (order_key) that arrivals from an address, and receipts of a message, stand in
            SELECT c.id::text || ':' || a AS line FROM connections c, unnest(%(addresses)s::text[]) a
            UNION
            SELECT connection_id::text || ':' || provider_message_id FROM messages
            WHERE conversation_id = ANY(%(conversations)s) AND direction = 'out' AND provider_message_id IS NOT NULL),
        linked AS (
            SELECT event_id AS id FROM runs WHERE id = ANY(%(runs)s)
            UNION
            SELECT d.event_id FROM decisions d JOIN messages m ON m.id = d.message_id
            WHERE m.conversation_id = ANY(%(conversations)s)
            UNION
            SELECT event_id FROM decisions WHERE run_id = ANY(%(runs)s))
        SELECT e.id FROM events_queue e
        WHERE e.id IN (SELECT id FROM linked) OR e.order_key IN (SELECT line FROM lines)
           OR (%(pattern)s <> '' AND split_part(e.order_key, ':', 2) ~* %(pattern)s AND e.type = 'webhook.call')
           OR (%(pattern)s <> '' AND e.state IN ('done', 'ignored', 'parked')
               AND e.payload::text || coalesce(encode(decode(e.payload ->> 'body_base64', 'base64'), 'escape'), '')
                   ~* %(pattern)s
               AND NOT EXISTS (SELECT FROM decisions d JOIN messages m ON m.id = d.message_id
                               WHERE d.event_id = e.id AND m.conversation_id <> ALL(%(conversations)s)))
        """,
        conversations=scope.conversations,
        runs=scope.runs,
        addresses=list(wanted.addresses),
        pattern=wanted.pattern,
    )
    return [r["id"] for r in found]


# Per table: the states in which somebody may be working on a row, and those in which somebody is.
_OPEN = {
    "outbox": (["pending", "sending"], ["sending"]),
    "runs": (["pending", "running", "waiting"], ["running"]),
    "events_queue": (["pending", "processing"], ["processing"]),
}


def _check_quiet(tx: Session, scope: _Scope) -> None:
    """Lock what is open, so that no worker takes it up any more. Raises ContactBusy where one has it.

    Never waits for a lock: a worker that holds one may itself wait for the conversation, which is locked here.
    """
    for table, ids in (("outbox", scope.outbox), ("runs", scope.runs), ("events_queue", scope.events)):
        may_change, changing = _OPEN[table]
        open_ones = rows(
            tx, f"SELECT id, state FROM {table} WHERE id = ANY(%(ids)s) AND state = ANY(%(s)s)", ids=ids, s=may_change
        )
        locked = rows(
            tx,
            f"SELECT id, state FROM {table} WHERE id = ANY(%(ids)s) AND state = ANY(%(s)s) FOR UPDATE SKIP LOCKED",
            ids=ids,
            s=may_change,
        )
        if any(r["state"] in changing for r in (*open_ones, *locked)) or len(locked) < len(open_ones):
            raise ContactBusy(
                "Something of this contact is being sent or answered right now. Nothing was removed; try again in a moment."
            )


def _delete(tx: Session, scope: _Scope) -> None:
    """References that cascade do the rest: messages, handoffs, memory, steps, decisions, backtest results, identities."""
    run(tx, "DELETE FROM decisions WHERE run_id = ANY(%(ids)s)", ids=scope.runs)
    run(tx, "DELETE FROM outbox WHERE id = ANY(%(ids)s)", ids=scope.outbox)
    run(tx, "DELETE FROM runs WHERE id = ANY(%(ids)s)", ids=scope.runs)
    run(tx, "DELETE FROM events_queue WHERE id = ANY(%(ids)s)", ids=scope.events)
    run(tx, "DELETE FROM conversations WHERE id = ANY(%(ids)s)", ids=scope.conversations)
    run(tx, "DELETE FROM contacts WHERE id = %(id)s", id=scope.contact)
    run(
        tx,
        """UPDATE contacts SET metadata = jsonb_set(metadata, '{possible_duplicates}', (metadata -> 'possible_duplicates') - %(id)s)
           WHERE jsonb_exists(metadata -> 'possible_duplicates', %(id)s)""",
        id=str(scope.contact),
    )
