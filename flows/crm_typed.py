"""A message that was typed in the CRM leaves by the customer's own channel, or is shown where the CRM sent it; it takes the pen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import audit, conversations, crm_contacts, crm_messages, handoffs, messages, outbox
from db.conversations import ConversationRow
from db.engine import one
from db.records import Contact
from flows import conversation_events, occasions
from flows.commit import longest, pieces
from nodes.clients.channel import CrmContact, OutgoingTyped
from nodes.effects import Media, SendMessage

NO_MAIL = "Frontdesk sends no e-mails from the CRM's inbox. Choose SMS or WhatsApp there."
NOTHING = "The message has neither a text nor a file."
NO_WAY = "Frontdesk has no conversation with this contact and no number to write to."


class CrmTooEarly(Exception):
    """The CRM tells of a message that may be a copy which is being written right now: the event is tried again in a moment."""


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


def show_sent_there(tx: Session, workspace: UUID, given: CrmContact, data: Mapping[str, Any], *, last_try: bool) -> str:
    """A person answered over a channel of the CRM's own: the line is shown here, and the AI keeps still. Returns a note.

    Raises CrmTooEarly while it may be a copy of ours that is being written, except at the `last_try`.
    """
    ours = crm_contacts.find(tx, workspace, given.id)
    conversation = conversations.newest_of(tx, ours.id) if ours else None
    if ours is None or conversation is None or not data["message_id"]:
        return "Ignored: there is no conversation with this contact here."
    if crm_messages.has_open(tx, ours.id, crm_messages.COPY) and not last_try:
        raise CrmTooEarly("A copy of ours is being written to the CRM right now.")
    if _is_ours(tx, ours.id, data["text"]):
        return "Ignored: it is the copy of a message from here."
    take_pen(tx, conversation, "A colleague answered in GoHighLevel.")
    media = [{"url": url} for url in data["media"]]
    marked = {crm_messages.SEEN: data["message_id"]}
    message_id = messages.record_sent_elsewhere(tx, conversation, data["text"], media, marked)
    crm_messages.link(tx, workspace, data["message_id"], message_id)
    return ""


def _is_ours(tx: Session, contact_id: UUID, text: str) -> bool:
    """Whether the same words left from here lately and their copy has not been linked yet."""
    found = one(
        tx,
        """SELECT FROM messages m JOIN conversations c ON c.id = m.conversation_id
           WHERE c.contact_id = %(contact)s AND m.direction = 'out' AND m.content = %(text)s
             AND m.created_at > now() - interval '1 hour'
             AND NOT EXISTS (SELECT FROM crm_messages x WHERE x.message_id = m.id) LIMIT 1""",
        contact=contact_id,
        text=text,
    )
    return found is not None


def take_pen(tx: Session, conversation: ConversationRow, why: str) -> ConversationRow:
    """A person writes from the CRM: from here on nothing of the AI leaves, until somebody gives the conversation back.

    A request for a person that waited is assigned, to nobody here: who writes there is mostly no member. A colleague who has the
    conversation already keeps it.
    """
    conversations.mark_answered(tx, conversation.id, messages.last_seq(tx, conversation.id))
    request = handoffs.of_conversation(tx, conversation.id)
    waits = request is not None and request.state == "pending"
    if conversation.owner == "human" and not waits:
        return conversation
    moved = conversations.move_pen(tx, conversation, "human", None)
    if request is not None and waits:
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
