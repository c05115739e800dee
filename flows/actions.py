"""What a person does: take over, reply, give back, switch the AI, and work on handoffs. Pages and REST call these."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from db import audit, conversations, deliveries, handoffs, messages, outbox
from db.conversations import ConversationRow
from db.engine import one, transaction
from flows import conversation_events
from flows.commit import hand_over, longest, pieces
from flows.free_text import as_it_leaves
from flows.timing import lease_seconds
from nodes.effects import OpenHandoff, Priority, ReasonCode, SendMessage

MOST_TEXT = 20_000  # characters of one reply; channels cut it further
POLL_SECONDS = 0.02


class ActionRefused(Exception):
    """It cannot be done; the message is the sentence to show."""


def take_over(workspace: UUID, conversation_id: UUID, user_id: UUID) -> None:
    """Give the pen to a person.

    Returns only when nothing of the AI is on its way in this conversation any more: what the customer gets from here on is the
    person's. Takes as long as a message that is being handed to the provider right now, in the worst case its lease.
    """
    with _changing(workspace, conversation_id) as (tx, conversation):
        moved = _take(tx, conversation, user_id)
    _wait_until_quiet(workspace, conversation_id, moved.owner_epoch)


def reply(workspace: UUID, conversation_id: UUID, user_id: UUID, text: str, key: str) -> UUID:
    """Write to the customer as a person, which takes the pen. `key` is made by the page: the same key sends once.

    Returns the message's id. Raises ActionRefused for an empty or endless text.
    """
    text = text.strip()
    if not text:
        raise ActionRefused("Write something first: an empty message is not sent.")
    if len(text) > MOST_TEXT:
        raise ActionRefused(f"The message is too long ({len(text)} characters). Keep it under {MOST_TEXT}.")
    return send(workspace, conversation_id, user_id, SendMessage(text=text), key)


def send(workspace: UUID, conversation_id: UUID, user_id: UUID, message: SendMessage, key: str) -> UUID:
    """Put what a person says in line, once per key, and give the person the pen; returns the message's id."""
    try:
        with _changing(workspace, conversation_id) as (tx, conversation):
            sent_before = outbox.message_of(tx, f"user:{key}")
            if sent_before is not None:
                return sent_before
            if conversation.owner != "human" or conversation.assignee_id != user_id:
                conversation = _take(tx, conversation, user_id)
            return _say(tx, conversation, user_id, message, key)
    except IntegrityError:
        with transaction(workspace) as tx:
            sent_before = outbox.message_of(tx, f"user:{key}")
        if sent_before is None:
            raise
        return sent_before


def give_back(workspace: UUID, conversation_id: UUID, user_id: UUID | None, note: str = "") -> None:
    """Return the pen to the AI, with a marker so that it neither stays silent nor repeats the old request for a person."""
    with _changing(workspace, conversation_id) as (tx, conversation):
        _give_back(tx, conversation, user_id, note)


def set_ai(workspace: UUID, conversation_id: UUID, user_id: UUID | None, enabled: bool) -> None:
    """The AI switch of a conversation. Switching off returns only when nothing of the AI is on its way any more."""
    with _changing(workspace, conversation_id) as (tx, conversation):
        conversations.set_ai(tx, conversation, enabled)
        messages.record_note(
            tx, conversation, f"{_name(tx, user_id)} switched the AI {'on' if enabled else 'off'}.", user_id
        )
        audit.record(
            tx, workspace, _actor(user_id), "conversation.ai", f"conversation:{conversation_id}", enabled=enabled
        )
        epoch = conversation.owner_epoch + 1
    if not enabled:
        _wait_until_quiet(workspace, conversation_id, epoch)


