"""The field to answer: when a person can write, and what is said when not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from db.engine import transaction
from db.views import ConversationDetail, conversation, thread
from tests.db.builders import a_contact, a_conversation, a_message
from tests.ui.conftest import Office
from ui import talk

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def told(office: Office) -> Any:
    def make(**columns: Any) -> ConversationDetail:
        opted_out = columns.pop("opted_out_at", None)
        with transaction(office.workspace) as tx:
            contact = a_contact(tx, office.workspace, opted_out_at=opted_out)
            found = conversation(tx, a_conversation(tx, office.workspace, contact, **columns))
        assert found is not None
        return found

    return make


def composer(detail: ConversationDetail, may_reply: bool = True) -> dict[str, Any]:
    return talk.composer(detail, now=NOW, may_reply=may_reply, me="Agent")


def test_a_reply_to_a_conversation_of_the_ai_says_that_it_takes_over(told: Any) -> None:
    assert "takes the conversation over" in composer(told())["hint"]


def test_whatsapp_closes_24_hours_after_the_customers_last_message(told: Any) -> None:
    open_still = composer(told(channel="whatsapp", last_inbound_at=NOW - timedelta(hours=23, minutes=59)))
    closed = composer(told(channel="whatsapp", last_inbound_at=NOW - timedelta(hours=24)))
    assert open_still["enabled"] and open_still["open_until"] == (NOW + timedelta(minutes=1)).isoformat()
    assert not closed["enabled"] and closed["hint"] == talk.CLOSED
    assert closed["placeholder"] == "Only a template can be sent"


def test_whatsapp_is_closed_where_the_customer_never_wrote(told: Any) -> None:
    assert not composer(told(channel="whatsapp", last_inbound_at=None, created_at=NOW))["enabled"]


def test_other_channels_have_no_window(told: Any) -> None:
    assert composer(told(channel="sms", last_inbound_at=NOW - timedelta(days=30)))["open_until"] == ""


def test_a_viewer_is_told_why_the_field_is_closed(told: Any) -> None:
    field = composer(told(), may_reply=False)
    assert not field["enabled"] and "role" in field["hint"]


def test_somebody_who_opted_out_is_pointed_out(told: Any) -> None:
    assert "asked for no more messages" in composer(told(opted_out_at=NOW))["hint"]


def test_only_an_unanswered_message_asks_why_no_answer_came(office: Office) -> None:
    with transaction(office.workspace) as tx:
        id = a_conversation(tx, office.workspace)
        a_message(tx, office.workspace, id, "First")
        a_message(
            tx, office.workspace, id, "Answer", direction="out", author="ai", state="failed", error="The line was busy."
        )
        a_message(tx, office.workspace, id, "Second", media=_media())
        detail, lines = conversation(tx, id), thread(tx, id)
    assert detail is not None
    data = talk.thread_data(detail, lines, now=NOW, may_reply=True, me="Agent")
    first, answer, second = data["messages"]
    assert [first["why"]["quiet"], answer["why"]["text"], second["why"]["text"]] == [True, "Why this answer?", "Why no answer?"]  # fmt: skip
    assert (answer["state"], answer["error"]) == ("failed", "The line was busy.")
    assert second["media"] == [{"url": "https://example.com/a.jpg", "name": "", "content_type": "image/jpeg"}]


def test_a_message_that_left_as_a_template_says_so(office: Office) -> None:
    sent = {"direction": "out", "author": "human", "metadata": Jsonb({"explanation": {"template": "bike_ready"}})}
    with transaction(office.workspace) as tx:
        id = a_conversation(tx, office.workspace)
        a_message(tx, office.workspace, id, "Is it ready?")
        a_message(tx, office.workspace, id, "Hello Lea, your bike is ready.", **sent)
        detail, lines = conversation(tx, id), thread(tx, id)
    assert detail is not None
    data = talk.thread_data(detail, lines, now=NOW, may_reply=True, me="Agent")
    assert [message["template"] for message in data["messages"]] == ["", "Bike ready"]


def _media() -> Jsonb:
    return Jsonb([{"url": "https://example.com/a.jpg", "content_type": "image/jpeg", "bytes": 12}])
