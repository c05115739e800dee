"""What each event of GoHighLevel means in our words. One that nothing here makes use of is kept with the reason why.

Event pages of the marketplace documentation, samples of highlevel-api-docs (June 2026). Fields differ between samples and
captures: whatever may be missing is taken for missing, and an unknown event is no error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from nodes.clients.channel import (
    Arrival,
    Channel,
    CrmContact,
    CrmEvent,
    Ignored,
    IncomingMedia,
    OutgoingTyped,
)
from nodes.clients.ghl_words import identifier, inner, tags_of, text, words
from nodes.errors import Unreadable

Telling = Mapping[str, Any]
BLOCKED = ("active", "permanent")  # in DND settings `active` means: do not write
DND_CHANNELS: Mapping[str, Channel] = {"SMS": "sms", "WhatsApp": "whatsapp", "Email": "email"}

_COMMENT = re.compile(r"(TYPE_)?INTERNAL_?COMMENTS?$", re.IGNORECASE)  # InternalComment, TYPE_INTERNAL_COMMENTS

NOT_USED = {
    "NoteCreate": "Notes of the CRM are read there, not here.",
    "NoteUpdate": "Notes of the CRM are read there, not here.",
    "NoteDelete": "Notes of the CRM are read there, not here.",
    "ConversationUnreadUpdate": "Who has read a message is kept apart here and in the CRM.",
    "LCEmailStats": "Statistics of the CRM's own mails are not used here.",
    "CampaignStatusUpdate": "Campaigns of the CRM are not used here.",
    "PLAN_CHANGE": "The plan of the app changes nothing here.",
    "LocationCreate": "A new location is connected on the page CRM.",
    "LocationUpdate": "The name of the location is read when the connection is tested.",
}


def event(kind: str, told: Telling) -> Arrival:
    """The arrival that an event of the app is."""
    if kind in NOT_USED:
        return Ignored(NOT_USED[kind])
    if kind not in _READERS:
        return Ignored(f"GoHighLevel tells '{kind}', which is not used here.")
    read = _READERS[kind]
    return read(kind, told)


def outgoing(told: Telling) -> Arrival:
    """A message that GHL hands over for sending. `type` is SMS, Custom or Email, so what it is shows in its fields."""
    is_email = bool(told.get("emailTo") or told.get("html")) and not told.get("phone")
    message_id = identifier(told.get("messageId") or told.get("emailMessageId"))
    if not message_id:
        raise Unreadable("The message that is to be sent has no messageId.")
    address = told.get("emailTo")
    email = address[0] if isinstance(address, list) and address else address
    return OutgoingTyped(
        crm_message_id=message_id,
        contact=CrmContact(identifier(told.get("contactId")), phone=words(told.get("phone"), 40), email=words(email)),
        text=text(told.get("message")),
        media=_media(told),
        is_email=is_email,
        user_id=identifier(told.get("userId")),
    )


def workflow_call(body: Telling) -> CrmEvent:
    """A call of a workflow's webhook step: snake_case, tags as a text with commas, custom data as the builder wrote them."""
    workflow, custom = inner(body, "workflow"), inner(body, "customData")
    contact = CrmContact(identifier(body.get("contact_id")))
    values = {words(name, 100): words(value, 2000) for name, value in custom.items()}
    data = {
        "workflow": words(workflow.get("name"), 200),
        "workflow_id": identifier(workflow.get("id")),
        "values": values,
    }
    return CrmEvent("workflow", contact if contact.id else None, data)


def _contact_event(name: str) -> Callable[[str, Telling], Arrival]:
    def read(kind: str, told: Telling) -> Arrival:
        contact = contact_of(told)
        return CrmEvent(name, contact) if contact.id else _without(kind, "contact")

    return read


def contact_of(told: Telling) -> CrmContact:
    dnd = told.get("dnd")
    settings = told.get("dndSettings")
    blocked = None
    if isinstance(settings, Mapping):
        statuses = {name: inner(settings, name).get("status") for name in DND_CHANNELS}
        blocked = frozenset(DND_CHANNELS[name] for name, status in statuses.items() if status in BLOCKED)
    first, last = words(told.get("firstName"), 100), words(told.get("lastName"), 100)
    return CrmContact(
        id=identifier(told.get("id")),
        name=words(told.get("name"), 200) or f"{first} {last}".strip(),
        first_name=first,
        last_name=last,
        phone=words(told.get("phone"), 40),
        email=words(told.get("email"), 200).lower(),
        tags=tags_of(told.get("tags")),
        blocked=dnd if isinstance(dnd, bool) else None,
        blocked_channels=blocked,
        source=words(told.get("source"), 100),
    )


def _task_event(name: str) -> Callable[[str, Telling], Arrival]:
    def read(kind: str, told: Telling) -> Arrival:
        data = {
            "task_id": identifier(told.get("id")),
            "title": words(told.get("title")),
            "due": _moment(told.get("dueDate")),
            "assigned_to": identifier(told.get("assignedTo")),
        }
        return _about(kind, name, told, data)

    return read


