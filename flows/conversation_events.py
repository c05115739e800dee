"""What happens in a conversation beside messages, as occasions for automations: told by actions, or judged by the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from db import automation_starts, silences
from db.conversations import ConversationRow
from db.engine import system, transaction
from flows import occasions
from nodes.contract import Occasion
from nodes.conversation_event import SILENCES, Config

TRIGGER = "conversation_event@1"
# A silence that began longer ago than it asks for and this on top is history: publishing does not write to everybody of last year.
GRACE = timedelta(hours=6)


def tell(tx: Session, conversation: ConversationRow, event: str, key: str, note: str = "") -> None:
    """Something happened; in the transaction in which it does. `key` names this one time."""
    occasion = Occasion("conversation", conversation.channel, event=event, data={"note": note}, now=datetime.now(UTC))
    occasions.offer(
        tx,
        conversation.workspace_id,
        occasion,
        key=f"{event}:{key}",
        contact_id=conversation.contact_id,
        conversation_id=conversation.id,
    )


def sweep(now: datetime) -> int:
    """Start the automations that wait for silence; returns how many runs. Each silence starts each of them once."""
    with system() as tx:
        waiting = automation_starts.starting_with(tx, TRIGGER)
    started = 0
    for automation in waiting:
        config = Config.model_validate(automation.config)
        if config.event in SILENCES:
            with transaction(automation.workspace_id) as tx:
                started += _silent(tx, automation.workspace_id, automation.id, config, now)
    return started


def _silent(tx: Session, workspace: UUID, automation: UUID, config: Config, now: datetime) -> int:
    until = now - timedelta(minutes=config.minutes)
    started = 0
    for found in silences.conversations(tx, automation, config.event, until - GRACE, until):
        occasion = Occasion("conversation", found.channel, event=config.event, now=now)
        key = f"{config.event}:{found.conversation_id}:{found.seq}"
        made = occasions.offer(
            tx,
            workspace,
            occasion,
            key=key,
            contact_id=found.contact_id,
            conversation_id=found.conversation_id,
            only=automation,
        )
        started += len(made)
    return started
