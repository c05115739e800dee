"""The outbox: effects that wait to be performed, in order per conversation, each once (db.deliveries performs them)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.conversations import ConversationRow
from db.engine import one, run
from db.live import publish, ring
from db.messages import preview

MAX_ATTEMPTS = 3
BACKOFF_SECONDS = (2, 15)  # before the second and the third attempt
# What changes the CRM is tried for a day: nobody waits for it, and a CRM that is away comes back. Then half an hour each.
CRM_ORDER = "crm:"  # how the order keys of these effects begin
CRM_BACKOFF_SECONDS = (2, 4, 8, 16, 60, 120, 300, 600, 900)
CRM_LONGEST_PAUSE_SECONDS = 1800
CRM_MAX_ATTEMPTS = 57


@dataclass(frozen=True)
class OutboxRow:
    """A claimed effect with the facts that decide whether it may still leave."""

    id: UUID
    workspace_id: UUID
    conversation_id: UUID | None
    connection_id: UUID | None
    message_id: UUID | None
    run_id: UUID | None
    author: Literal["ai", "human", "system"]
    epoch: int | None
    effect: Mapping[str, Any]
    attempts: int
    sending_since: datetime
    order_key: str

    @property
    def is_crm(self) -> bool:
        """Whether it changes the CRM: whoever performs it again looks there first."""
        return self.order_key.startswith(CRM_ORDER)

    def pause_seconds(self) -> float | None:
        """Before the next attempt; None = there is none any more."""
        if self.is_crm:
            if self.attempts >= CRM_MAX_ATTEMPTS:
                return None
            return (*CRM_BACKOFF_SECONDS, CRM_LONGEST_PAUSE_SECONDS)[min(self.attempts - 1, len(CRM_BACKOFF_SECONDS))]
        if self.attempts >= MAX_ATTEMPTS:
            return None
        return BACKOFF_SECONDS[min(self.attempts, len(BACKOFF_SECONDS)) - 1]


def add(
    tx: Session,
    *,
    workspace: UUID,
    idempotency_key: str,
    order_key: str,
    effect: Mapping[str, Any],
    author: Literal["ai", "human", "system"],
    conversation_id: UUID | None = None,
    connection_id: UUID | None = None,
    message_id: UUID | None = None,
    run_id: UUID | None = None,
    epoch: int | None = None,
    not_before: datetime | None = None,
) -> None:
    """Put an effect in line and wake the workers. Raises IntegrityError where the key is there already."""
    run(
        tx,
        """
        INSERT INTO outbox (workspace_id, idempotency_key, order_key, conversation_id, connection_id, message_id, run_id,
                            author, epoch, effect, due_at)
        VALUES (%(workspace)s, %(key)s, %(order)s, %(conversation)s, %(connection)s, %(message)s, %(run)s, %(author)s,
                %(epoch)s, %(effect)s, coalesce(%(not_before)s::timestamptz, now()))
        """,
        workspace=workspace,
        key=idempotency_key,
        order=order_key,
        conversation=conversation_id,
        connection=connection_id,
        message=message_id,
        run=run_id,
        author=author,
        epoch=epoch,
        effect=Jsonb(effect),
        not_before=not_before,
    )
    ring(tx, "outbox")


def say(
    tx: Session,
    conversation: ConversationRow,
    author: Literal["ai", "human", "system"],
    effect: Mapping[str, Any],
    idempotency_key: str,
    *,
    answers_up_to: int,
    explanation: Mapping[str, Any] | None = None,
    user_id: UUID | None = None,
    run_id: UUID | None = None,
    step_id: str = "",
    epoch: int | None = None,
) -> UUID:
    """A message to the customer: its row `pending` in the thread and its effect in line, in one statement.

    `answers_up_to` is the messages.seq that the customer has an answer to with this. Returns the message's id.
    """
    media = effect.get("media", ())
    kept = one(
        tx,
        _SAY,
        workspace=conversation.workspace_id,
        conversation=conversation.id,
        connection=conversation.connection_id,
        author=author,
        user=user_id,
        text=effect["text"],
        media=Jsonb(list(media)),
        metadata=Jsonb({"explanation": explanation} if explanation else {}),
        run=run_id,
        step=step_id,
        preview=preview(effect["text"], media),
        seq=answers_up_to,
        key=idempotency_key,
        epoch=epoch,
        effect=Jsonb(effect),
    )
    assert kept is not None
    ring(tx, "outbox")
    publish(tx, conversation.workspace_id, "message", conversation=conversation.id, message=kept["id"])
    message_id: UUID = kept["id"]
    return message_id


_SAY = """
    WITH touched AS (
        UPDATE conversations SET last_message_at = now(), last_message_preview = %(preview)s,
            answered_seq = greatest(answered_seq, %(seq)s),
            last_ai_reply_at = CASE WHEN %(author)s = 'ai' THEN now() ELSE last_ai_reply_at END
        WHERE id = %(conversation)s),
    kept AS (
        INSERT INTO messages (workspace_id, conversation_id, connection_id, direction, author, author_user_id, content, media,
                              metadata, state, run_id, step_id)
        VALUES (%(workspace)s, %(conversation)s, %(connection)s, 'out', %(author)s, %(user)s, %(text)s, %(media)s,
                %(metadata)s, 'pending', %(run)s, %(step)s)
        RETURNING id),
    lined AS (
        INSERT INTO outbox (workspace_id, idempotency_key, order_key, conversation_id, connection_id, message_id, run_id, author,
                            epoch, effect)
        SELECT %(workspace)s, %(key)s, %(conversation)s::text, %(conversation)s, %(connection)s, kept.id, %(run)s, %(author)s,
               %(epoch)s, %(effect)s FROM kept
        RETURNING id)
    SELECT kept.id FROM kept, lined
"""


def message_of(tx: Session, idempotency_key: str) -> UUID | None:
    """The message that an earlier call with the same key made."""
    found = one(tx, "SELECT message_id FROM outbox WHERE idempotency_key = %(key)s", key=idempotency_key)
    return found["message_id"] if found else None
