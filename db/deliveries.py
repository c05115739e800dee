"""Performing what stands in the outbox: claims under a lease, and how each effect ended, as far as anyone can know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import Row, one, rows, run
from db.live import publish
from db.messages import STATE_RANK, preview
from db.outbox import OutboxRow


def claim(tx: Session, owner: str, lease_seconds: float, limit: int) -> list[OutboxRow]:
    """Lease due effects, at most one per order key and none that has an older open one before it (system transaction)."""
    claimed = rows(
        tx,
        """
        WITH due AS (
            SELECT id FROM outbox o
            WHERE state = 'pending' AND due_at <= now()
              AND NOT EXISTS (SELECT FROM outbox b WHERE b.order_key = o.order_key AND b.seq < o.seq
                              AND b.state IN ('pending', 'sending'))
            ORDER BY due_at, seq LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
        UPDATE outbox o
        SET state = 'sending', attempts = o.attempts + 1, lease_owner = %(owner)s, sending_since = clock_timestamp(),
            lease_until = now() + make_interval(secs => %(lease)s)
        FROM due WHERE o.id = due.id
        RETURNING o.*
        """,
        owner=owner,
        lease=lease_seconds,
        limit=limit,
    )
    return [_row(r) for r in sorted(claimed, key=lambda r: int(r["seq"]))]


def pens(tx: Session, conversation_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Who holds the pen of these conversations, locked against a change until this transaction ends.

    A take-over waits for the lock, and then sees what this transaction has marked as `sending`.
    """
    found = rows(
        tx,
        """SELECT c.id, c.owner, c.owner_epoch, c.handed_over_by, c.ai_enabled, c.channel, c.address, c.last_inbound_at, t.opted_out_at
           FROM conversations c JOIN contacts t ON t.id = c.contact_id
           WHERE c.id = ANY(%(ids)s) ORDER BY c.id FOR SHARE OF c""",
        ids=list(conversation_ids),
    )
    return {r["id"]: r for r in found}


def cancel_parts(tx: Session, row: OutboxRow, why: str) -> list[UUID]:
    """The further parts of the text that this effect begins are not sent; returns their messages."""
    # They were put in line in one transaction, under the same key and a number.
    parts = rows(
        tx,
        """UPDATE outbox o SET state = 'cancelled', settled_at = now(), error_code = 'not_sent', error = %(why)s
           FROM outbox f WHERE f.id = %(id)s AND o.conversation_id = f.conversation_id AND o.state = 'pending'
             AND o.created_at = f.created_at AND starts_with(o.idempotency_key, f.idempotency_key || '.')
             AND substr(o.idempotency_key, length(f.idempotency_key) + 2) ~ '^[0-9]+$'
           RETURNING o.message_id""",
        id=row.id,
        why=why,
    )
    return [part["message_id"] for part in parts]


def say_instead(tx: Session, row: OutboxRow, effect: Mapping[str, Any], explanation: Mapping[str, Any]) -> None:
    """Another text and other files leave than those that were put in line: the thread shows what the customer gets."""
    run(
        tx,
        """
        WITH lined AS (UPDATE outbox SET effect = %(effect)s WHERE id = %(id)s RETURNING message_id),
        said AS (
            UPDATE messages m SET content = %(text)s, media = %(media)s, updated_at = now(),
                metadata = m.metadata || jsonb_build_object('explanation',
                    coalesce(m.metadata -> 'explanation', '{}'::jsonb) || %(explanation)s)
            FROM lined WHERE m.id = lined.message_id RETURNING m.conversation_id, m.seq)
        UPDATE conversations c SET last_message_preview = %(preview)s
        FROM (SELECT k.id FROM said JOIN conversations k ON k.id = said.conversation_id
              WHERE NOT EXISTS (SELECT FROM messages n WHERE n.conversation_id = k.id AND n.seq > said.seq
                                AND n.direction <> 'note' AND n.state <> 'cancelled')
              -- Another worker may hold it with `pens`: two that wait for each other would be worse than an old preview.
              FOR NO KEY UPDATE OF k SKIP LOCKED) newest
        WHERE c.id = newest.id
        """,
        id=row.id,
        effect=Jsonb(effect),
        text=effect["text"],
        media=Jsonb(list(effect["media"])),
        explanation=Jsonb(explanation),
        preview=preview(effect["text"], effect["media"]),
    )


def settle(
    tx: Session,
    outbox_id: UUID,
    owner: str,
    state: Literal["done", "failed", "cancelled", "unknown"],
    *,
    provider_message_id: str | None = None,
    error_code: str = "",
    error: str = "",
) -> bool:
    """Write down how an effect ended. False = the lease was lost meanwhile, somebody else judges it."""
    return bool(
        run(
            tx,
            """UPDATE outbox SET state = %(state)s, provider_message_id = coalesce(%(pid)s, provider_message_id),
                   error_code = %(code)s, error = %(error)s, settled_at = now(), lease_until = NULL
               WHERE id = %(id)s AND state = 'sending' AND lease_owner = %(owner)s""",
            id=outbox_id,
            owner=owner,
            state=state,
            pid=provider_message_id,
            code=error_code,
            error=error[:1000],
        )
    )


def settle_message(
    tx: Session,
    row: OutboxRow,
    owner: str,
    state: Literal["done", "failed", "cancelled", "unknown"],
    message_state: str,
    *,
    provider_message_id: str | None = None,
    error_code: str = "",
    error: str = "",
) -> bool:
    """Like `settle`, and the message of the effect moves forward in the same statement."""
    settled = one(
        tx,
        _SETTLE_MESSAGE,
        id=row.id,
        owner=owner,
        state=state,
        message_state=message_state,
        rank=STATE_RANK[message_state],
        ranks=Jsonb(STATE_RANK),
        pid=provider_message_id,
        code=error_code,
        error=error[:1000],
    )
    if settled is None:
        return False
    if settled["conversation_id"] is not None:
        publish(
            tx,
            row.workspace_id,
            "message",
            conversation=settled["conversation_id"],
            message=row.message_id,
            state=message_state,
        )
    return True


_SETTLE_MESSAGE = """
    WITH settled AS (
        UPDATE outbox SET state = %(state)s, provider_message_id = coalesce(%(pid)s, provider_message_id),
            error_code = %(code)s, error = %(error)s, settled_at = now(), lease_until = NULL
        WHERE id = %(id)s AND state = 'sending' AND lease_owner = %(owner)s
        RETURNING message_id),
    moved AS (
        UPDATE messages m SET state = %(message_state)s, updated_at = now(), error_code = %(code)s, error = %(error)s,
            provider_message_id = coalesce(%(pid)s, provider_message_id),
            sent_at = CASE WHEN %(rank)s >= 3 AND %(rank)s <> 4 THEN coalesce(sent_at, now()) ELSE sent_at END
        FROM settled
        WHERE m.id = settled.message_id AND coalesce((%(ranks)s::jsonb ->> m.state)::int, -1) < %(rank)s
        RETURNING m.conversation_id)
    SELECT moved.conversation_id FROM settled LEFT JOIN moved ON true
"""


def settle_known(
    tx: Session, outbox_id: UUID, state: Literal["done", "failed"], provider_message_id: str | None
) -> bool:
    """A receipt or a look-up says what became of an effect whose outcome was unknown (or is still on its way)."""
    return bool(
        run(
            tx,
            """UPDATE outbox SET state = %(state)s, provider_message_id = coalesce(%(pid)s, provider_message_id), settled_at = now(),
                   lease_until = NULL
               WHERE id = %(id)s AND state IN ('unknown', 'sending')""",
            id=outbox_id,
            state=state,
            pid=provider_message_id,
        )
    )


def put_off(tx: Session, outbox_id: UUID, owner: str, seconds: float, error: str, *, counted: bool) -> bool:
    """Try again later; a provider that asked to wait is not counted as an attempt."""
    return bool(
        run(
            tx,
            """UPDATE outbox SET state = 'pending', due_at = now() + make_interval(secs => %(seconds)s), error = %(error)s,
                   lease_until = NULL, attempts = CASE WHEN %(counted)s THEN attempts ELSE attempts - 1 END
               WHERE id = %(id)s AND state = 'sending' AND lease_owner = %(owner)s""",
            id=outbox_id,
            owner=owner,
            seconds=seconds,
            error=error[:1000],
            counted=counted,
        )
    )


def send_again(tx: Session, outbox_id: UUID) -> bool:
    """The provider certainly does not have it: an unknown effect goes back in line."""
    return bool(
        run(
            tx,
            "UPDATE outbox SET state = 'pending', due_at = now(), settled_at = NULL WHERE id = %(id)s AND state = 'unknown'",
            id=outbox_id,
        )
    )


def expired(tx: Session, limit: int) -> list[OutboxRow]:
    """Effects whose worker died while it performed them; locked for this transaction (system transaction)."""
    found = rows(
        tx,
        """SELECT * FROM outbox WHERE state = 'sending' AND lease_until < now()
           ORDER BY seq LIMIT %(limit)s FOR UPDATE SKIP LOCKED""",
        limit=limit,
    )
    return [_row(r) for r in found]


def give_up_lease(tx: Session, row: OutboxRow, state: Literal["pending", "unknown"], error: str) -> None:
    """What becomes of an effect whose worker died: a repeatable one is due again, a message is unknown."""
    run(
        tx,
        """UPDATE outbox SET state = %(state)s, error = %(error)s, lease_until = NULL, due_at = now()
           WHERE id = %(id)s AND state = 'sending'""",
        id=row.id,
        state=state,
        error=error,
    )


def to_reconcile(tx: Session, older_than_seconds: float, limit: int) -> list[OutboxRow]:
    """Unknown messages that are old enough to ask the provider about; asked again each minute for a day (system transaction)."""
    found = rows(
        tx,
        """UPDATE outbox o SET due_at = now() + interval '1 minute'
           FROM (SELECT id FROM outbox WHERE state = 'unknown' AND due_at <= now()
                   AND sending_since < now() - make_interval(secs => %(age)s) AND sending_since > now() - interval '1 day'
                 ORDER BY sending_since LIMIT %(limit)s FOR UPDATE SKIP LOCKED) d
           WHERE o.id = d.id RETURNING o.*""",
        age=older_than_seconds,
        limit=limit,
    )
    return [_row(r) for r in found]


def release(tx: Session, owner: str, outbox_ids: Sequence[UUID]) -> int:
    """Give back effects that were claimed and certainly not begun."""
    return run(
        tx,
        """UPDATE outbox SET state = 'pending', lease_until = NULL, attempts = attempts - 1
           WHERE state = 'sending' AND lease_owner = %(owner)s AND id = ANY(%(ids)s)""",
        owner=owner,
        ids=list(outbox_ids),
    )


def on_its_way(tx: Session, conversation_id: UUID, before_epoch: int) -> bool:
    """Something of an older epoch is being sent in this conversation right now."""
    return bool(
        rows(
            tx,
            """SELECT FROM outbox WHERE conversation_id = %(id)s AND state = 'sending' AND author <> 'human'
                 AND epoch < %(epoch)s LIMIT 1""",
            id=conversation_id,
            epoch=before_epoch,
        )
    )


def _row(found: Row) -> OutboxRow:
    return OutboxRow(**{name: found[name] for name in OutboxRow.__dataclass_fields__})
