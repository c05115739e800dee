from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from db import conversations
from db.engine import one, run, system, transaction
from tests.db.builders import (
    a_contact,
    a_conversation,
    a_handoff,
    a_message,
    a_run,
    a_user,
    a_workspace,
    an_automation,
    an_event,
    an_outbox_row,
)
from tests.webhook_server.conftest import Site

SOME_ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def conversation(site: Site) -> UUID:
    with transaction(site.workspace) as tx:
        contact = a_contact(tx, site.workspace, name="Tom Becker")
        return a_conversation(tx, site.workspace, contact, site.webchat)


@pytest.fixture
def foreign(site: Site) -> dict[str, UUID]:
    """Rows of another business."""
    with system() as tx:
        workspace = a_workspace(tx)
        theirs = a_conversation(tx, workspace)
        automation = an_automation(tx, workspace)
        return {
            "conversation": theirs,
            "handoff": a_handoff(tx, workspace, theirs),
            "contact": a_contact(tx, workspace),
            "automation": automation,
            "run": a_run(tx, workspace, automation, theirs),
            "event": an_event(tx, workspace, state="parked"),
            "user": a_user(tx, workspace, role="admin"),
        }


def test_without_a_key_nothing_is_answered(site: Site) -> None:
    for headers in ({}, {"X-API-Key": "fd_wrong"}, {"Authorization": "Bearer fd_ wrong"}):
        answer = site.http.get("/api/conversations", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "key_invalid")
    assert site.http.get("/api/conversations", headers={"Authorization": f"Bearer {site.key}"}).status_code == 200


def test_a_viewer_reads_and_does_not_write(site: Site, conversation: UUID) -> None:
    key = {"X-API-Key": site.new_key("viewer")}

    assert site.http.get("/api/conversations", headers=key).status_code == 200
    body = {"conversation_id": str(conversation), "text": "Hello"}
    refused = site.http.post("/api/send-message", json=body, headers=key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "role_too_low")
    assert site.http.get("/api/events/parked", headers=key).status_code == 403


def test_another_workspace_is_not_there(site: Site, foreign: dict[str, UUID]) -> None:
    theirs = foreign["conversation"]
    for path in (
        f"conversations/{theirs}",
        f"conversations/{theirs}/messages",
        f"contacts/{foreign['contact']}",
        f"runs/{foreign['run']}",
        f"automations/{foreign['automation']}",
    ):
        assert site.get(f"/api/{path}").status_code == 404, path
    for path, body in (
        ("send-message", {"conversation_id": str(theirs), "text": "Hi"}),
        (f"conversations/{theirs}/take-over", None),
        (f"conversations/{theirs}/give-back", None),
        (f"conversations/{theirs}/ai", {"enabled": False}),
        ("handoff/create", {"conversation_id": str(theirs)}),
        ("handoff/assign", {"handoff_id": str(foreign["handoff"]), "user": "ana@example.com"}),
        ("handoff/resolve", {"handoff_id": str(foreign["handoff"])}),
        (f"events/{foreign['event']}/retry", None),
    ):
        assert site.post(f"/api/{path}", body).status_code == 404, path
    assert site.http.delete(f"/api/contacts/{foreign['contact']}", headers={"X-API-Key": site.key}).status_code == 404
    for path in ("conversations", "handoffs", "runs", "automations", "events/parked"):
        assert site.get(f"/api/{path}").json()["items"] == [], path


def test_nobody_acts_in_the_name_of_a_stranger(site: Site, conversation: UUID, foreign: dict[str, UUID]) -> None:
    answer = site.post(f"/api/conversations/{conversation}/take-over", {"user": str(foreign["user"])})

    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "user")


def test_conversations_are_listed_page_by_page(site: Site, conversation: UUID) -> None:
    with transaction(site.workspace) as tx:
        for day in (1, 2, 3):
            at = datetime(2026, 1, day, tzinfo=UTC)
            a_conversation(tx, site.workspace, connection=site.webchat, last_message_at=at)

    first = site.get("/api/conversations", params={"limit": 3}).json()
    rest = site.get("/api/conversations", params={"limit": 3, "before": first["next"]}).json()

    assert len(first["items"]) == 3 and len(rest["items"]) == 1 and rest["next"] is None
    assert first["items"][0]["id"] == str(conversation)
    assert site.get("/api/conversations", params={"before": "nonsense"}).json()["error"]["field"] == "before"


