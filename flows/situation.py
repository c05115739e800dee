"""What a test is about: a sample, a typed message, or a message of the past with everything as it was then."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlmodel import Session

from db import messages, past
from db.engine import Row, one, read_only
from db.past import PastState, PastTurn
from flows.actions import ActionRefused
from flows.facts import business
from flows.occasions import refusal
from flows.plan import Plan
from flows.rehearsal import Situation
from nodes.contract import Business, ContactFacts, ConversationFacts, Occasion, Turn, TurnMessage

SAMPLE_TEXT = "Hello! When are you open on Saturday?"
LOOK_AHEAD_HOURS = 24 * 8  # for a time at which an automation with hours starts


@dataclass(frozen=True)
class Sample:
    """An invented customer writes; for other starts, an invented occasion."""


@dataclass(frozen=True)
class Typed:
    """The builder plays the customer; with a contact, that customer."""

    text: str
    channel: str = "webchat"
    contact_id: UUID | None = None


@dataclass(frozen=True)
class PastMessage:
    """A message that really came, with the conversation as it was then."""

    message_id: UUID


Given = Sample | Typed | PastMessage


@dataclass(frozen=True)
class Case:
    """A situation, and the occasion by which the start judges whether it is meant.

    `tags`: what the contact's tags in the situation are: those of now; those of the time; or those of now because nobody knows them.
    """

    situation: Situation
    occasion: Occasion
    contact_id: UUID | None = None  # of a contact that exists; None = an invented one
    tags: Literal["now", "of then", "of today"] = "now"


def case_of(workspace: UUID, plan: Plan, given: Given, now: datetime | None = None) -> Case:
    """Raises ActionRefused where the contact or the message is not there."""
    match given:
        case Sample():
            return _sample(workspace, plan, now or datetime.now(UTC))
        case Typed():
            return _typed(workspace, given, now or datetime.now(UTC))
        case PastMessage():
            with read_only(workspace) as tx:
                turn = past.turn_of(tx, given.message_id)
            if turn is None:
                raise ActionRefused("This message does not exist here, or no customer wrote it.")
            return past_case(workspace, turn)


def past_case(workspace: UUID, turn: PastTurn) -> Case:
    """The moment at which a turn of a customer was answered."""
    with read_only(workspace) as tx:
        ours = business_of(tx, workspace)
        state = past.state_at(tx, turn)
        contact = _contact(tx, state.contact_id, opted_out=state.opted_out)
        contact = replace(contact, crm=past.with_tags(contact.crm, state.tags))
        said = messages.turn_messages(tx, turn.conversation_id, turn.first_seq, turn.last_seq)
    conversation = ConversationFacts(
        id=turn.conversation_id,
        channel=state.channel,
        owner=state.owner,
        ai_enabled=state.ai_enabled,
        last_ai_reply_at=state.last_ai_reply_at,
        returned_at_seq=state.returned_at_seq,
    )
    written = tuple(TurnMessage(m["id"], m["seq"], m["content"], m["created_at"], tuple(m["media"])) for m in said)
    now = _answered_at(turn, state, ours)
    case = _case(
        workspace, ours, contact, conversation, Turn(written, state.first_contact), now,
        lambda: past.read_past(workspace, turn.last_seq, turn.at), contact.id,
    )  # fmt: skip
    return replace(case, tags="of today" if state.tags is None else "of then")


def _answered_at(turn: PastTurn, state: PastState, ours: Business) -> datetime:
    """Where one answer per contact and some seconds is the limit, a run waits for it; not in a web chat."""
    if state.channel == "webchat" or state.last_ai_reply_at is None:
        return turn.at
    return max(turn.at, state.last_ai_reply_at + timedelta(seconds=ours.contact_limit_seconds))


def _typed(workspace: UUID, given: Typed, now: datetime) -> Case:
    if not given.text.strip():
        raise ActionRefused("Write what the customer says first.")
    with read_only(workspace) as tx:
        ours = business_of(tx, workspace)
        contact = _contact(tx, given.contact_id) if given.contact_id else _somebody()
        known = given.contact_id and _newest_conversation(tx, given.contact_id, given.channel)
    # Whoever owns the conversation now, the test is about what the automation does when it is asked.
    conversation = ConversationFacts(known or uuid4(), given.channel)
    turn = _turn(given.text, now, first_contact=not known)
    return _case(
        workspace, ours, contact, conversation, turn, now, lambda: read_only(workspace), given.contact_id
    )  # fmt: skip


def _sample(workspace: UUID, plan: Plan, now: datetime) -> Case:
    with read_only(workspace) as tx:
        ours = business_of(tx, workspace)
    trigger = plan.trigger
    if trigger.spec.name != "message_received":
        return _sample_occasion(workspace, plan, ours, now)
    config = trigger.spec.config.model_validate(trigger.step.config).model_dump()
    words = config["keywords"][:1]
    text = f"Hello! I have a question: {words[0]}?" if words else SAMPLE_TEXT
    conversation = ConversationFacts(uuid4(), (config["channels"] or ["webchat"])[0])
    made = _case(
        workspace, ours, _somebody(), conversation, _turn(text, now, first_contact=True), now,
        lambda: read_only(workspace),
    )  # fmt: skip
    return _when_it_starts(plan, made)


def _when_it_starts(plan: Plan, made: Case) -> Case:
    """The case at the next full hour at which the automation starts; as it is, where it never does."""
    for hours in range(LOOK_AHEAD_HOURS):
        at = made.occasion.now + timedelta(hours=hours) if made.occasion.now else None
        if at is not None and not refusal(plan, replace(made.occasion, now=at)):
            return replace(made, situation=replace(made.situation, now=at), occasion=replace(made.occasion, now=at))
    return made


# What an automation that starts without a message is tried with, by the kind of occasion.
_SAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "crm_event": ("crm", {"tag": "new lead", "title": "Example"}),
    "schedule": ("schedule", {}),
    "webhook_received": ("webhook", {"name": "Sam Sample", "note": "An invented example."}),
    "conversation_event": ("conversation", {}),
}


def _sample_occasion(workspace: UUID, plan: Plan, ours: Business, now: datetime) -> Case:
    """An invented occasion that the start does not refuse, as far as its settings tell."""
    kind, data = _SAMPLES.get(plan.trigger.spec.name, ("automation", {}))
    config = plan.trigger.spec.config.model_validate(plan.trigger.step.config).model_dump(mode="json")
    data = {**data, **{name: value for name, value in config.items() if isinstance(value, str) and value}}
    data |= {"title": data["task"]} if "task" in data else {}
    event = next((value for value in _texts(config.get("event") or config.get("events"))), "")
    occasion = Occasion(kind, now=now, business=ours, event=event, data=data)  # type: ignore[arg-type]
    situation = Situation(
        workspace, ours, _somebody(), ConversationFacts(uuid4(), "sms"), Turn(),
        {"kind": kind, "event": event, "data": data}, now, lambda: read_only(workspace),
    )  # fmt: skip
    return Case(situation, occasion)


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [value] if isinstance(value, str) else []


def _case(
    workspace: UUID,
    ours: Business,
    contact: ContactFacts,
    conversation: ConversationFacts,
    turn: Turn,
    now: datetime,
    read: Callable[[], AbstractContextManager[Session]],
    contact_id: UUID | None = None,
) -> Case:
    trigger = {"kind": "message", "channel": conversation.channel, "first_contact": turn.first_contact}
    situation = Situation(workspace, ours, contact, conversation, turn, trigger, now, read)
    # Each message is offered by itself when it comes, so the hours that count are those of the message.
    at = turn.messages[-1].at if turn.messages else now
    occasion = Occasion("message", conversation.channel, turn.text, turn.first_contact, at, ours)
    return Case(situation, occasion, contact_id)


def _turn(text: str, now: datetime, *, first_contact: bool) -> Turn:
    return Turn((TurnMessage(uuid4(), NEVER_REACHED, text, now),), first_contact)


NEVER_REACHED = 2**62  # the place of a typed message: behind every message that there is


def _somebody() -> ContactFacts:
    return ContactFacts(uuid4(), "Sam Sample", "+12025550142", "sam@example.com")


def business_of(tx: Session, workspace: UUID) -> Business:
    """The workspace as nodes see it."""
    found = one(tx, "SELECT name AS business_name, timezone, settings FROM workspaces WHERE id = %(id)s", id=workspace)
    if found is None:
        raise ActionRefused("This workspace does not exist any more.")
    return business(found)


def _contact(tx: Session, contact_id: UUID, *, opted_out: bool = False) -> ContactFacts:
    found: Row | None = one(
        tx, "SELECT id, name, phone, email, language, metadata, crm FROM contacts WHERE id = %(id)s", id=contact_id
    )
    if found is None:
        raise ActionRefused("This contact does not exist here.")
    return ContactFacts(
        found["id"], found["name"], found["phone"] or "", found["email"] or "", found["language"], opted_out,
        found["metadata"], found["crm"],
    )  # fmt: skip


def _newest_conversation(tx: Session, contact_id: UUID, channel: str) -> UUID | None:
    found = one(
        tx,
        """SELECT id FROM conversations WHERE contact_id = %(contact)s AND channel = %(channel)s
           ORDER BY last_message_at DESC LIMIT 1""",
        contact=contact_id,
        channel=channel,
    )
    return found["id"] if found else None
