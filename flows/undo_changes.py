"""How each kind of change is taken back, and what stands in the way: whatever is not as the run left it any more.

Taking back looks first, also when an earlier try ended without an answer: what is already as it was before is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db import contacts
from db.engine import transaction
from flows import crm_fields
from flows.crm import Crm
from flows.crm_writes import OPPORTUNITY, TASK, moment
from nodes.clients.ghl import Ghl
from nodes.errors import Rejected

Result = Mapping[str, Any]  # {"before", "after", "id"} of the effect


class ChangedSince(Exception):
    """It is not as the run left it; the message says what is different."""


@dataclass(frozen=True)
class Place:
    """The contact in the CRM, or our own alone where `crm` is None."""

    workspace: UUID
    contact_id: UUID
    crm: Crm | None
    contact: str

    @property
    def client(self) -> Ghl:
        if self.crm is None:
            raise Rejected("no_crm", "This was not changed in a CRM.")
        return self.crm.client


def check(place: Place, effect: Mapping[str, Any], result: Result) -> str:
    """What of it would stay, because it changed since; '' where all can be taken back. Changes nothing.

    Raises ChangedSince where nothing can, and the errors of nodes.errors.
    """
    steps = _steps(place, effect, result)
    return steps.stays if isinstance(steps, Fields) else ""


def take_back(place: Place, effect: Mapping[str, Any], result: Result) -> tuple[Any, str]:
    """Take the change back; returns what is there then, and what of it stays as it is. Raises like `check`."""
    steps = _steps(place, effect, result)
    if isinstance(steps, Fields):
        return _set_fields(place, steps.back), steps.stays
    return _taken_back(place, effect, result, steps), ""


def _taken_back(place: Place, effect: Mapping[str, Any], result: Result, fields: Any) -> Any:
    match effect["kind"]:
        case "change_tags":
            return _set_tags(place, fields)
        case "create_task":
            if fields:
                place.client.delete_task(place.contact, result["id"])
        case "add_note":
            if fields:
                place.client.delete_note(place.contact, result["id"])
        case "move_opportunity":
            return _move_back(place, result, fields)
        case "book_appointment":
            if fields:
                place.client.update_appointment(result["id"], {"appointmentStatus": "cancelled"})
    return None


def _steps(place: Place, effect: Mapping[str, Any], result: Result) -> Any:
    """What is to be written so that everything is as before; nothing where it is so already. Raises ChangedSince."""
    match effect["kind"]:
        case "update_contact":
            return _fields(place, result)
        case "change_tags":
            return _tags(place, result)
        case "create_task":
            return _task(place, result)
        case "add_note":
            return _note(place, result)
        case "move_opportunity":
            return _opportunity(place, result)
        case "book_appointment":
            return _appointment(place, result)
    raise Rejected("unknown_effect", f"'{effect['kind']}' cannot be taken back.")


# --- fields and tags ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fields:
    """What is set back, and in words what is not."""

    back: dict[str, Any]
    stays: str


def _fields(place: Place, result: Result) -> Fields:
    before, after = result["before"], result["after"]
    now = _fields_now(place, after)
    changed = [name for name in after if now[name] not in (after[name], before.get(name, ""))]
    stays = " ".join(_since(name, now[name]) for name in changed)
    if changed and len(changed) == len(after):
        raise ChangedSince(stays)
    back = {name: before.get(name, "") for name in after if name not in changed and now[name] != before.get(name, "")}
    return Fields(back, stays)


def _fields_now(place: Place, names: Mapping[str, Any]) -> dict[str, Any]:
    if place.crm is not None:
        return crm_fields.read_there(_contact(place), names)
    with transaction(place.workspace) as tx:
        contact = contacts.get(tx, place.contact_id)
    if contact is None:
        raise Rejected("gone", "The contact does not exist here any more.")
    return crm_fields.read_here(contact, names)


def _set_fields(place: Place, fields: dict[str, Any]) -> dict[str, Any]:
    if fields and place.crm is not None:
        place.client.update_contact(place.contact, crm_fields.for_crm(fields))
    return fields


def _tags(place: Place, result: Result) -> tuple[list[str], list[str], list[str]]:
    """(to take away, to give back, there now)."""
    before, after, now = set(result["before"]), set(result["after"]), _tags_now(place)
    given, taken = after - before, before - after
    if given and not given & set(now) and not (taken and taken <= set(now)):
        raise ChangedSince(f"The tag {_listed(given)} was taken away since.")
    if taken and taken <= set(now) and not given & set(now):
        raise ChangedSince(f"The tag {_listed(taken)} was given again since.")
    return sorted(given & set(now)), sorted(taken - set(now)), now


def _tags_now(place: Place) -> list[str]:
    if place.crm is not None:
        return [str(tag) for tag in _contact(place).get("tags") or ()]
    with transaction(place.workspace) as tx:
        contact = contacts.get(tx, place.contact_id)
    return crm_fields.tags_here(contact) if contact else []


def _set_tags(place: Place, steps: tuple[list[str], list[str], list[str]]) -> list[str]:
    away, back, now = steps
    if place.crm is not None:
        now = place.client.remove_tags(place.contact, away) if away else now
        return place.client.add_tags(place.contact, back) if back else now
    return [tag for tag in now if tag not in away] + back


# --- tasks, notes, opportunities, appointments --------------------------------------------------------------------------------


def _task(place: Place, result: Result) -> bool:
    found = next((each for each in place.client.tasks(place.contact) if str(each["id"]) == result["id"]), None)
    if found is None:
        return False  # somebody deleted it: there is nothing left to take back
    after = result["after"]
    if found.get("completed") and not after.get("completed"):
        raise ChangedSince("The task was completed since.")
    same_due = moment(found.get("dueDate")) == moment(after.get("dueDate"))
    if not same_due or any((found.get(name) or "") != (after.get(name) or "") for name in TASK if name != "dueDate"):
        raise ChangedSince("The task was changed since.")
    return True


def _note(place: Place, result: Result) -> bool:
    found = next((each for each in place.client.notes(place.contact) if str(each["id"]) == result["id"]), None)
    if found is not None and found.get("body") != result["after"]["body"]:
        raise ChangedSince("The note was changed since.")
    return found is not None


def _opportunity(place: Place, result: Result) -> dict[str, Any] | None:
    """The fields to set back, {} for one that the run made and that is to be deleted; None = nothing is left to do."""
    before, after = result["before"], result["after"]
    now = place.client.opportunity(result["id"])
    if now is None:
        if before is None:
            return None
        raise ChangedSince("The opportunity was deleted since.")
    if before is not None and all(now.get(name) == before.get(name) for name in OPPORTUNITY):
        return None
    if any(now.get(name) != after.get(name) for name in OPPORTUNITY):
        raise ChangedSince("The opportunity was moved or changed since.")
    if before is None:
        return {}
    changed = {name: before.get(name) for name in OPPORTUNITY if before.get(name) != after.get(name)}
    # A stage is named together with its pipeline.
    return changed | ({"pipelineId": before["pipelineId"]} if "pipelineStageId" in changed else {})


def _move_back(place: Place, result: Result, fields: dict[str, Any] | None) -> None:
    if fields is None:
        return
    if fields:
        place.client.update_opportunity(result["id"], fields)
    else:
        place.client.delete_opportunity(result["id"])


def _appointment(place: Place, result: Result) -> bool:
    found = place.client.appointment(result["id"])
    if found is None or found.get("appointmentStatus") == "cancelled":
        return False
    after = result["after"]
    if moment(found.get("startTime")) != moment(after["startTime"]) or found.get("calendarId") != after["calendarId"]:
        raise ChangedSince("The appointment was moved since.")
    if found.get("appointmentStatus") in ("showed", "noshow"):
        raise ChangedSince("The appointment is over.")
    return True


def _contact(place: Place) -> Mapping[str, Any]:
    found = place.client.contact(place.contact)
    if found is None:
        raise Rejected("gone", "The contact does not exist in the CRM any more.")
    return found


def _since(name: str, value: Any) -> str:
    if value in ("", None, []):
        return f"{_label(name)} was emptied since."
    return f"{_label(name)} was changed since, to '{_short(value)}'."


def _label(name: str) -> str:
    return name.removeprefix(crm_fields.CUSTOM).replace("_", " ").capitalize()


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _listed(tags: set[str]) -> str:
    return ", ".join(f"'{tag}'" for tag in sorted(tags))