def test_a_thread_goes_back_page_by_page(site: Site, conversation: UUID) -> None:
    with transaction(site.workspace) as tx:
        for number in range(5):
            a_message(tx, site.workspace, conversation, f"message {number}")
    path = f"/api/conversations/{conversation}/messages"

    first = site.get(path, params={"limit": 3}).json()
    rest = site.get(path, params={"limit": 3, "before": first["next"]}).json()

    texts = [line["content"] for line in rest["items"] + first["items"]]
    assert texts == [f"message {number}" for number in range(5)]


def test_a_message_is_sent_once_per_idempotency_key_and_takes_the_pen(site: Site, conversation: UUID) -> None:
    body = {"conversation_id": str(conversation), "text": "Your table is booked.", "user": "ana@example.com"}

    first = site.post("/api/send-message", body, **{"Idempotency-Key": "order-17"})
    again = site.post("/api/send-message", body | {"idempotency_key": "order-17"})

    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    detail = site.get(f"/api/conversations/{conversation}").json()
    assert (detail["owner"], detail["assignee_name"]) == ("human", "Ana Silva")
    with system() as tx:
        row = one(tx, "SELECT count(*) AS n, min(author) AS author FROM outbox")
    assert row is not None and (row["n"], row["author"]) == (1, "human")
    assert site.audit_rows("api.message_sent") == 2


def test_the_pen_goes_to_a_person_and_back(site: Site, conversation: UUID) -> None:
    path = f"/api/conversations/{conversation}"
    assert site.post(f"{path}/take-over", {"user": str(site.user)}).json() == {"ok": True}
    assert site.get(path).json()["owner"] == "human"
    assert site.post(f"{path}/give-back", {"note": "The table is booked."}).status_code == 200
    assert site.get(path).json()["owner"] == "ai"
    refused = site.post(f"{path}/give-back")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "refused")


def test_the_ai_switch_and_the_unread_mark(site: Site, conversation: UUID) -> None:
    with transaction(site.workspace) as tx:
        run(tx, "UPDATE conversations SET unread = 3")
    path = f"/api/conversations/{conversation}"

    assert site.post(f"{path}/ai", {"enabled": False}).status_code == 200
    assert site.post(f"{path}/read").status_code == 200

    detail = site.get(path).json()
    assert (detail["ai_enabled"], detail["unread"]) == (False, 0)


def test_a_handoff_is_created_assigned_and_resolved(site: Site, conversation: UUID) -> None:
    body = {"conversation_id": str(conversation), "reason": "Wants an invoice.", "priority": "high"}
    made = site.post("/api/handoff/create", body)
    assert made.status_code == 201
    handoff = made.json()["handoff_id"]
    (line,) = site.get("/api/handoffs").json()["items"]
    assert (line["id"], line["state"], line["priority"]) == (handoff, "pending", "high")

    assign = {"handoff_id": handoff, "user": "ana@example.com"}
    assert site.post("/api/handoff/assign", assign).status_code == 200
    assert site.get("/api/handoffs", params={"state": "assigned"}).json()["items"][0]["assignee_name"] == "Ana Silva"

    assert site.post("/api/handoff/resolve", {"handoff_id": handoff}).status_code == 200
    assert site.get("/api/handoffs").json()["items"] == []
    assert site.get(f"/api/conversations/{conversation}").json()["owner"] == "ai"
    assert site.post("/api/handoff/resolve", {"handoff_id": handoff}).status_code == 409


def test_runs_automations_and_contacts_can_be_read(site: Site, conversation: UUID) -> None:
    with transaction(site.workspace) as tx:
        automation = an_automation(tx, site.workspace)
        made = a_run(tx, site.workspace, automation, conversation)
        contact = conversations.get(tx, conversation)
    assert contact is not None

    assert site.get("/api/runs").json()["items"][0]["id"] == str(made)
    assert site.get(f"/api/runs/{made}").json()["automation_id"] == str(automation)
    assert site.get("/api/automations").json()["items"][0]["id"] == str(automation)
    assert site.get(f"/api/automations/{automation}").json()["document"]["format"] == 1
    assert site.get(f"/api/contacts/{contact.contact_id}").json()["name"] == "Tom Becker"


