"""Every event that GoHighLevel documents is taken over, or kept with a reason in words: none is lost, none gets stuck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from db.engine import transaction
from db.views.crm_told import told
from tests.fakes.ghl_twin import COMPANY_ID
from tests.flows.crm_rig import CUSTOMER, PROVIDER, CrmRig, crm_rig
from tests.flows.rig import FakeModel

Row = dict[str, Any]

PERSON: Row = {"id": "person", "firstName": "John", "lastName": "Deo", "phone": CUSTOMER, "email": "john@example.com",
          "tags": ["lead"], "customFields": [{"id": "f1", "value": "XYZ Corp"}], "dateAdded": "2021-11-26T12:41:02.193Z"}  # fmt: skip
OF: Row = {"contactId": "person", "dateAdded": "2021-11-26T12:41:02.193Z"}
TASK: Row = {
    **OF,
    "id": "task1",
    "title": "Call",
    "body": "Call back",
    "assignedTo": "u1",
    "dueDate": "2021-12-22T06:55:00.000Z",
}
DEAL: Row = {**OF, "id": "deal1", "name": "Bike", "pipelineId": "p1", "pipelineStageId": "s1", "status": "open", "monetaryValue": 40,
        "assignedTo": "u1", "source": "form"}  # fmt: skip
VISIT: Row = {"appointment": {"id": "visit1", "calendarId": "cal1", "contactId": "person", "appointmentStatus": "confirmed",
         "title": "Check-up", "startTime": "2023-09-25T16:00:00+05:30", "endTime": "2023-09-25T16:30:00+05:30"}}  # fmt: skip
MESSAGE: Row = {**OF, "conversationId": "conv1", "messageId": "m1", "body": "Hello", "contentType": "text/plain", "attachments": [],
           "status": "delivered"}  # fmt: skip
IN: Row = {**MESSAGE, "type": "InboundMessage", "direction": "inbound"}
OUT: Row = {**MESSAGE, "type": "OutboundMessage", "direction": "outbound"}
MAIL: Row = {"messageType": "Email", "emailMessageId": "e1", "threadId": "e1", "subject": "Order", "from": "A <a@example.com>",
        "to": ["b@example.com"], "body": "<div>Order</div>"}  # fmt: skip
TYPED: Row = {"contactId": "person", "messageId": "m2", "attachments": [], "userId": "u1"}
THERE = "came over a channel of the CRM itself, and is answered there"
NO_PERSON = "no person wrote it"


@dataclass(frozen=True)
class Event:
    """`reason` is part of what a person reads; '' = it is taken over, and there is nothing to say."""

    payload: dict[str, Any]
    reason: str = ""
    path: str = "/webhook/ghl"
    config: dict[str, Any] = field(default_factory=dict)  # of the connection


def app(kind: str, reason: str = "", **payload: Any) -> Event:
    return Event({"type": kind, **payload}, reason)


ALONE: Row = {"provider_id": ""}  # without a conversation provider of ours GHL sends by itself
EVENTS = {
    "ContactCreate": app("ContactCreate", **PERSON),
    "ContactUpdate": app("ContactUpdate", **PERSON),
    "ContactTagUpdate": app("ContactTagUpdate", **PERSON),
    "ContactDndUpdate": app(
        "ContactDndUpdate", "no more automatic messages", **PERSON, dnd=True, dndSettings={"SMS": {"status": "active"}}
    ),
    "ContactDelete": app("ContactDelete", "deleted or merged in the CRM; here it stays", **PERSON),
    "ContactDelete of nobody": app("ContactDelete", "nobody here is this contact", id="stranger"),
    "NoteCreate": app("NoteCreate", "read there, not here", **OF, id="n1", body="Loram"),
    "NoteUpdate": app("NoteUpdate", "read there, not here", **OF, id="n1", body="Loram"),
    "NoteDelete": app("NoteDelete", "read there, not here", **OF, id="n1", body="Loram"),
    "TaskCreate": app("TaskCreate", **TASK),
    "TaskComplete": app("TaskComplete", **TASK),
    "TaskComplete of a stranger": app("TaskComplete", "is fetched from the CRM", **{**TASK, "contactId": "stranger"}),
    "TaskDelete": app("TaskDelete", **TASK),
    "OpportunityCreate": app("OpportunityCreate", **DEAL),
    "OpportunityUpdate": app("OpportunityUpdate", **DEAL),
    "OpportunityUpdate of a stranger": app(
        "OpportunityUpdate", "nobody here is this contact", **{**DEAL, "contactId": "stranger"}
    ),
    "OpportunityStageUpdate": app("OpportunityStageUpdate", **DEAL),
    "OpportunityStatusUpdate": app("OpportunityStatusUpdate", **DEAL),
    "OpportunityAssignedToUpdate": app("OpportunityAssignedToUpdate", **DEAL),
    "OpportunityMonetaryValueUpdate": app("OpportunityMonetaryValueUpdate", **DEAL),
    "OpportunityDelete": app("OpportunityDelete", **DEAL),
    "AppointmentCreate": app("AppointmentCreate", **VISIT),
    "AppointmentUpdate": app("AppointmentUpdate", **VISIT),
    "AppointmentDelete": app("AppointmentDelete", **VISIT),
    "InboundMessage SMS of GHL's own number": Event({**IN, "messageType": "SMS", "conversationProviderId": "other"}, THERE),
    "InboundMessage of our provider": Event(
        {**IN, "messageType": "SMS", "conversationProviderId": PROVIDER}, "copy of a message from here"
    ),
    "InboundMessage e-mail": Event({**IN, **MAIL}, THERE),
    "InboundMessage call": Event({**IN, "messageType": "CALL", "attachments": ["voicemail url"], "status": "voicemail"}, THERE),
    **{
        f"InboundMessage {kind}": Event({**IN, "messageType": kind, "messageTypeString": f"TYPE_{kind.upper()}"}, THERE)
        for kind in ("FB", "IG", "GMB", "Live_Chat", "WebChat", "WhatsApp", "RCS", "TIKTOK", "Custom")
    },
    "InboundMessage of a kind of next year": Event({**IN, "messageType": {}, "messageTypeId": 99, "to": {}}, THERE),
    "OutboundMessage typed, handed over": Event({**OUT, "messageType": "SMS", "source": "app"}, "handed over for sending"),
    "OutboundMessage typed, sent by GHL": Event({**OUT, "messageType": "SMS", "source": "app"}, config=ALONE),
    "OutboundMessage e-mail typed": Event({**OUT, **MAIL, "source": "app"}, config=ALONE),
    "OutboundMessage of a workflow": Event({**OUT, "messageType": "SMS", "source": "workflow"}, NO_PERSON),
    "OutboundMessage of a campaign": Event({**OUT, "messageType": "SMS", "source": "campaign"}, NO_PERSON),
    "OutboundMessage of bulk actions": Event({**OUT, "messageType": "SMS", "source": "bulk_actions"}, NO_PERSON),
    "OutboundMessage by the interface": Event({**OUT, "messageType": "Custom", "source": "api"}, NO_PERSON),
    "OutboundMessage call": Event({**OUT, "messageType": "CALL", "callDuration": 120, "callStatus": "completed"}, NO_PERSON),
    "OutboundMessage voicemail": Event({**OUT, "messageType": "VoiceMail"}, NO_PERSON),
    "OutboundMessage comment": Event(
        {**OUT, "messageType": "InternalComment", "source": "app", "mentions": ["u2"]}, "comment among colleagues"
    ),
    "OutboundMessage comment with its name of 2026": Event(
        {**OUT, "messageType": "InternalComment", "messageTypeString": "TYPE_INTERNAL_COMMENTS", "source": "app"},
        "comment among colleagues", config=ALONE),
    "ConversationUnreadUpdate": app("ConversationUnreadUpdate", "kept apart here and in the CRM", id="conv1", unreadCount=0),
    "LCEmailStats": app("LCEmailStats", "own mails are not used", webhookPayload={"event": "delivered", "tags": ["x"]}),
    "CampaignStatusUpdate": app("CampaignStatusUpdate", "Campaigns", **OF, id="camp1", status="paused", replied="x"),
    "INSTALL": app("INSTALL", "works once somebody has signed in", companyId=COMPANY_ID, trial={"onTrial": True}),
    "INSTALL of an agency": app("INSTALL", "works once somebody has signed in", companyId=COMPANY_ID, locationId=""),
    "UNINSTALL": app("UNINSTALL", "was uninstalled in GoHighLevel", companyId=COMPANY_ID),
    "PLAN_CHANGE": app("PLAN_CHANGE", "changes nothing here", companyId=COMPANY_ID, currentPlanId="a", newPlanId="b"),
    "LocationCreate": app("LocationCreate", "connected on the page CRM", companyId=COMPANY_ID, name="Shop"),
    "LocationUpdate": app("LocationUpdate", "read when the connection is tested", companyId=COMPANY_ID, name="Shop"),
    "an event of next year": app("InvoicePaid", "'InvoicePaid', which is not used here", id="i1"),
    "ProviderOutboundMessage": Event(
        {**TYPED, "type": "SMS", "phone": CUSTOMER, "message": "Hi"}, path="/webhook/ghl/outgoing"
    ),
    "ProviderOutboundMessage e-mail": Event(
        {**TYPED, "messageId": "m3", "type": "Email", "emailTo": ["a@b.c"], "html": "<p>Hi</p>"}, "sends no e-mails", "/webhook/ghl/outgoing"
    ),
    "workflow": Event({"contact_id": "person", "workflow": {"id": "w1", "name": "Recall"}, "tags": "vip,lead",
                       "customData": {"my_key": "value"}, "location": {"id": "x"}}, path="/webhook/ghl/workflow"),
}  # fmt: skip


@pytest.fixture
def rig(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CrmRig]:
    """One customer whom GHL knows as `person` and who has written before."""
    with crm_rig(monkeypatch, FakeModel(), sync_messages=False, sync_contacts=False) as made:
        made.receive_sms("Hello")
        made.settle()
        made.tell({"type": "ContactUpdate", **PERSON})
        made.settle()
        yield made


def test_every_event_of_the_documentation_is_taken_over_or_kept_with_a_reason(rig: CrmRig) -> None:
    """One after the other in one workspace; the last words are those of the page CRM."""
    wrong = [f"{name}: {problem}" for name, event in EVENTS.items() if (problem := met(rig, event))]
    assert wrong == []


def met(rig: CrmRig, event: Event) -> str:
    """Tell the event; what is not as the table says, or ''."""
    rig.tell({"type": "ContactUpdate", **PERSON})  # an earlier one may have deleted the contact there
    rig.take_in()
    rig.query("UPDATE contacts SET opted_out_at = NULL RETURNING 1")
    rig.query("DELETE FROM crm_messages RETURNING 1")
    rig.desk.change(config={"provider_id": PROVIDER, **event.config})
    assert rig.tell(event.payload, event.path), "it was here before"
    rig.take_in()
    with transaction(rig.workspace) as tx:
        [shown] = told(tx, 1)
    if shown.state not in ("done", "ignored"):
        return f"{shown.state}, {shown.note}"
    if event.reason not in shown.note or bool(shown.note) != bool(event.reason):
        return f"'{shown.note}' does not say '{event.reason}'"
    return "" if not shown.note or shown.note.endswith(".") else "it is no sentence"
