"""How each effect on the CRM is written: look first, write, and say what was there before and what is there after.

`before` is kept in the outbox ahead of the write. A try that ended without an answer, or whose worker died, therefore neither
takes its own change for what was there before, nor makes a second task, note, opportunity or appointment: what is there now and
was not there before is that try's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from db import contacts, effect_results
from db.engine import transaction
from flows import crm_fields
from flows.crm import Crm
from nodes.clients.ghl import Ghl
from nodes.effects import (
    AddNote,
    BookAppointment,
    ChangeTags,
    CreateTask,
    Effect,
    MoveOpportunity,
    UpdateContact,
)
from nodes.errors import Rejected

OPPORTUNITY = ("pipelineId", "pipelineStageId", "status", "monetaryValue")
TASK = ("title", "body", "dueDate", "completed", "assignedTo")


@dataclass(frozen=True)
class Desk:
    """One effect on one contact of the CRM. `contact` is its id there."""

    crm: Crm
    workspace: UUID
    outbox_id: UUID
    contact_id: UUID
    contact: str

    @property
    def client(self) -> Ghl:
        return self.crm.client

    def before(self, read: Callable[[], Any]) -> tuple[Any, bool]:
        """What was there before the first try, and whether there was one: kept by it, else read now and kept."""
        with transaction(self.workspace) as tx:
            kept = effect_results.result_of(tx, self.outbox_id)
        if kept is not None and "before" in kept:
            return kept["before"], True
        found = read()
        with transaction(self.workspace) as tx:
            effect_results.keep(tx, self.outbox_id, {"before": found})
        return found, False


@dataclass(frozen=True)
class Change:
    """What an effect did. `id` is the thing's own id in the CRM; '' where the contact itself was changed."""

    before: Any
    after: Any
    id: str = ""


def write(desk: Desk, effect: Effect) -> Change:
    """Raises the errors of nodes.errors."""
    match effect:
        case UpdateContact():
            return _update_contact(desk, effect)
        case ChangeTags():
            return _change_tags(desk, effect)
        case CreateTask():
            return _create_task(desk, effect)
        case AddNote():
            return _add_note(desk, effect)
        case MoveOpportunity():
            return _move_opportunity(desk, effect)
        case BookAppointment():
            return _book(desk, effect)
    raise Rejected("unknown_effect", f"'{effect.kind}' is nothing that the CRM can be asked for.")


def present_contact(desk: Desk) -> Mapping[str, Any]:
    found = desk.client.contact(desk.contact)
    if found is None:
        raise Rejected("not_found", "The contact does not exist in GoHighLevel any more.")
    return found


def _update_contact(desk: Desk, effect: UpdateContact) -> Change:
    fields = crm_fields.tidy(effect.fields, str(desk.crm.config.get("country") or ""))
    before, _ = desk.before(lambda: crm_fields.read_there(present_contact(desk), fields))
    changed = desk.client.update_contact(desk.contact, crm_fields.for_crm(fields))
    return Change(before, crm_fields.read_there(changed, fields))


def _change_tags(desk: Desk, effect: ChangeTags) -> Change:
    before, _ = desk.before(lambda: list(present_contact(desk).get("tags") or ()))
    after = before
    if effect.add:
        after = desk.client.add_tags(desk.contact, effect.add)
    # As it is written there: GHL has tags in small letters, and compares them letter by letter.
    unwanted = {tag.lower() for tag in effect.remove}
    lost = [tag for tag in after if tag.lower() in unwanted]
    if lost:
        after = desk.client.remove_tags(desk.contact, lost)
    return Change(before, list(after))


def _create_task(desk: Desk, effect: CreateTask) -> Change:
    known, tried = desk.before(lambda: _ids(desk.client.tasks(desk.contact)))
    task = _new(desk.client.tasks(desk.contact), known, lambda each: _is_task(each, effect)) if tried else None
    task = task or desk.client.create_task(
        desk.contact, title=effect.title, due=effect.due_at, body=effect.body, assigned_to=effect.assigned_to
    )
    return Change(known, {name: task.get(name) for name in TASK}, str(task["id"]))


