"""GoHighLevel's webhooks: who signed them, what they are about, and what each event means in our words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from db.settings import get_settings
from db.signatures import KeyUnusable, is_signed_ed25519, is_signed_rsa_sha256
from nodes.clients.channel import Account, Arrival, CrmEvent, Ignored, OutgoingTyped, Request
from nodes.clients.ghl_arrival import GhlArrivals, check_signature, company_of, location_of
from nodes.clients.ghl_events import NOT_USED
from nodes.errors import SignatureInvalid, Unreadable
from tests.fakes.ghl_signing import Signer

ACCOUNT = Account(UUID(int=3), UUID(int=1), "ghl", {"location_id": "loc1", "app_id": "app1"}, {})
URL = "https://desk.example.com/webhook/ghl"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ARRIVALS = GhlArrivals(clock=NOW.timestamp)


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture(autouse=True)
def trusted(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GHL_PUBLIC_KEY", signer.public_key.replace("\n", "\\n"))  # as .env files hold it
    monkeypatch.setenv("GHL_LEGACY_PUBLIC_KEY", signer.rsa_public_key)
    get_settings.cache_clear()


def call(payload: Any, tail: str = "", **headers: str) -> Request:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Request("POST", URL + tail, headers, body)


def arrival(kind: str, tail: str = "", **payload: Any) -> Arrival:
    [found] = ARRIVALS.parse(ACCOUNT, call({"type": kind, "locationId": "loc1", **payload}, tail))
    return found


def crm_event(kind: str, **payload: Any) -> CrmEvent:
    found = arrival(kind, **payload)
    assert isinstance(found, CrmEvent)
    return found


# --- signatures ------------------------------------------------------------------------------------------------------------


def test_a_body_that_ghl_signed_is_taken(signer: Signer) -> None:
    body = b'{"type":"ContactCreate","locationId":"loc1"}'
    check_signature(call(body, **signer.headers(body)))
    ARRIVALS.verify(ACCOUNT, call(body, **signer.headers(body)))


@pytest.mark.parametrize("signature", ["", "N/A", "bm90IGl0", "not base64!", "A" * 88])
def test_any_other_signature_is_refused(signature: str) -> None:
    with pytest.raises(SignatureInvalid):
        check_signature(call({"type": "ContactCreate"}, **{"x-ghl-signature": signature}))


def test_one_changed_byte_is_noticed(signer: Signer) -> None:
    body = b'{"type":"ContactCreate","locationId":"loc1"}'
    with pytest.raises(SignatureInvalid, match="not GoHighLevel's"):
        check_signature(call(body + b" ", **signer.headers(body)))


def test_the_older_signature_counts_only_where_a_setting_says_so_and_the_newer_is_absent(
    signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"{}"
    old = {"x-wh-signature": signer.rsa_signature(body)}
    with pytest.raises(SignatureInvalid, match="no X-GHL-Signature"):
        check_signature(call(body, **old))
    monkeypatch.setenv("GHL_ACCEPT_LEGACY_SIGNATURE", "true")
    get_settings.cache_clear()
    check_signature(call(body, **old))
    for spoilt in ({**old, "x-ghl-signature": "N/A"}, {"x-wh-signature": "N/A"}, {"x-wh-signature": "AAAA"}):
        with pytest.raises(SignatureInvalid):
            check_signature(call(body, **spoilt))


def test_a_key_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GHL_PUBLIC_KEY", "nonsense")
    get_settings.cache_clear()
    with pytest.raises(SignatureInvalid, match="GHL_PUBLIC_KEY cannot be used"):
        check_signature(call({}, **{"x-ghl-signature": "AAAA"}))


def test_a_key_of_the_other_kind_is_no_key(signer: Signer) -> None:
    with pytest.raises(KeyUnusable):
        is_signed_ed25519(signer.rsa_public_key, "AAAA", b"")
    with pytest.raises(KeyUnusable):
        is_signed_rsa_sha256(signer.public_key, "AAAA", b"")


def test_the_keys_that_ghl_publishes_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GHL_PUBLIC_KEY")
    monkeypatch.delenv("GHL_LEGACY_PUBLIC_KEY")
    get_settings.cache_clear()
    settings = get_settings()
    assert not is_signed_ed25519(settings.ghl_public_key, "AAAA", b"{}")
    assert not is_signed_rsa_sha256(settings.ghl_legacy_public_key, "AAAA", b"{}")


def test_a_call_for_another_location_or_app_is_refused(signer: Signer) -> None:
    for payload in ({"locationId": "loc2"}, {"locationId": "loc1", "appId": "app2"}):
        body = json.dumps({"type": "ContactCreate", **payload}).encode()
        with pytest.raises(SignatureInvalid, match="another"):
            ARRIVALS.verify(ACCOUNT, call(body, **signer.headers(body)))


# --- keys ------------------------------------------------------------------------------------------------------------------


def test_the_webhook_id_names_a_delivery_and_the_message_id_one_that_is_to_be_sent() -> None:
    told = {"type": "ContactUpdate", "locationId": "loc1", "id": "c1", "webhookId": "w1", "timestamp": NOW.isoformat()}
    keys = ARRIVALS.keys(ACCOUNT, call(told))
    assert (keys.type, keys.dedupe_key, keys.order_key) == ("ghl.ContactUpdate", "w1", f"{ACCOUNT.id}:c1")
    typed = {"messageId": "m1", "contactId": "c1", "webhookId": "w2", "locationId": "loc1"}
    assert ARRIVALS.keys(ACCOUNT, call(typed, "/outgoing")).dedupe_key == "outgoing:m1"


def test_without_a_webhook_id_the_body_itself_is_the_key() -> None:
    told = {"type": "NoteCreate", "locationId": "loc1", "contactId": "c1"}
    first, second = (ARRIVALS.keys(ACCOUNT, call(told)).dedupe_key for _ in range(2))
    assert first == second and len(first) == 64
    assert ARRIVALS.keys(ACCOUNT, call({**told, "messageId": "m1"})).dedupe_key == "NoteCreate:m1"


def test_the_same_call_of_a_workflow_is_one_within_two_minutes_and_news_later() -> None:
    told = {"contact_id": "c1", "workflow": {"name": "Recall"}}
    keys = [
        GhlArrivals(clock=(NOW + timedelta(seconds=late)).timestamp).keys(ACCOUNT, call(told, "/workflow")).dedupe_key
        for late in (0, 30, 600)
    ]
    assert keys[0] == keys[1] != keys[2]
    chosen = {**told, "customData": {"event_id": "e1"}}
    assert ARRIVALS.keys(ACCOUNT, call(chosen, "/workflow")).dedupe_key == "workflow:e1"


@pytest.mark.parametrize("age", [timedelta(days=32), timedelta(days=-2)])
def test_what_is_very_old_or_from_the_future_is_not_taken(age: timedelta) -> None:
    with pytest.raises(Unreadable):
        ARRIVALS.keys(ACCOUNT, call({"type": "ContactUpdate", "timestamp": (NOW - age).isoformat()}))


def test_a_retry_of_some_hours_ago_is_taken() -> None:
    ARRIVALS.keys(ACCOUNT, call({"type": "ContactUpdate", "timestamp": (NOW - timedelta(hours=30)).isoformat()}))


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        ARRIVALS.keys(ACCOUNT, call(body))


def test_events_may_stand_under_data() -> None:
    body = {"type": "ContactCreate", "webhookId": "w", "data": {"locationId": "loc1", "id": "c1", "firstName": "Ana"}}
    assert location_of(body) == "loc1"
    [found] = ARRIVALS.parse(ACCOUNT, call(body))
    assert isinstance(found, CrmEvent) and found.contact is not None
    assert (found.contact.id, found.contact.name) == ("c1", "Ana")


def test_an_agency_is_known_by_its_company() -> None:
    assert (location_of({"type": "INSTALL", "companyId": "com1"}), company_of({"companyId": "com1"})) == ("", "com1")
    assert location_of({"type": "LocationUpdate", "id": "loc7"}) == "loc7"


# --- events ----------------------------------------------------------------------------------------------------------------

NAMES = {
    "ContactCreate": "contact_created", "ContactUpdate": "contact_updated", "ContactDelete": "contact_deleted",
    "ContactTagUpdate": "contact_tagged", "ContactDndUpdate": "contact_blocked",
    "TaskCreate": "task_created", "TaskComplete": "task_completed", "TaskDelete": "task_deleted",
    "OpportunityCreate": "opportunity_created", "OpportunityUpdate": "opportunity_changed",
    "OpportunityDelete": "opportunity_deleted", "OpportunityStageUpdate": "opportunity_stage",
    "OpportunityStatusUpdate": "opportunity_status", "OpportunityAssignedToUpdate": "opportunity_changed",
    "OpportunityMonetaryValueUpdate": "opportunity_changed",
    "InboundMessage": "message_in", "OutboundMessage": "message_out",
    "INSTALL": "app_installed", "UNINSTALL": "app_uninstalled",
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMES)
def test_each_event_has_its_name(kind: str) -> None:
    assert crm_event(kind, id="x1", contactId="c1").name == NAMES[kind]


@pytest.mark.parametrize("kind", [*NOT_USED, "SomethingOfNextYear", "CustomObjectSchemaCreate"])
def test_what_is_not_used_is_kept_with_a_reason_in_words(kind: str) -> None:
    found = arrival(kind, id="x1", contactId="c1")
    assert isinstance(found, Ignored) and found.reason.endswith(".")


@pytest.mark.parametrize("kind", [kind for kind in NAMES if not kind.endswith("INSTALL")])
def test_an_event_of_nobody_is_kept_with_a_reason(kind: str) -> None:
    found = arrival(kind)
    assert isinstance(found, Ignored) and "does not say of which contact" in found.reason


def test_a_contact_with_all_that_is_said_of_it() -> None:
    dnd = {
        "SMS": {"status": "active"},
        "WhatsApp": {"status": "inactive"},
        "Email": {"status": "permanent"},
        "Call": {},
    }
    contact = crm_event(
        "ContactDndUpdate", id="c1", firstName="Ana", lastName="Silva", phone="+14155550123", email="Ana@Example.com",
        tags=["VIP", "vip", " lead "], dnd=False, dndSettings=dnd, source="form",
    ).contact  # fmt: skip
    assert contact is not None
    assert (contact.name, contact.phone, contact.email) == ("Ana Silva", "+14155550123", "ana@example.com")
    assert contact.tags == ("vip", "lead")
    assert contact.blocked is False
    assert contact.blocked_channels == frozenset({"sms", "email"})
    assert contact.source == "form"


def test_what_is_not_said_of_a_contact_stays_unsaid() -> None:
    contact = crm_event("ContactUpdate", id="c1").contact
    assert contact is not None
    assert (contact.tags, contact.blocked, contact.blocked_channels, contact.phone) == (None, None, None, "")


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        ("AppointmentCreate", "confirmed", "appointment_booked"),
        ("AppointmentUpdate", "confirmed", "appointment_changed"),
        ("AppointmentUpdate", "cancelled", "appointment_cancelled"),
        ("AppointmentCreate", "cancelled", "appointment_cancelled"),  # what the samples of Update say
        ("AppointmentDelete", "confirmed", "appointment_cancelled"),
    ],
)
def test_an_appointment_is_told_by_its_status_more_than_by_the_name(kind: str, status: str, name: str) -> None:
    given = {"id": "a1", "contactId": "c1", "calendarId": "cal1", "startTime": "2026-12-01T10:00:00+05:30"}
    found = crm_event(kind, appointment={**given, "appointmentStatus": status})
    assert (found.name, found.data["start"], found.data["calendar_id"]) == (name, "2026-12-01T10:00:00+05:30", "cal1")


def test_a_message_has_its_source_and_an_internal_comment_is_none() -> None:
    found = crm_event(
        "OutboundMessage", contactId="c1", messageId="m1", body="Hi", source="app", messageType="SMS", to={}
    )
    assert (found.data["source"], found.data["message_id"], found.data["text"]) == ("app", "m1", "Hi")
    for comment in ({"messageType": "InternalComment"}, {"messageTypeString": "TYPE_INTERNAL_COMMENT"}):
        assert isinstance(arrival("OutboundMessage", contactId="c1", messageId="m1", **comment), Ignored)


@pytest.mark.parametrize("kind", [{"type": "SMS"}, {"type": "Custom"}, {}])
def test_a_message_for_sending_is_known_by_its_fields_with_or_without_a_type(kind: dict[str, str]) -> None:
    payload = {"contactId": "c1", "locationId": "loc1", "messageId": "m1", "phone": "+1 415", "message": " Hi\nthere ",
               "attachments": ["https://a.b/c.png", "ftp://no", 7], "userId": "u1"}  # fmt: skip
    [found] = ARRIVALS.parse(ACCOUNT, call({**payload, **kind}, "/outgoing"))
    assert isinstance(found, OutgoingTyped)
    assert (found.crm_message_id, found.text, found.user_id, found.is_email) == ("m1", "Hi\nthere", "u1", False)
    assert [each.url for each in found.media] == ["https://a.b/c.png"]


def test_a_mail_for_sending_is_one_and_without_an_id_it_is_unreadable() -> None:
    mail = {"contactId": "c1", "emailMessageId": "e1", "emailTo": ["a@b.c"], "html": "<p>Hi</p>"}
    [found] = ARRIVALS.parse(ACCOUNT, call(mail, "/outgoing"))
    assert isinstance(found, OutgoingTyped) and found.is_email and found.contact.email == "a@b.c"
    with pytest.raises(Unreadable):
        ARRIVALS.keys(ACCOUNT, call({"contactId": "c1", "message": "Hi"}, "/outgoing"))


def test_a_call_of_a_workflow_gives_its_values_and_nothing_of_the_contact() -> None:
    payload = {"contact_id": "c1", "first_name": "Mallory", "tags": "vip,lead", "phone": "+1999",
               "workflow": {"id": "w1", "name": "Recall"}, "customData": {"offer": "10 %", "n": 3, "deep": {}}}  # fmt: skip
    [found] = ARRIVALS.parse(ACCOUNT, call(payload, "/workflow"))
    assert isinstance(found, CrmEvent) and found.contact is not None
    assert (found.contact.id, found.contact.name, found.contact.phone, found.contact.tags) == ("c1", "", "", None)
    assert found.data == {"workflow": "Recall", "workflow_id": "w1", "values": {"offer": "10 %", "n": "3", "deep": ""}}


NASTY: list[Any] = [None, True, 7, -1.5, "x" * 50_000, "\x00\ud800", [], [[]], {}, {"a": {"b": []}}, ["\x00"]]


@pytest.mark.parametrize("value", NASTY, ids=lambda value: repr(value)[:20])
def test_values_of_a_surprising_kind_are_no_error(value: Any) -> None:
    names = ("id", "contactId", "firstName", "phone", "email", "tags", "dnd", "dndSettings", "appointment", "body", "source",
             "attachments", "title", "dueDate", "monetaryValue", "messageType", "status", "name")  # fmt: skip
    for kind in (*NAMES, "AppointmentUpdate"):
        for name in names:
            found = arrival(kind, **{"id": "x1", "contactId": "c1", name: value})
            assert isinstance(found, CrmEvent | Ignored)
            assert "\x00" not in repr(found)
    for name in ("contactId", "phone", "message", "attachments", "userId", "emailTo", "html", "type"):
        [typed] = ARRIVALS.parse(ACCOUNT, call({"messageId": "m1", "message": "Hi", name: value}, "/outgoing"))
        assert isinstance(typed, OutgoingTyped)
