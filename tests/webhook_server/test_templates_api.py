"""Templates by REST: they are listed, and a reply may be one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from db import connections
from db.engine import run, transaction
from flows import message_templates
from tests.db.builders import a_contact, a_conversation
from tests.fakes.twilio_twin import ACCOUNT_SID, AUTH_TOKEN, TwilioTwin
from tests.webhook_server.conftest import Site


@pytest.fixture
def twin(site: Site) -> Iterator[TwilioTwin]:
    """The site's Twilio account."""
    message_templates.forget()
    with TwilioTwin() as twin:
        config = {"account_sid": ACCOUNT_SID, "base_url": twin.base_url}
        with transaction(site.workspace) as tx:
            connections.update(tx, site.twilio, config=config, secrets={"auth_token": AUTH_TOKEN})
        yield twin
    message_templates.forget()


@pytest.fixture
def conversation(site: Site) -> UUID:
    """On WhatsApp; the customer wrote two days ago."""
    with transaction(site.workspace) as tx:
        contact = a_contact(tx, site.workspace)
        made = a_conversation(
            tx, site.workspace, contact, site.twilio, channel="whatsapp", address="+14155550123", owner="ai"
        )
        run(tx, "UPDATE conversations SET last_inbound_at = now() - interval '2 days' WHERE id = %(id)s", id=made)
    return made


def body(conversation: UUID, template: dict[str, Any]) -> dict[str, Any]:
    return {"conversation_id": str(conversation), "template": template, "idempotency_key": "reminder-1"}


def test_the_templates_are_listed_with_their_blanks(site: Site, twin: TwilioTwin) -> None:
    twin.add_template("soon", "Hello", approval="pending")
    made = twin.add_template("bike_ready", "Hello {{1}}")
    listed = site.http.get("/api/templates", headers={"X-API-Key": site.new_key("viewer")}).json()
    assert [each["name"] for each in listed["items"]] == ["bike_ready", "soon"] and listed["next"] is None
    assert listed["items"][0] == {
        "id": made.sid,
        "name": "bike_ready",
        "language": "en",
        "category": "utility",
        "text": "Hello {1}",
        "blanks": ["1"],
        "approval": "approved",
    }


def test_a_reply_by_template_is_put_in_line_once(site: Site, twin: TwilioTwin, conversation: UUID) -> None:
    made = twin.add_template("bike_ready", "Hello {{1}}")
    asked = body(conversation, {"id": made.sid, "values": {"1": "Lea"}})
    answers = [site.post("/api/send-message", asked) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    [message] = site.get(f"/api/conversations/{conversation}/messages").json()["items"][-1:]
    assert (message["content"], message["metadata"]["explanation"]) == ("Hello Lea", {"template": "bike_ready"})
    assert site.get(f"/api/conversations/{conversation}").json()["owner"] == "human"


def test_a_template_that_cannot_be_sent_is_refused_with_the_remedy(
    site: Site, twin: TwilioTwin, conversation: UUID
) -> None:
    made = twin.add_template("bike_ready", "Hello {{1}}")
    pending = twin.add_template("soon", "Hello", approval="pending")
    for template, status, words in (
        ({"id": "HX0"}, 404, "does not exist"),
        ({"id": pending.sid}, 409, "has not approved"),
        ({"id": made.sid}, 409, "blank 1"),
        ({"id": made.sid, "values": {"name": "Lea"}}, 409, "no blank 'name'"),
    ):
        answer = site.post("/api/send-message", body(conversation, template))
        assert answer.status_code == status and words in answer.json()["error"]["message"], answer.text
    viewer = {"X-API-Key": site.new_key("viewer")}
    asked = body(conversation, {"id": made.sid, "values": {"1": "Lea"}})
    assert site.http.post("/api/send-message", json=asked, headers=viewer).status_code == 403
