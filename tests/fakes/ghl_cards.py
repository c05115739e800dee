"""Which calls GoHighLevel has: method, path, version, scope, fields. What is not on a card is refused.

Written from the operation cards of the fact sheet (the OpenAPI files of June 2026). A field is `name`, `name*` when required, with
`:num`, `:bool`, `:list`, `:obj` or `:any` where it is no text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

JULY, APRIL = "2021-07-28", "2021-04-15"
_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,), "num": (int, float), "bool": (bool,), "list": (list,), "obj": (dict,), "any": (object,),
}  # fmt: skip


@dataclass(frozen=True)
class Fields:
    """The fields of a query or body."""

    kinds: dict[str, str]
    required: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Fields:
        kinds, required = {}, set()
        for word in text.split():
            name, _, kind = word.partition(":")
            kinds[name.rstrip("*")] = kind.rstrip("*") or "str"
            if "*" in word:
                required.add(name.rstrip("*"))
        return cls(kinds, frozenset(required))

    def problems(self, given: dict[str, Any], *, texts: bool) -> list[str]:
        """What is wrong, in the words of the provider's framework. `texts` = a query or form: every value is text."""
        found = [f"property {name} should not exist" for name in given if name not in self.kinds]
        found += [f"{name} should not be empty" for name in sorted(self.required) if given.get(name) in (None, "")]
        for name, value in given.items():
            kind = self.kinds.get(name)
            if kind is not None and value is not None and not _fits(value, kind, texts):
                found.append(f"{name} must be of type {kind}")
        return found


def _fits(value: Any, kind: str, texts: bool) -> bool:
    if not texts:
        return isinstance(value, _TYPES[kind]) and not (kind == "num" and isinstance(value, bool))
    if kind == "num":
        return re.fullmatch(r"-?\d+(\.\d+)?", value) is not None
    return value in ("true", "false") if kind == "bool" else True


@dataclass(frozen=True)
class Card:
    method: str
    path: str
    scope: str
    version: str
    does: str  # the method of the twin
    query: Fields
    body: Fields | None  # None = the call takes none
    form: str  # "", urlencoded, multipart
    pattern: re.Pattern[str]

    @property
    def invalid(self) -> int:
        """The status for a wrong field: conversations and calendars document 400 only."""
        return 400 if self.version == APRIL else 422


def card(call: str, scope: str, does: str, *, query: str = "", body: str | None = None, form: str = "") -> Card:
    method, path = call.split(" ")
    version = APRIL if path.split("/")[1] in ("conversations", "calendars") else JULY
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
    return Card(
        method, path, scope, version, does, Fields.of(query), None if body is None else Fields.of(body), form, pattern
    )


_PERSON = (
    "firstName lastName name email phone address1 city state postalCode website timezone dnd:bool dndSettings:obj"
    " inboundDndSettings:obj tags:list customFields:list source dateOfBirth:any country assignedTo"
)
_NEW_PERSON = f"{_PERSON} locationId* gender companyName"
_TASK = "title{0} body dueDate{0} completed{0}:bool assignedTo"
_NOTE = "userId body{0} title color pinned:bool"
_OPPORTUNITY = "name{0} pipelineStageId status{0} monetaryValue:num assignedTo customFields:list"
_APPOINTMENT = (
    "title meetingLocationType meetingLocationId overrideLocationConfig:bool appointmentStatus assignedUserId description"
    " address ignoreDateRange:bool toNotify:bool ignoreFreeSlotValidation:bool rrule endTime"
)
_SEND = (
    "type* contactId* subType:any appointmentId attachments:list emailFrom emailCc:list emailBcc:list html message subject"
    " replyMessageId templateId threadId scheduledTimestamp:num conversationProviderId emailTo customSubtypeId"
    " emailReplyMode fromNumber toNumber forward:obj status usesNativeSchedulingAi:bool optimizationPeriod mentions:list userId"
)
_INBOUND = (
    "type* attachments:list message conversationId contactId conversationProviderId html subject emailFrom emailTo"
    " emailCc:list emailBcc:list emailMessageId altId direction date call:obj"
)
_EVENTS = "locationId* userId calendarId groupId startTime*:num endTime*:num"

