"""Automations that start without a message: something happened in the CRM, at a time, at an address, in a conversation."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from sqlmodel import Session

from db import automations, contacts, conversations, decisions, run_waits, runs
from db.conversations import ConversationRow
from db.decisions import Decision
from db.engine import one
from flows.facts import business
from flows.plan import Plan, Plans
from nodes.contract import Business, Occasion

_plans = Plans()


def offer(
    tx: Session,
    workspace: UUID,
    occasion: Occasion,
    *,
    key: str,
    contact_id: UUID | None = None,
    conversation_id: UUID | None = None,
    event_id: UUID | None = None,
    only: UUID | None = None,
) -> list[UUID]:
    """Start every enabled automation that this occasion sets off, and go on with runs that wait for it; returns the new runs.

    `key` names the occasion: told twice, it starts nothing the second time. The run speaks in `conversation_id`, or in the
    contact's newest conversation, or in a new one by SMS where the contact has a phone number. `only`: ask this automation alone.
    """
    run_waits.wake_all(tx, occasion.event or occasion.kind, occasion.data, contact_id, conversation_id)
    told = replace(occasion, business=occasion.business or _business(tx, workspace))
    offered = [item for item in automations.live(tx) if only in (None, item.id)]
    refusals = {item.id: refusal(_plans.of(item.version_id, item.document), told) for item in offered}
    firing = [item for item in offered if not refusals[item.id]]
    speaks_in = _conversation(tx, workspace, contact_id, conversation_id) if firing else None
    started = {
        item.id: runs.start(
            tx,
            workspace=workspace,
            automation_id=item.id,
            version_id=item.version_id,
            conversation_id=speaks_in.id if speaks_in else None,
            contact_id=contact_id or (speaks_in.contact_id if speaks_in else None),
            event_id=event_id,
            trigger={"kind": occasion.kind, "event": occasion.event, "data": dict(occasion.data)},
            occasion_key=key,
        )
        for item in firing
    }
    if event_id is not None:
        decisions.write(
            tx,
            workspace,
            [
                Decision(event_id, None, item.id, refusals[item.id] or "It fired.", started.get(item.id))
                for item in offered
            ],
        )
    return [run for run in started.values() if run is not None]


def refusal(plan: Plan, occasion: Occasion) -> str:
    """Why an automation does not start with this occasion, in words; '' when it does."""
    spec = plan.trigger.spec
    assert spec.refuses is not None
    return spec.refuses(spec.config.model_validate(plan.trigger.step.config), occasion)


def _business(tx: Session, workspace: UUID) -> Business:
    found = one(tx, "SELECT name AS business_name, timezone, settings FROM workspaces WHERE id = %(id)s", id=workspace)
    assert found is not None
    return business(found)


def _conversation(
    tx: Session, workspace: UUID, contact_id: UUID | None, conversation_id: UUID | None
) -> ConversationRow | None:
    if conversation_id is not None:
        return conversations.get(tx, conversation_id)
    if contact_id is None:
        return None
    return conversations.newest_of(tx, contact_id) or by_phone(tx, workspace, contact_id)


def by_phone(tx: Session, workspace: UUID, contact_id: UUID) -> ConversationRow | None:
    """A conversation by SMS with somebody who never wrote: an appointment was booked, a call was missed."""
    contact = contacts.get(tx, contact_id)
    account = one(
        tx, "SELECT id FROM connections WHERE kind = 'twilio' AND state = 'active' ORDER BY is_default DESC LIMIT 1"
    )
    if contact is None or not contact.phone or account is None:
        return None
    made, _ = conversations.find_or_create(tx, workspace, contact_id, account["id"], "sms", contact.phone)
    return made
