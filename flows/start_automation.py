"""One automation starts another: the same contact, conversation and turn, in the transaction of the run that starts it."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from db import automations, runs
from db.runs import Run
from nodes.effects import StartAutomation


def start(tx: Session, run: Run, key: str, effect: StartAutomation) -> UUID | None:
    """The new run; None where the automation is switched off, was deleted, or was started under this key before."""
    wanted = next((item for item in automations.live(tx) if str(item.id) == effect.automation_id), None)
    if wanted is None:
        return None
    return runs.start(
        tx,
        workspace=run.workspace_id,
        automation_id=wanted.id,
        version_id=wanted.version_id,
        conversation_id=run.conversation_id,
        contact_id=run.contact_id,
        event_id=None,
        # A trigger of another kind reads what it knows: the message starts from the turn, which is the same.
        trigger={**run.trigger, "kind": "automation", "data": dict(effect.data)},
        occasion_key=key,
        turn=(run.first_seq, run.last_seq),
    )