def _opportunity_event(name: str) -> Callable[[str, Telling], Arrival]:
    def read(kind: str, told: Telling) -> Arrival:
        value = told.get("monetaryValue")
        data = {
            "opportunity_id": identifier(told.get("id")),
            "title": words(told.get("name")),
            "pipeline_id": identifier(told.get("pipelineId")),
            "stage_id": identifier(told.get("pipelineStageId")),
            "status": words(told.get("status"), 20).lower(),
            "value": value if isinstance(value, int | float) and not isinstance(value, bool) else None,
        }
        return _about(kind, name, told, data)

    return read


def _appointment_event(kind: str, told: Telling) -> Arrival:
    """Samples of Update and Delete say AppointmentCreate: the status tells more than the name."""
    given = inner(told, "appointment")
    status = words(given.get("appointmentStatus"), 20).lower()
    data = {
        "appointment_id": identifier(given.get("id")),
        "calendar_id": identifier(given.get("calendarId")),
        "title": words(given.get("title")),
        "start": _moment(given.get("startTime")),
        "end": _moment(given.get("endTime")),
        "status": status,
    }
    name = "appointment_booked" if kind == "AppointmentCreate" else "appointment_changed"
    if kind == "AppointmentDelete" or status in ("cancelled", "canceled"):
        name = "appointment_cancelled"
    return _about(kind, name, given, data)


def _message_event(name: str) -> Callable[[str, Telling], Arrival]:
    def read(kind: str, told: Telling) -> Arrival:
        kinds = [words(told.get(name), 60) for name in ("messageTypeString", "messageType")]
        shown = kinds[0] or kinds[1]
        if any(_COMMENT.match(kind) for kind in kinds):
            return Ignored("A comment among colleagues in the CRM is neither sent nor answered.")
        data = {
            "message_id": identifier(told.get("messageId") or told.get("emailMessageId")),
            "type": shown.upper().removeprefix("TYPE_"),
            "text": text(told.get("body")),
            "media": [media.url for media in _media(told)],
            "source": words(told.get("source"), 40).lower(),
            "user_id": identifier(told.get("userId")),
            "provider_id": identifier(told.get("conversationProviderId")),
        }
        return _about(kind, name, told, data)

    return read


def _app_event(name: str) -> Callable[[str, Telling], Arrival]:
    def read(kind: str, told: Telling) -> Arrival:
        return CrmEvent(name, None, {"company_id": identifier(told.get("companyId"))})

    return read


def _about(kind: str, name: str, told: Telling, data: Mapping[str, Any]) -> Arrival:
    contact = CrmContact(identifier(told.get("contactId")))
    return CrmEvent(name, contact, data) if contact.id else _without(kind, "contact")


def _without(kind: str, what: str) -> Ignored:
    return Ignored(f"GoHighLevel tells '{kind}' and does not say of which {what}.")


def _media(told: Telling) -> tuple[IncomingMedia, ...]:
    given = told.get("attachments")
    addresses = [words(each, 2000) for each in given] if isinstance(given, list) else []
    return tuple(IncomingMedia(each) for each in addresses[:20] if each.startswith(("https://", "http://")))


def _moment(value: Any) -> str:
    """An ISO time with its offset; '' where it is none."""
    try:
        return datetime.fromisoformat(words(value, 40)).isoformat()
    except ValueError:
        return ""


_READERS: Mapping[str, Callable[[str, Telling], Arrival]] = {
    "ContactCreate": _contact_event("contact_created"),
    "ContactUpdate": _contact_event("contact_updated"),
    "ContactDelete": _contact_event("contact_deleted"),
    "ContactTagUpdate": _contact_event("contact_tagged"),
    "ContactDndUpdate": _contact_event("contact_blocked"),
    "TaskCreate": _task_event("task_created"),
    "TaskComplete": _task_event("task_completed"),
    "TaskDelete": _task_event("task_deleted"),
    "OpportunityCreate": _opportunity_event("opportunity_created"),
    "OpportunityUpdate": _opportunity_event("opportunity_changed"),
    "OpportunityDelete": _opportunity_event("opportunity_deleted"),
    "OpportunityStageUpdate": _opportunity_event("opportunity_stage"),
    "OpportunityStatusUpdate": _opportunity_event("opportunity_status"),
    "OpportunityAssignedToUpdate": _opportunity_event("opportunity_changed"),
    "OpportunityMonetaryValueUpdate": _opportunity_event("opportunity_changed"),
    "AppointmentCreate": _appointment_event,
    "AppointmentUpdate": _appointment_event,
    "AppointmentDelete": _appointment_event,
    "InboundMessage": _message_event("message_in"),
    "OutboundMessage": _message_event("message_out"),
    "INSTALL": _app_event("app_installed"),
    "UNINSTALL": _app_event("app_uninstalled"),
}