def _is_task(task: Mapping[str, Any], effect: CreateTask) -> bool:
    due = moment(task.get("dueDate"))
    same_time = due is not None and abs(due - effect.due_at) < timedelta(seconds=1)
    return task.get("title") == effect.title and (task.get("body") or "") == effect.body and same_time


def _add_note(desk: Desk, effect: AddNote) -> Change:
    known, tried = desk.before(lambda: _ids(desk.client.notes(desk.contact)))
    note = _new(desk.client.notes(desk.contact), known, lambda each: each.get("body") == effect.body) if tried else None
    note = note or desk.client.create_note(desk.contact, effect.body)
    return Change(known, {"body": note.get("body")}, str(note["id"]))


def _move_opportunity(desk: Desk, effect: MoveOpportunity) -> Change:
    before, tried = desk.before(lambda: _opportunity(desk, effect))
    present = _opportunity(desk, effect) if tried else before
    wanted = {
        "pipelineId": effect.pipeline_id,
        "pipelineStageId": effect.stage_id,
        "status": effect.status,
        "monetaryValue": effect.value,
    }
    fields = {name: value for name, value in wanted.items() if value not in ("", None)}
    if present is None:
        made = desk.client.create_opportunity({**fields, "contactId": desk.contact, "name": effect.name or _name(desk)})
    else:
        made = desk.client.update_opportunity(present["id"], fields)
    return Change(before, {name: made.get(name) for name in OPPORTUNITY}, str(made["id"]))


def _opportunity(desk: Desk, effect: MoveOpportunity) -> dict[str, Any] | None:
    """The contact's opportunity of the pipeline: an open one before a closed one, then the newest."""
    found = [each for each in desk.client.opportunities(desk.contact) if each.get("pipelineId") == effect.pipeline_id]
    if not found:
        return None
    best = max(found, key=lambda each: (each.get("status") == "open", str(each.get("updatedAt") or "")))
    return {"id": best["id"], **{name: best.get(name) for name in OPPORTUNITY}}


def _name(desk: Desk) -> str:
    with transaction(desk.workspace) as tx:
        contact = contacts.get(tx, desk.contact_id)
    return (contact.name or contact.phone or contact.email if contact else "") or "New opportunity"


def _book(desk: Desk, effect: BookAppointment) -> Change:
    known, tried = desk.before(lambda: _ids(desk.client.appointments(desk.contact)))
    made = (
        _new(desk.client.appointments(desk.contact), known, lambda each: _is_booking(each, effect)) if tried else None
    )
    made = made or desk.client.book(_booking(desk, effect))
    after = {
        "calendarId": effect.calendar_id,
        "startTime": effect.start.astimezone(UTC).isoformat(),
        "appointmentStatus": made.get("appointmentStatus") or "confirmed",
    }
    return Change(known, after, str(made["id"]))


def _booking(desk: Desk, effect: BookAppointment) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "calendarId": effect.calendar_id,
        "contactId": desk.contact,
        "startTime": effect.start,
        "appointmentStatus": "confirmed",
        "title": effect.title or _name(desk),
    }
    fields |= {"endTime": effect.end} if effect.end else {}
    return fields | ({"assignedUserId": effect.assigned_to} if effect.assigned_to else {})


def _is_booking(each: Mapping[str, Any], effect: BookAppointment) -> bool:
    gone = each.get("appointmentStatus") in ("cancelled", "invalid")
    return each.get("calendarId") == effect.calendar_id and moment(each.get("startTime")) == effect.start and not gone


def _ids(things: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(each["id"]) for each in things]


def _new(
    things: Sequence[Mapping[str, Any]], known: Sequence[str], fits: Callable[[Mapping[str, Any]], bool]
) -> Mapping[str, Any] | None:
    """What fits and was not there before the first try."""
    return next((each for each in things if str(each["id"]) not in known and fits(each)), None)


def moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
