"""One reading of a contact in the CRM: four calls side by side, and their answers in the form in which they are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from flows.crm import Crm
from nodes.clients.ghl_contacts import custom_values
from nodes.clients.ghl_events import contact_of
from nodes.errors import Rejected

Names = Callable[[str], Sequence[Mapping[str, Any]]]  # pipelines or custom_fields of the location
_CONTACT = {
    "companyName": "company",
    "timezone": "timezone",
    "address1": "address",
    "city": "city",
    "state": "state",
    "postalCode": "postal_code",
    "country": "country",
    "source": "source",
    "type": "type",
    "assignedTo": "assigned_to",
    "dateAdded": "since",
}


def read_contact(crm: Crm, crm_id: str, calls: Executor, names: Names) -> dict[str, Any] | None:
    """What the CRM knows of the contact; None where it does not exist there. Raises the errors of nodes.errors.

    A token that may not read tasks, opportunities or appointments leaves those empty; the contact itself is needed.
    """
    client = crm.client
    tasks = calls.submit(_allowed, client.tasks, crm_id)
    opportunities = calls.submit(_allowed, client.opportunities, crm_id)
    appointments = calls.submit(_allowed, client.appointments, crm_id)
    contact = client.contact(crm_id)
    if contact is None:
        return None
    found_opportunities = opportunities.result()
    return {
        "contact": _person(contact),
        "tags": [str(tag) for tag in contact.get("tags") or ()],
        "fields": _fields(contact, names),
        "tasks": [_task(each) for each in tasks.result()],
        "opportunities": _opportunities(found_opportunities, names) if found_opportunities else [],
        "appointments": [_appointment(each) for each in appointments.result()],
    }


def _allowed(read: Callable[[str], list[dict[str, Any]]], crm_id: str) -> list[dict[str, Any]]:
    try:
        return read(crm_id)
    except Rejected:
        return []


def _person(contact: Mapping[str, Any]) -> dict[str, Any]:
    told = contact_of(contact)
    named = {
        "id": told.id,
        "name": told.name,
        "first_name": told.first_name,
        "last_name": told.last_name,
        "phone": told.phone,
        "email": told.email,
        "dnd": told.blocked is True,
    }
    return named | {ours: contact[theirs] for theirs, ours in _CONTACT.items() if contact.get(theirs)}


def _fields(contact: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """By field key, without the word `contact.` before it; by id where the location's fields cannot be read."""
    values = {id: value for id, value in custom_values(contact).items() if value not in (None, "", [])}
    if not values:
        return {}
    try:
        keys = {each["id"]: str(each.get("fieldKey") or "").removeprefix("contact.") for each in names("custom_fields")}
    except Rejected:
        keys = {}
    return {keys.get(id) or id: value for id, value in values.items()}


def _task(task: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": task.get("id", ""),
        "title": task.get("title", ""),
        "due": task.get("dueDate", ""),
        "completed": bool(task.get("completed")),
    }


def _opportunities(found: Sequence[Mapping[str, Any]], names: Names) -> list[dict[str, Any]]:
    try:
        pipelines = {each["id"]: each for each in names("pipelines")}
    except Rejected:
        pipelines = {}
    return list(_named(found, pipelines))


def _named(found: Sequence[Mapping[str, Any]], pipelines: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in found:
        pipeline = pipelines.get(each.get("pipelineId", ""), {})
        stages = {stage.get("id"): stage.get("name", "") for stage in pipeline.get("stages") or ()}
        yield {
            "id": each.get("id", ""),
            "name": each.get("name", ""),
            "pipeline_id": each.get("pipelineId", ""),
            "pipeline": pipeline.get("name", ""),
            "stage_id": each.get("pipelineStageId", ""),
            "stage": stages.get(each.get("pipelineStageId"), ""),
            "status": each.get("status", ""),
            "value": each.get("monetaryValue"),
        }


def _appointment(each: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": each.get("id", ""),
        "title": each.get("title", ""),
        "calendar_id": each.get("calendarId", ""),
        "start": each.get("startTime", ""),
        "end": each.get("endTime", ""),
        "status": each.get("appointmentStatus") or each.get("status") or "",
    }
