"""A person answers with a template that WhatsApp approved: the way to write where free text is not taken any more."""

from __future__ import annotations

from uuid import UUID

from flows import actions
from flows.actions import ActionRefused
from nodes.contract import NodeFailed
from nodes.effects import SendMessage
from nodes.message_template import MessageTemplate, filled


def reply_with_template(
    workspace: UUID, conversation_id: UUID, user_id: UUID, template: MessageTemplate, key: str
) -> UUID:
    """Like `actions.reply`, with a template as its text. On other channels than WhatsApp it goes as a plain text.

    Returns the message's id. Raises ActionRefused, also for a blank that is not filled in.
    """
    try:
        made = filled(template)
    except NodeFailed as empty:
        raise ActionRefused(str(empty)) from empty
    message = SendMessage(text=made.text, template=made)
    return actions.send(workspace, conversation_id, user_id, message, key)