CARDS = (
    # The order matters: fixed paths before those with an id in the same place.
    card("GET /contacts/search/duplicate", "contacts.readonly", "find_duplicate", query="locationId* number email"),
    card(
        "POST /contacts/search",
        "contacts.readonly",
        "search_contacts",
        body="locationId* pageLimit*:num page:num searchAfter:list query filters:list sort:list",
    ),
    card("POST /contacts/upsert", "contacts.write", "upsert_contact", body=f"{_NEW_PERSON} createNewIfDuplicateAllowed:bool"),
    card("POST /contacts/", "contacts.write", "create_contact", body=_NEW_PERSON),
    card("GET /contacts/{id}", "contacts.readonly", "get_contact"),
    card("PUT /contacts/{id}", "contacts.write", "update_contact", body=_PERSON),
    card("DELETE /contacts/{id}", "contacts.write", "delete_contact"),
    card("POST /contacts/{id}/tags", "contacts.write", "add_tags", body="tags*:list"),
    card("DELETE /contacts/{id}/tags", "contacts.write", "remove_tags", body="tags*:list"),
    card("GET /contacts/{id}/tasks", "contacts.readonly", "tasks"),
    card("POST /contacts/{id}/tasks", "contacts.write", "create_task", body=_TASK.format("*")),
    card("GET /contacts/{id}/tasks/{task}", "contacts.readonly", "get_task"),
    card("PUT /contacts/{id}/tasks/{task}", "contacts.write", "update_task", body=_TASK.format("")),
    card("PUT /contacts/{id}/tasks/{task}/completed", "contacts.write", "update_task", body="completed*:bool"),
    card("DELETE /contacts/{id}/tasks/{task}", "contacts.write", "delete_task"),
    card("GET /contacts/{id}/notes", "contacts.readonly", "notes"),
    card("POST /contacts/{id}/notes", "contacts.write", "create_note", body=_NOTE.format("*")),
    card("GET /contacts/{id}/notes/{note}", "contacts.readonly", "get_note"),
    card("PUT /contacts/{id}/notes/{note}", "contacts.write", "update_note", body=_NOTE.format("")),
    card("DELETE /contacts/{id}/notes/{note}", "contacts.write", "delete_note"),
    card("GET /contacts/{id}/appointments", "contacts.readonly", "contact_appointments"),
    card("POST /contacts/{id}/workflow/{workflow}", "contacts.write", "start_workflow", body="eventStartTime"),
    card("GET /opportunities/pipelines", "opportunities.readonly", "pipelines", query="locationId*"),
    card(
        "GET /opportunities/search",
        "opportunities.readonly",
        "search_opportunities",
        query="q location_id* pipeline_id pipeline_stage_id contact_id status assigned_to campaignId id order endDate"
        " startAfter startAfterId date country page:num limit:num getTasks:bool getNotes:bool getCalendarEvents:bool",
    ),
    card(
        "POST /opportunities/",
        "opportunities.write",
        "create_opportunity",
        body=f"pipelineId* locationId* contactId* {_OPPORTUNITY.format('*')}",
    ),
    card("GET /opportunities/{id}", "opportunities.readonly", "get_opportunity"),
    card("PUT /opportunities/{id}", "opportunities.write", "update_opportunity", body=f"pipelineId {_OPPORTUNITY.format('')}"),
    card("PUT /opportunities/{id}/status", "opportunities.write", "update_opportunity", body="status* lostReasonId"),
    card("DELETE /opportunities/{id}", "opportunities.write", "delete_opportunity"),
    card("GET /calendars/", "calendars.readonly", "calendars", query="locationId* groupId showDrafted:bool"),
    card("GET /calendars/events", "calendars/events.readonly", "events_between", query=_EVENTS),
    card("GET /calendars/{id}", "calendars.readonly", "get_calendar"),
    card(
        "GET /calendars/{id}/free-slots",
        "calendars.readonly",
        "free_slots",
        query="startDate*:num endDate*:num timezone userId userIds",
    ),
    card(
        "POST /calendars/events/appointments",
        "calendars/events.write",
        "book",
        body=f"calendarId* locationId* contactId* startTime* {_APPOINTMENT}",
    ),
    card("GET /calendars/events/appointments/{id}", "calendars/events.readonly", "get_appointment"),
    card(
        "PUT /calendars/events/appointments/{id}",
        "calendars/events.write",
        "update_appointment",
        body=f"calendarId startTime {_APPOINTMENT}",
    ),
    card("DELETE /calendars/events/{id}", "calendars/events.write", "delete_event", body=""),
    card(
        "GET /conversations/search",
        "conversations.readonly",
        "search_conversations",
        query="locationId* contactId assignedTo followers mentions query sort startAfterDate id limit:num lastMessageType"
        " lastMessageAction lastMessageDirection status sortBy startDate:num endDate:num",
    ),
    card("POST /conversations/", "conversations.write", "create_conversation", body="locationId* contactId*"),
    card("POST /conversations/messages/inbound", "conversations/message.write", "add_inbound", body=_INBOUND),
    card(
        "POST /conversations/messages/upload",
        "conversations/message.write",
        "upload",
        body="conversationId* contactId* locationId* attachmentUrls",
        form="multipart",
    ),
    card("POST /conversations/messages", "conversations/message.write", "send_message", body=_SEND),
    card(
        "GET /conversations/messages/export",
        "conversations/message.readonly",
        "export_messages",
        query="locationId* limit:num cursor sortBy sortOrder conversationId contactId channel startDate endDate",
    ),
    card("GET /conversations/messages/{id}", "conversations/message.readonly", "get_message"),
    card(
        "PUT /conversations/messages/{id}/status",
        "conversations/message.write",
        "set_status",
        body="status* error:obj emailMessageId recipients:list",
    ),
    card("GET /conversations/{id}", "conversations.readonly", "get_conversation"),
    card("PUT /conversations/{id}", "conversations.write", "update_conversation", body="locationId* unreadCount:num starred:bool feedback:obj"),
    card("GET /conversations/{id}/messages", "conversations/message.readonly", "messages", query="lastMessageId limit:num type"),
    card("GET /locations/{location}", "locations.readonly", "location"),
    card("GET /locations/{location}/tags", "locations/tags.readonly", "location_tags"),
    card("POST /locations/{location}/tags", "locations/tags.write", "create_location_tag", body="name*"),
    card(
        "POST /locations/{location}/tasks/search",
        "locations/tasks.readonly",
        "search_tasks",
        body="contactId:list completed:bool assignedTo:list query limit:num skip:num businessId",
    ),
    card("GET /locations/{location}/customFields", "locations/customFields.readonly", "custom_fields", query="model"),
    card("GET /locations/{location}/customValues", "locations/customValues.readonly", "custom_values"),
    card(
        "GET /locations/{location}/templates",
        "locations/templates.readonly",
        "templates",
        query="deleted:bool skip:num limit:num type originId*",
    ),
    card("GET /workflows/", "workflows.readonly", "workflows", query="locationId*"),
    card(
        "GET /users/search",
        "users.readonly",
        "search_users",
        query="companyId* query skip:num limit:num locationId type role ids sort sortDirection enabled2waySync:bool",
    ),
    card("GET /users/{id}", "users.readonly", "get_user"),
    card("POST /oauth/locationToken", "oauth.write", "location_token", body="companyId* locationId*", form="urlencoded"),
    card(
        "GET /oauth/installedLocations",
        "oauth.readonly",
        "installed_locations",
        query="skip:num limit:num query isInstalled:bool companyId* appId* versionId onTrial:bool planId locationId",
    ),
)  # fmt: skip


def find(method: str, path: str) -> tuple[Card, dict[str, str]] | None:
    """The card of a call and the ids in its path."""
    for each in CARDS:
        if each.method == method and (match := each.pattern.fullmatch(path)):
            return each, match.groupdict()
    return None
