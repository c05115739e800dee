"""Conversations of GoHighLevel: what is stored, what is sent, what is only said to be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nodes.clients.ghl import Ghl
from nodes.errors import NotSent, Rejected
from tests.fakes.ghl_twin import APP_ID, GhlTwin
from tests.nodes.clients.ghl_client import PHONE, client_of, refused

PROVIDER = "prov0Twin0Provider00"


@pytest.fixture
def twin() -> Iterator[GhlTwin]:
    with GhlTwin(limit=10_000) as twin:
        twin.providers[PROVIDER] = APP_ID
        yield twin


@pytest.fixture
def ana(twin: GhlTwin) -> str:
    return str(twin.add_contact(firstName="Ana", phone=PHONE, email="ana@example.com")["id"])


def by_app(twin: GhlTwin) -> Ghl:
    """The client with the token of the app that owns the provider."""
    return client_of(twin, twin.issue()["access_token"])


def test_a_contact_has_one_conversation(twin: GhlTwin, ana: str) -> None:
    client = client_of(twin)
    conversation = client.conversation_of(ana)
    assert client.conversation_of(ana) == conversation
    assert (len(twin.conversations), len(twin.calls("POST", "/conversations/")), twin.refused) == (1, 1, [])


def test_a_conversation_that_somebody_made_in_the_same_moment_is_found(twin: GhlTwin, ana: str) -> None:
    twin.type_message(ana, "Hello")
    twin.break_with(path="/conversations/search", body={"conversations": [], "total": 0})
    assert client_of(twin).conversation_of(ana) == next(iter(twin.conversations))


@pytest.mark.parametrize("nested", [False, True])
def test_messages_are_read_flat_and_nested(twin: GhlTwin, ana: str, nested: bool) -> None:
    twin.nested_messages = nested
    client = client_of(twin)
    for text in ("one", "two", "three"):
        client.add_inbound({"type": "SMS", "contactId": ana, "message": text})
    found = client.messages(client.conversation_of(ana), limit=2)
    assert [each["body"] for each in found] == ["three", "two"]
    one = client.message(found[0]["id"])
    assert one is not None and one["body"] == "three"
    assert client.message("none") is None


def test_the_direction_is_always_said(twin: GhlTwin, ana: str) -> None:
    client = client_of(twin)
    client.add_inbound({"type": "SMS", "contactId": ana, "message": "Hi"})
    client.add_inbound({"type": "SMS", "contactId": ana, "message": "Hello", "direction": "outbound"})
    assert [each["direction"] for each in twin.message_list] == ["inbound", "outbound"]
    assert twin.refused == []


def test_created_with_an_empty_body_means_that_nothing_was_stored(twin: GhlTwin, ana: str) -> None:
    client = client_of(twin)
    assert refused(lambda: client.add_inbound({"type": "Custom", "contactId": ana, "message": "Hi"})) == "not_stored"
    assert (twin.asked[-1].status, twin.message_list) == (201, [])


def test_a_provider_takes_only_its_own_apps_token(twin: GhlTwin, ana: str) -> None:
    fields = {
        "type": "Custom",
        "contactId": ana,
        "message": "Hi",
        "conversationProviderId": PROVIDER,
        "altId": "wamid.1",
    }
    assert refused(lambda: client_of(twin).add_inbound(fields)) == "provider"
    assert by_app(twin).add_inbound(fields)["messageId"] == twin.message_list[0]["id"]
    assert refused(lambda: by_app(twin).add_inbound({**fields, "conversationProviderId": "wrong"})) == "provider"


def test_an_email_is_sent_from_html(twin: GhlTwin, ana: str) -> None:
    client = client_of(twin)
    client.send_message({"type": "Email", "contactId": ana, "subject": "Hi", "message": "Nine <o'clock>\nor ten"})
    assert twin.message_list[0]["body"] == "Nine &lt;o&#x27;clock&gt;<br>or ten"
    with pytest.raises(Rejected, match="no message or attachments"):
        client.send_message({"type": "Email", "contactId": ana, "subject": "Empty"})


def test_do_not_disturb_refuses_for_good(twin: GhlTwin, ana: str) -> None:
    client = client_of(twin)
    client.set_dnd(ana, "whatsapp", on=True)
    assert refused(lambda: client.send_message({"type": "WhatsApp", "contactId": ana, "message": "Hi"})) == "dnd"
    assert client.send_message({"type": "SMS", "contactId": ana, "message": "Hi"})["messageId"]


def test_a_contact_without_a_phone_gets_no_sms(twin: GhlTwin) -> None:
    id = twin.add_contact(email="tom@example.com")["id"]
    assert (
        refused(lambda: client_of(twin).send_message({"type": "SMS", "contactId": id, "message": "Hi"})) == "no_phone"
    )


def test_a_status_that_comes_too_early_is_to_be_tried_again(twin: GhlTwin, ana: str) -> None:
    twin.status_race = 2
    message, client = twin.type_message(ana, "We open at nine.", provider=PROVIDER)["id"], by_app(twin)
    for _ in range(2):
        with pytest.raises(NotSent):
            client.set_status(message, "delivered")
    client.set_status(message, "delivered")
    client.set_status(message, "failed", "The number is not in use.")
    assert [body["status"] for _, body in twin.status_reports] == ["delivered", "failed"]
    assert twin.status_reports[1][1]["error"]["message"] == "The number is not in use."


def test_sent_is_no_status_there(twin: GhlTwin, ana: str) -> None:
    message, client = twin.type_message(ana, "Hi", provider=PROVIDER)["id"], by_app(twin)
    client.set_status(message, "sent")
    assert twin.asked == []
    assert refused(lambda: client.set_status(message, "opened")) == "status"


def test_a_private_token_cannot_report_a_status(twin: GhlTwin, ana: str) -> None:
    message = twin.type_message(ana, "Hi", provider=PROVIDER)["id"]
    with pytest.raises(NotSent, match="No conversation provider found"):
        client_of(twin).set_status(message, "read")


def test_files_are_uploaded_and_voice_notes_are_not_tried(twin: GhlTwin, ana: str) -> None:
    client = client_of(twin)
    conversation = client.conversation_of(ana)
    found = client.upload(conversation, ana, [("plan.pdf", b"%PDF", "application/pdf"), ("x.png", b"PNG", "image/png")])
    assert list(found) == ["plan.pdf", "x.png"] and twin.uploads == [("plan.pdf", 4), ("x.png", 3)]
    assert refused(lambda: client.upload(conversation, ana, [("voice.ogg", b"OggS", "audio/ogg")])) == "file_type"
    assert twin.refused == []