def set_crm_copy(workspace: UUID, conversation_id: UUID, user_id: UUID | None, enabled: bool) -> None:
    """The switch of a conversation for the CRM: whether what is said from now on is copied there."""
    with _changing(workspace, conversation_id) as (tx, conversation):
        conversations.set_crm_copy(tx, conversation, enabled)
        told = f"{_name(tx, user_id)} switched copying to the CRM {'on' if enabled else 'off'}."
        messages.record_note(tx, conversation, told, user_id)
        audit.record(
            tx, workspace, _actor(user_id), "conversation.crm_copy", f"conversation:{conversation_id}", enabled=enabled
        )


def create_handoff(
    workspace: UUID,
    conversation_id: UUID,
    actor: str,
    reason_code: ReasonCode,
    reason: str,
    priority: Priority = "normal",
    summary: str = "",
) -> UUID:
    """Ask for a person in a conversation; returns the open handoff's id, also where there was one already."""
    request = OpenHandoff(reason_code=reason_code, reason=reason, summary=summary, priority=priority)
    with _changing(workspace, conversation_id) as (tx, conversation):
        moved = hand_over(tx, conversation, actor, request)
        open_one = handoffs.of_conversation(tx, conversation_id)
        assert open_one is not None
        audit.record(tx, workspace, actor, "handoff.created", f"handoff:{open_one.id}", reason_code=reason_code)
    _wait_until_quiet(workspace, conversation_id, moved.owner_epoch)
    return open_one.id


def assign_handoff(workspace: UUID, handoff_id: UUID, user_id: UUID, actor: str) -> None:
    """Give an open handoff, and with it the pen, to a colleague."""
    with transaction(workspace) as tx:
        handoff = _open_handoff(tx, handoff_id)
        conversation = _conversation(tx, handoff.conversation_id)
        moved = _take(tx, conversation, user_id)
        audit.record(tx, workspace, actor, "handoff.assigned", f"handoff:{handoff_id}", user=str(user_id))
    _wait_until_quiet(workspace, conversation.id, moved.owner_epoch)


def resolve_handoff(
    workspace: UUID, handoff_id: UUID, actor: str, resolution: str = "", give_back: bool = True
) -> None:
    """Close a handoff; with `give_back` the AI answers again, otherwise the person keeps the pen."""
    with transaction(workspace) as tx:
        handoff = _open_handoff(tx, handoff_id)
        conversation = _conversation(tx, handoff.conversation_id)
        handoffs.resolve(tx, handoff, resolution)
        conversation_events.tell(tx, conversation, "handoff_resolved", str(handoff_id), resolution)
        if give_back:
            _give_back(tx, conversation, handoff.assignee_id, resolution)
        else:
            messages.record_note(tx, conversation, f"The request for a person is settled. {resolution}".strip())
        audit.record(tx, workspace, actor, "handoff.resolved", f"handoff:{handoff_id}", gave_back=give_back)


def mark_read(workspace: UUID, conversation_id: UUID, user_id: UUID | None = None) -> None:
    """Nothing in this conversation is unread any more."""
    with transaction(workspace) as tx:
        conversations.mark_read(tx, workspace, conversation_id)


def _take(tx: Session, conversation: ConversationRow, user_id: UUID) -> ConversationRow:
    name = colleague(tx, user_id)
    moved = conversations.move_pen(tx, conversation, "human", user_id)
    open_one = handoffs.of_conversation(tx, conversation.id)
    if open_one is not None:
        handoffs.assign(tx, open_one, user_id)
    messages.record_note(tx, conversation, f"{name} took over.", user_id)
    # What the customer wrote so far is the person's to answer.
    conversations.mark_answered(tx, conversation.id, messages.last_seq(tx, conversation.id))
    audit.record(
        tx, conversation.workspace_id, _actor(user_id), "conversation.taken_over", f"conversation:{conversation.id}"
    )
    conversation_events.tell(tx, moved, "taken_over", f"{conversation.id}:{moved.owner_epoch}")
    return moved


