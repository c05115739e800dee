"""A person answers with a template that WhatsApp approved: the way to write where free text is not taken any more."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flows import actions, message_templates
from flows.actions import ActionRefused
from nodes.clients.twilio_content import APPROVED
from nodes.contract import NodeFailed
from nodes.effects import SendMessage
from nodes.message_template import Blank, MessageTemplate, filled


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


def template_with(workspace: UUID, template_id: str, values: Mapping[str, str]) -> MessageTemplate:
    """An offered template with its blanks filled. Raises ActionRefused for one that cannot be sent, or a name that is no blank."""
    offered = [each.template for each in message_templates.whatsapp(workspace) if each.template.id == template_id]
    if not offered:
        gone = f"The template {template_id} does not exist at a connected Twilio account."
        raise ActionRefused(message_templates.unanswered(workspace) or gone)
    [template, *_] = offered
    if template.approval != APPROVED:
        raise ActionRefused(f"WhatsApp has not approved the template '{template.name}': it is {template.approval}.")
    unknown = sorted(set(values) - set(template.blanks))
    if unknown:
        raise ActionRefused(
            f"The template '{template.name}' has no blank '{unknown[0]}'. It has: {', '.join(template.blanks) or 'none'}."
        )
    blanks = [Blank(name=name, value=values.get(name, "")) for name in template.blanks]
    return message_templates.chosen(template).model_copy(update={"blanks": blanks})
