"""The actions that a model may propose: the form that it is asked for, and the effect of one that is allowed.

What the model gives is a proposal of a stranger: each action is looked at against the settings, and what is not on their lists
is refused with a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from nodes.effects import (
    AddNote,
    BookAppointment,
    ChangeTags,
    CreateTask,
    Effect,
    MoveOpportunity,
    OpenHandoff,
    UpdateContact,
)
from nodes.slots import wanted_time

Action = Literal["tag", "note", "task", "stage", "update_field", "hand_off", "book"]
UTC = ZoneInfo("UTC")
LONGEST = 2000  # characters of a text that a model writes into the CRM


@dataclass(frozen=True)
class Allowed:
    """What may be proposed. `stages` and `slots` are what the CRM offers now; empty tags mean any tag."""

    actions: Sequence[Action]
    tags: Sequence[str] = ()
    fields: Sequence[str] = ()
    pipeline_id: str = ""
    stages: Mapping[str, str] = field(default_factory=dict)  # id -> name
    calendar_id: str = ""
    slots: Sequence[datetime] = ()
    zone: ZoneInfo = UTC
    task_due: datetime | None = None
    assigned_to: str = ""
    booked: str = ""
    taken: str = ""


class Refused(Exception):
    """The proposal is not allowed; the message says why."""


def schema(allowed: Allowed, most: int) -> dict[str, Any]:
    """The form of the answer: a list of exactly the allowed actions."""
    kinds = [_form(action, allowed) for action in allowed.actions if _possible(action, allowed)]
    return {
        "title": "actions",
        "type": "object",
        "properties": {
            "actions": {
                "type": "array",
                "maxItems": most,
                "description": "What to do, in order; empty when nothing is to be done.",
                "items": {"anyOf": kinds},
            }
        },
        "required": ["actions"],
        "additionalProperties": False,
    }


def _possible(action: Action, allowed: Allowed) -> bool:
    """An action without anything to choose from is not offered."""
    needed: dict[Action, object] = {"stage": allowed.stages, "update_field": allowed.fields, "book": allowed.slots}
    return bool(needed.get(action, True))


def _form(action: Action, allowed: Allowed) -> dict[str, Any]:
    slots = [slot.astimezone(allowed.zone).isoformat() for slot in allowed.slots]
    fields: dict[Action, dict[str, Any]] = {
        "tag": {"tag": _text("Tag that the contact gets.", list(allowed.tags))},
        "note": {"text": _text("Note for colleagues, in one to three sentences.")},
        "task": {"title": _text("What a colleague has to do."), "text": _text("More about it, or empty.")},
        "stage": {"stage": _text("Stage of the opportunity.", list(allowed.stages.values()))},
        "update_field": {"field": _text("Which field.", list(allowed.fields)), "value": _text("Its new value.")},
        "hand_off": {"reason": _text("Why a person is needed.")},
        "book": {"start": _text("Beginning of the free time that the customer chose.", slots)},
    }
    properties = {"action": {"type": "string", "enum": [action]}, **fields[action]}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _text(description: str, choices: Sequence[str] = ()) -> dict[str, Any]:
    return {"type": "string", "description": description} | ({"enum": list(choices)} if choices else {})


def effect_of(proposal: Any, allowed: Allowed) -> tuple[Effect, str]:
    """The effect of a proposal and what it is in words. Raises Refused."""
    if not isinstance(proposal, Mapping) or not isinstance(proposal.get("action"), str):
        raise Refused("The model gave something that is no action.")
    action = proposal["action"]
    if action not in allowed.actions:
        raise Refused(f"'{action[:40]}' is not among the allowed actions.")
    return _MAKERS[action](proposal, allowed)


def _tag(proposal: Mapping[str, Any], allowed: Allowed) -> tuple[Effect, str]:
    wanted = _given(proposal, "tag", "tag")
    known = {tag.lower(): tag for tag in allowed.tags}
    if known and wanted.lower() not in known:
        raise Refused(f"The tag '{wanted[:60]}' is not among those that may be given.")
    tag = known.get(wanted.lower(), wanted[:100])
    return ChangeTags(add=(tag,)), f"Tag '{tag}'"


def _note(proposal: Mapping[str, Any], allowed: Allowed) -> tuple[Effect, str]:
    return AddNote(body=_given(proposal, "text", "note")), "Note"


def _task(proposal: Mapping[str, Any], allowed: Allowed) -> tuple[Effect, str]:
    title = _given(proposal, "title", "task")[:200]
    assert allowed.task_due is not None, "who allows tasks says when they are due"
    body = str(proposal.get("text") or "").strip()[:LONGEST]
    return CreateTask(
        title=title, body=body, due_at=allowed.task_due, assigned_to=allowed.assigned_to
    ), f"Task '{title}'"


def _stage(proposal: Mapping[str, Any], allowed: Allowed) -> tuple[Effect, str]:
    wanted = _given(proposal, "stage", "stage")
    found = [id for id, name in allowed.stages.items() if wanted.lower() in (name.lower(), id.lower())]
    if not found or not allowed.pipeline_id:
        raise Refused(f"The stage '{wanted[:60]}' is not among those that may be chosen.")
    return MoveOpportunity(pipeline_id=allowed.pipeline_id, stage_id=found[0]), f"Stage '{allowed.stages[found[0]]}'"


def _field(proposal: Mapping[str, Any], allowed: Allowed) -> tuple[Effect, str]:
    name = _given(proposal, "field", "field")
    if name not in allowed.fields:
        raise Refused(f"The field '{name[:60]}' is not among those that may be changed.")
    return UpdateContact(fields={name: _given(proposal, "value", "value")}), f"Field '{name}'"


def _hand_off(proposal: Mapping[str, Any], allowed: Allowed) -> tuple[Effect, str]:
    reason = _given(proposal, "reason", "reason")
    return OpenHandoff(reason_code="other", reason=reason), "A person is asked for"


def _book(proposal: Mapping[str, Any], allowed: Allowed) -> tuple[Effect, str]:
    start = wanted_time(_given(proposal, "start", "time"), allowed.zone)
    if start is None or start not in allowed.slots:
        raise Refused(f"The time '{str(proposal.get('start'))[:40]}' is not free.")
    effect = BookAppointment(
        calendar_id=allowed.calendar_id,
        start=start,
        timezone=allowed.zone.key,
        assigned_to=allowed.assigned_to,
        when_booked=allowed.booked,
        when_taken=allowed.taken,
    )
    return effect, f"Appointment on {start.astimezone(allowed.zone):%Y-%m-%d %H:%M}"


def _given(proposal: Mapping[str, Any], name: str, what: str) -> str:
    text = str(proposal.get(name) or "").strip()[:LONGEST]
    if not text:
        raise Refused(f"The model left the {what} empty.")
    return text


_MAKERS = {
    "tag": _tag,
    "note": _note,
    "task": _task,
    "stage": _stage,
    "update_field": _field,
    "hand_off": _hand_off,
    "book": _book,
}