def test_an_admin_forgets_a_contact(site: Site, conversation: UUID) -> None:
    with transaction(site.workspace) as tx:
        found = conversations.get(tx, conversation)
        a_message(tx, site.workspace, conversation)
    assert found is not None
    path = f"/api/contacts/{found.contact_id}"
    builder = {"X-API-Key": site.new_key("builder")}
    assert site.http.delete(path, headers=builder).status_code == 403
    with system() as tx:
        sending = an_outbox_row(tx, site.workspace, conversation, state="sending")
    refused = site.http.delete(path, headers={"X-API-Key": site.key})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "refused")
    with system() as tx:
        run(tx, "UPDATE outbox SET state = 'done' WHERE id = %(id)s", id=sending)

    answer = site.http.delete(path, headers={"X-API-Key": site.key})

    assert answer.json() == {"conversations": 1, "messages": 1, "runs": 0, "arrivals": 0, "effects": 1}
    assert site.http.delete(path, headers={"X-API-Key": site.key}).status_code == 404
    assert site.get(f"/api/conversations/{conversation}").status_code == 404
    assert site.audit_rows("contact.forgotten") == 1


def test_a_parked_event_is_tried_again(site: Site) -> None:
    with transaction(site.workspace) as tx:
        event = an_event(tx, site.workspace, site.webchat, state="parked", attempts=3)

    assert [line["id"] for line in site.get("/api/events/parked").json()["items"]] == [str(event)]
    assert site.post(f"/api/events/{event}/retry").status_code == 200
    assert site.events()[0]["state"] == "pending"
    assert site.post(f"/api/events/{event}/retry").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "conversation_id"),
        ({"conversation_id": "x", "text": "Hi"}, "conversation_id"),
        ({"conversation_id": SOME_ID, "text": ""}, "text"),
        ({"conversation_id": SOME_ID, "text": "a\0b"}, "text"),
        ({"conversation_id": SOME_ID, "text": "Hi", "surprise": 1}, "surprise"),
        ({"conversation_id": SOME_ID}, "text"),
        ({"conversation_id": SOME_ID, "text": "Hi", "template": {"id": "HX1"}}, "text"),
        ({"conversation_id": SOME_ID, "template": {}}, "template.id"),
        ({"conversation_id": SOME_ID, "template": {"id": "HX1", "values": {"1": 2}}}, "template.values.1"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(site: Site, body: dict[str, Any], field: str) -> None:
    answer = site.post("/api/send-message", body)

    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)


def test_odd_values_never_crash(site: Site) -> None:
    surrogate = f'{{"conversation_id": "{uuid4()}", "text": "\\ud800"}}'
    headers = {"X-API-Key": site.key, "content-type": "application/json"}
    assert site.http.post("/api/send-message", content=surrogate, headers=headers).status_code == 422
    assert site.http.post("/api/send-message", content=b"\xff{", headers=headers).status_code in (400, 422)
    assert site.get("/api/conversations", params={"search": "%_\\'\""}).status_code == 200
    assert site.http.get("/api/conversations?search=a%00b", headers=headers).status_code == 422
    assert site.get("/api/runs", params={"before": str(2**70)}).status_code == 422
    too_long = b'{"text": "' + b"x" * 2_000_000 + b'"}'
    assert site.http.post("/api/send-message", content=too_long, headers=headers).status_code == 413


def test_the_description_names_every_call(site: Site) -> None:
    described = site.http.get("/openapi.json").json()

    assert "/api/send-message" in described["paths"] and "/api/stream" in described["paths"]
    for path, methods in described["paths"].items():
        for method, call in methods.items():
            assert call.get("summary") and "401" in call["responses"], f"{method} {path}"


def test_metrics_are_for_this_machine_or_an_admin(site: Site) -> None:
    site.twilio_call()
    text = site.http.get("/metrics").text
    assert 'frontdesk_webhook_answers_total{kind="twilio",status="200"} 1' in text
    assert 'frontdesk_waiting{queue="events",state="pending"} 1' in text

    through_proxy = {"X-Forwarded-For": "203.0.113.7"}
    assert site.http.get("/metrics", headers=through_proxy).status_code == 401
    viewer = through_proxy | {"X-API-Key": site.new_key("viewer")}
    assert site.http.get("/metrics", headers=viewer).status_code == 403
    assert site.http.get("/metrics", headers=through_proxy | {"X-API-Key": site.key}).status_code == 200


def test_ready_tells_a_migration_that_is_missing(site: Site) -> None:
    assert site.http.get("/ready").json() == {"status": "ready"}
    with system() as tx:
        run(tx, "DELETE FROM schema_migrations WHERE name = (SELECT max(name) FROM schema_migrations)")

    assert site.http.get("/ready").json()["error"]["code"] == "not_migrated"
