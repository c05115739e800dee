"""What the customer is told about a booking: only after it ended, in the transaction that settles it, and never over a person's head."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlmodel import Session

from db import conversations, messages, outbox
from db.conversations import ConversationRow
from db.engine import one
from db.outbox import OutboxRow
from flows.commit import longest, pieces
from nodes.effects import BookAppointment, SendMessage

TAKEN = "The time was taken by somebody else before it could be booked."


def booked(row: OutboxRow, effect: BookAppointment, tx: Session) -> None:
    """The appointment stands in the calendar."""
    _say(tx, row, effect.when_booked, f"An appointment was booked for {_local(effect)}.")


def taken(row: OutboxRow, effect: BookAppointment, tx: Session) -> None:
    """The time was taken meanwhile, so nothing was booked."""
    _say(tx, row, effect.when_taken, f"The time {_local(effect)} was taken meanwhile, so nothing was booked.")


def _say(tx: Session, row: OutboxRow, text: str, note: str) -> None:
    """Put the message in line under the epoch of the run; a person who took over meanwhile reads a note instead."""
    if row.conversation_id is None:
        return
    conversation = conversations.get(tx, row.conversation_id, lock=True)
    told = one(tx, "SELECT epoch, last_seq FROM runs WHERE id = %(id)s", id=row.run_id)
    if conversation is None or told is None:
        return
    if not text.strip() or not _may_speak(tx, row, conversation, told["epoch"]):
        messages.record_note(tx, conversation, note)
        return
    for part, piece in enumerate(pieces(SendMessage(text=text), longest(tx, conversation))):
        key = f"{row.id}:told" + (f".{part}" if part else "")
        if outbox.message_of(tx, key) is not None:
            continue  # two workers performed it, because a lease had ended; the customer hears of it once
        outbox.say(
            tx,
            conversation,
            "ai",
            piece.model_dump(mode="json", exclude={"explanation"}),
            key,
            answers_up_to=told["last_seq"],
            run_id=row.run_id,
            epoch=told["epoch"],
        )


def _may_speak(tx: Session, row: OutboxRow, conversation: ConversationRow, epoch: int) -> bool:
    """Whether the run still has the word: nobody took over, or the run itself asked for a person and said this before."""
    found = one(tx, "SELECT handed_over_by FROM conversations WHERE id = %(id)s", id=conversation.id)
    last_words = found is not None and found["handed_over_by"] == row.run_id
    is_ours = conversation.owner == "ai" and conversation.ai_enabled and conversation.owner_epoch == epoch
    return is_ours or last_words


def _local(effect: BookAppointment) -> str:
    zone = ZoneInfo(effect.timezone or "UTC")
    return f"{effect.start.astimezone(zone):%A, %Y-%m-%d at %H:%M} ({zone.key})"
