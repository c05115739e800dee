"""A message that was typed in the CRM leaves by the customer's own channel, once, and takes the pen."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from db import audit, conversations, crm_messages, handoffs, messages, outbox
from db.conversations import ConversationRow
from db.records import Contact
from flows import conversation_events, occasions
from flows.commit import longest, pieces
from nodes.clients.channel import OutgoingTyped
from nodes.effects import Media, SendMessage

NO_MAIL = "Frontdesk sends no e-mails from the CRM's inbox. Choose SMS or WhatsApp there."
NOTHING = "The message has neither a text nor a file."
NO_WAY = "Frontdesk has no conversation with this contact and no number to write to."


def send_typed(tx: Session, workspace: UUID, connection_id: UUID, contact: Contact | None, typed: OutgoingTyped) -> str:
    """Put it in line; returns a note. What cannot be sent, the CRM is told of. The CRM's id of the message counts once."""
    if not crm_messages.claim_typed(tx, workspace, typed.crm_message_id):
        return "Ignored: this message is here already."
    conversation = None
    if contact is not None and not typed.is_email:
        found = conversations.newest_of(tx, contact.id) or occasions.by_phone(tx, workspace, contact.id)
        conversation = conversations.get(tx, found.id, lock=True) if found else None
    problem = NO_MAIL if typed.is_email else NOTHING if not (typed.text or typed.media) else ""
    if problem or conversation is None:
        crm_messages.refuse_later(tx, workspace, typed.crm_message_id, problem or NO_WAY, connection_id)
        return f"Not sent: {problem or NO_WAY}"
    by_person = bool(typed.user_id)
    if by_person:
        conversation = take_pen(tx, conversation, "A colleague wrote in GoHighLevel.")
    _say(tx, conversation, typed, by_person=by_person)
    return ""


def take_pen(tx: Session, conversation: ConversationRow, why: str) -> ConversationRow:
    """A person writes from the CRM: from here on nothing of the AI leaves, until somebody gives the conversation back.

    Who writes there is mostly no member here, so the conversation has no assignee; an assigned handoff says that it waits for
    nobody. A colleague who has the conversation already keeps it.
    """
    conversations.mark_answered(tx, conversation.id, messages.last_seq(tx, conversation.id))
    request = handoffs.of_conversation(tx, conversation.id)
    if conversation.owner == "human" and (request.state == "assigned" if request else conversation.assignee_id):
        return conversation
    moved = conversations.move_pen(tx, conversation, "human", None)
    if request is None:
        handoffs.open_one(tx, moved, "crm", "taken_over", why)
        request = handoffs.of_conversation(tx, conversation.id)
    assert request is not None
    handoffs.assign(tx, request, None)
    messages.record_note(tx, conversation, f"{why} The AI keeps still until the conversation is given back.")
    subject = f"conversation:{conversation.id}"
    audit.record(tx, conversation.workspace_id, "system", "conversation.taken_over", subject, by="crm")
    conversation_events.tell(tx, moved, "taken_over", f"{conversation.id}:{moved.owner_epoch}")
    return moved


def _say(tx: Session, conversation: ConversationRow, typed: OutgoingTyped, *, by_person: bool) -> None:
    """A workflow of the CRM is no person: what it sends keeps to a stop word."""
    wanted = SendMessage(text=typed.text, media=tuple(Media(url=each.url) for each in typed.media))
    answers_up_to = messages.last_seq(tx, conversation.id) if by_person else 0
    for part, piece in enumerate(pieces(wanted, longest(tx, conversation)), start=1):
        suffix = f"{crm_messages.PIECE}{part}" if part > 1 else ""
        message_id = outbox.say(
            tx,
            conversation,
            "human" if by_person else "system",
            piece.model_dump(mode="json", exclude={"explanation"}),
            f"crm:{typed.crm_message_id}{suffix}",
            answers_up_to=answers_up_to,
        )
        crm_messages.name_typed(tx, conversation.workspace_id, f"{typed.crm_message_id}{suffix}", message_id)