def _give_back(tx: Session, conversation: ConversationRow, user_id: UUID | None, note: str) -> None:
    if conversation.owner == "ai":
        raise ActionRefused("The AI has this conversation already.")
    name = _name(tx, user_id)
    open_one = handoffs.of_conversation(tx, conversation.id)
    if open_one is not None:
        handoffs.resolve(tx, open_one, note)
        conversation_events.tell(tx, conversation, "handoff_resolved", str(open_one.id), note)
    moved = conversations.move_pen(tx, conversation, "ai", None)
    seq = messages.record_note(
        tx, conversation, f"{name} gave the conversation back to the AI. {note}".strip(), user_id
    )
    told = f"A colleague ({name}) took over and gave back"
    conversations.remember_return(tx, conversation, f"{told}: {note.strip()}" if note.strip() else f"{told}.", seq)
    audit.record(
        tx, conversation.workspace_id, _actor(user_id), "conversation.given_back", f"conversation:{conversation.id}"
    )
    conversation_events.tell(tx, moved, "given_back", f"{conversation.id}:{moved.owner_epoch}", note)


def _say(tx: Session, conversation: ConversationRow, user_id: UUID, message: SendMessage, key: str) -> UUID:
    answers_up_to = messages.last_seq(tx, conversation.id)
    leaving = as_it_leaves(message, conversation.channel, conversation.last_inbound_at, datetime.now(UTC))
    said = [
        outbox.say(
            tx,
            conversation,
            "human",
            piece.model_dump(mode="json", exclude={"explanation"}),
            f"user:{key}" + (f".{part}" if part else ""),
            answers_up_to=answers_up_to,
            explanation=piece.explanation,
            user_id=user_id,
        )
        for part, piece in enumerate(pieces(leaving, longest(tx, conversation)))
    ]
    return said[0]


@contextmanager
def _changing(workspace: UUID, conversation_id: UUID) -> Iterator[tuple[Session, ConversationRow]]:
    with transaction(workspace) as tx:
        yield tx, _conversation(tx, conversation_id)


def _conversation(tx: Session, conversation_id: UUID) -> ConversationRow:
    conversation = conversations.get(tx, conversation_id, lock=True)
    if conversation is None:
        raise ActionRefused("This conversation does not exist in this workspace.")
    return conversation


def _open_handoff(tx: Session, handoff_id: UUID) -> handoffs.HandoffRow:
    handoff = handoffs.get(tx, handoff_id)
    if handoff is None:
        raise ActionRefused("This handoff does not exist in this workspace.")
    if handoff.state == "resolved":
        raise ActionRefused("This handoff is resolved already.")
    return handoff


def _wait_until_quiet(workspace: UUID, conversation_id: UUID, epoch: int) -> None:
    """Wait for the message that was being handed to the provider when the pen moved. A dead worker's lease bounds it."""
    until = time.monotonic() + lease_seconds() + 5
    while time.monotonic() < until:
        with transaction(workspace) as tx:
            if not deliveries.on_its_way(tx, conversation_id, epoch):
                return
        time.sleep(POLL_SECONDS)


def _name(tx: Session, user_id: UUID | None) -> str:
    found = one(tx, "SELECT name FROM users WHERE id = %(id)s", id=user_id) if user_id else None
    return str(found["name"]) if found else "A colleague"


def colleague(tx: Session, user_id: UUID) -> str:
    """The name of somebody who may answer here; foreign keys do not know of workspaces, so this is where a stranger is refused."""
    found = one(
        tx,
        """SELECT u.name FROM users u JOIN memberships m ON m.user_id = u.id
           WHERE u.id = %(id)s AND m.role IN ('agent', 'builder', 'admin')""",
        id=user_id,
    )
    if found is None:
        raise ActionRefused("This person may not answer customers here. Add them to the workspace as an agent first.")
    return str(found["name"])


def _actor(user_id: UUID | None) -> str:
    return f"user:{user_id}" if user_id else "system"
