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
    """What belongs to the contact."""

    contact: UUID
    wanted: Wanted
    conversations: list[UUID]
    runs: list[UUID]
    flow_runs: tuple[UUID, ...]


def forget(tx: Session, workspace: UUID, contact: UUID) -> Forgotten | None:
    """Delete a contact and all that is personal; None where there is no such contact. Raises ContactBusy.

    A later message from the same address begins a new contact.
    """
    found = one(tx, "SELECT phone, email, ghl_contact_id FROM contacts WHERE id = %(id)s FOR UPDATE", id=contact)
    if found is None:
        return None
    scope = _scope(tx, contact, found)
    outbox, events = _outbox(tx, scope), _events(tx, scope)
    _check_quiet(tx, outbox=outbox, runs=scope.runs, events_queue=events)
    messages = one(tx, "SELECT count(*) AS n FROM messages WHERE conversation_id = ANY(%(c)s)", c=scope.conversations)
    assert messages is not None
    _delete(tx, scope, outbox, events)
    for conversation in scope.conversations:
        publish(tx, workspace, "conversation", conversation=conversation)
    return Forgotten(
        conversations=len(scope.conversations),
        messages=int(messages["n"]),
        runs=len(scope.runs),
        arrivals=len(events),
        effects=len(outbox),
        addresses=scope.wanted.addresses,
        flow_runs=scope.flow_runs,
    )


def counters(tx: Session, addresses: Sequence[str]) -> int:
    """Delete the rate counters that carry an address in their name. Needs a `system()` transaction."""
    return run(
        tx,
        "DELETE FROM limits l USING unnest(%(addresses)s::text[]) a WHERE right(l.key, length(a) + 1) = ':' || a",
        addresses=list(addresses),
    )


def _scope(tx: Session, contact: UUID, found: Row) -> _Scope:
    """The conversations are locked: nobody writes in them, and nobody takes up what waits in them, until the end."""
    conversations = rows(
        tx, "SELECT id, address FROM conversations WHERE contact_id = %(id)s ORDER BY id FOR UPDATE", id=contact
    )
    identities = rows(tx, "SELECT address FROM identities WHERE contact_id = %(id)s", id=contact)
    columns = [value for value in found.values() if value]
    wanted = wanted_of([*columns, *(row["address"] for row in (*identities, *conversations))])
    ids = [row["id"] for row in conversations]
    runs = _runs(tx, contact, ids, wanted)
    flow_runs = dict.fromkeys(row["prefect_run_id"] for row in runs if row["prefect_run_id"])
    return _Scope(contact, wanted, ids, [row["id"] for row in runs], tuple(flow_runs))


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


def _outbox(tx: Session, scope: _Scope) -> list[UUID]:
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
        pattern=scope.wanted.pattern,
    )
    return [r["id"] for r in found]


def _events(tx: Session, scope: _Scope) -> list[UUID]:
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
        addresses=list(scope.wanted.addresses),
        pattern=scope.wanted.pattern,
    )
    return [r["id"] for r in found]


# Per table: the states in which a worker may take a row up, and the one in which it has.
_OPEN = {
    "outbox": (["pending", "sending"], "sending"),
    "runs": (["pending", "running", "waiting"], "running"),
    "events_queue": (["pending", "processing"], "processing"),
}


def _check_quiet(tx: Session, **ids_of: list[UUID]) -> None:
    """Lock what is open, so that no worker takes it up any more. Raises ContactBusy where one has it.

    Never waits for a lock: a worker that holds one may itself wait for the conversation, which is locked here.
    """
    for table, ids in ids_of.items():
        states, busy = _OPEN[table]
        look = f"SELECT state FROM {table} WHERE id = ANY(%(ids)s) AND state = ANY(%(states)s)"
        open_ones = rows(tx, look, ids=ids, states=states)
        locked = rows(tx, look + " FOR UPDATE SKIP LOCKED", ids=ids, states=states)
        if len(locked) < len(open_ones) or any(row["state"] == busy for row in locked):
            raise ContactBusy(
                "Something of this contact is being sent or answered right now. Nothing was removed; try again in a moment."
            )


def _delete(tx: Session, scope: _Scope, outbox: list[UUID], events: list[UUID]) -> None:
    """References that cascade do the rest: messages, handoffs, memory, steps, decisions, backtest results, identities."""
    run(tx, "DELETE FROM decisions WHERE run_id = ANY(%(ids)s)", ids=scope.runs)
    run(tx, "DELETE FROM outbox WHERE id = ANY(%(ids)s)", ids=outbox)
    run(tx, "DELETE FROM runs WHERE id = ANY(%(ids)s)", ids=scope.runs)
    run(tx, "DELETE FROM events_queue WHERE id = ANY(%(ids)s)", ids=events)
    run(tx, "DELETE FROM conversations WHERE id = ANY(%(ids)s)", ids=scope.conversations)
    run(tx, "DELETE FROM contacts WHERE id = %(id)s", id=scope.contact)
    run(
        tx,
        """UPDATE contacts SET metadata = jsonb_set(metadata, '{possible_duplicates}', (metadata -> 'possible_duplicates') - %(id)s)
           WHERE jsonb_exists(metadata -> 'possible_duplicates', %(id)s)""",
        id=str(scope.contact),
    )
