"""What of a message leaves at the moment it is taken out of the line: its text, or the template that stood by for it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from db import deliveries, live, messages
from db.engine import Row
from db.outbox import OutboxRow
from flows import crm_sync
from flows.free_text import as_it_leaves, is_taken, leaves_as_template
from nodes.clients.channel import OutgoingTemplate
from nodes.effects import SendMessage

log = logging.getLogger(__name__)

INSTEAD = "Not sent: the approved template went out instead of the whole text."


def last_form(tx: Session, row: OutboxRow, pen: Row, now: datetime) -> OutboxRow | None:
    """The effect as it leaves now; None where free text is not taken and no template stands by.

    Where the template takes the text's place, thread and outbox say so from this transaction on.
    """
    if row.effect.get("template"):
        waiting = SendMessage.model_validate(row.effect)
        leaving = as_it_leaves(waiting, pen["channel"], pen["last_inbound_at"], now)
        if leaves_as_template(leaving):
            return row if waiting.text == leaving.text else _turned(tx, row, leaving)
    return row if is_taken(pen["channel"], pen["last_inbound_at"], now) else None


def template_of(row: OutboxRow) -> OutgoingTemplate | None:
    """The template that leaves with an effect; None where its text does."""
    template = row.effect.get("template")
    if not template or template["text"] != row.effect["text"]:
        return None
    return OutgoingTemplate(template["id"], template["variables"])


def _turned(tx: Session, row: OutboxRow, leaving: SendMessage) -> OutboxRow:
    effect = leaving.model_dump(mode="json", exclude={"explanation"})
    for part in deliveries.cancel_parts(tx, row, INSTEAD):
        messages.advance_state(tx, part, "cancelled", error_code="not_sent", error=INSTEAD)
        crm_sync.moved(tx, row.workspace_id, part, "cancelled", INSTEAD)
    deliveries.say_instead(tx, row, effect, leaving.explanation)
    live.publish(tx, row.workspace_id, "message", conversation=row.conversation_id, message=row.message_id)
    log.info("A template leaves instead of a text", extra={"action": "delivery.template", "outbox": str(row.id)})
    return replace(row, effect=effect)
