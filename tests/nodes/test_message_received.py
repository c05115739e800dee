"""When the trigger fires, and in which words it says why not."""

from __future__ import annotations

from typing import Any

import pytest

from nodes import message_received
from nodes.contract import Occasion, TurnMessage
from nodes.message_received import Config, refuses
from tests.nodes.contexts import MONDAY_NOON, business, carry_out, contact, context, conversation, turn

OPEN = {"hours": {"mon": [["09:00", "18:00"]]}}
CLOSED = {"hours": {"tue": [["09:00", "18:00"]]}}


def reason(config: dict[str, Any] | None = None, **occasion: Any) -> str:
    given: dict[str, Any] = {
        "kind": "message",
        "channel": "sms",
        "text": "Hello",
        "now": MONDAY_NOON,
        "business": business(),
    }
    return refuses(Config.model_validate(config or {}), Occasion(**(given | occasion)))


def test_any_message_fires_it_by_default() -> None:
    assert reason() == ""


def test_another_channel_is_named() -> None:
    assert reason({"channels": ["webchat"]}) == "It arrived by SMS; this automation listens to web chat only."
    assert reason({"channels": ["webchat", "whatsapp", "email"]}).endswith("web chat, WhatsApp and e-mail only.")
    assert reason({"channels": ["webchat", "sms"]}) == ""


@pytest.mark.parametrize(
    ("text", "fires"),
    [("My order?", True), ("mi PEDÍDO", True), ("I ordered", False), ("Return it", True), ("", False)],
)
def test_a_keyword_is_a_whole_word_whatever_its_case_and_accents(text: str, fires: bool) -> None:
    assert (reason({"keywords": ["order", "pedido", "return it"]}, text=text) == "") is fires


def test_missing_keywords_are_listed() -> None:
    assert (
        reason({"keywords": ["order", "refund"]})
        == "It holds none of the words that start this automation: order and refund."
    )


def test_only_the_first_message_may_be_wanted() -> None:
    assert "not the first message" in reason({"only_first_message": True})
    assert reason({"only_first_message": True}, first_contact=True) == ""


@pytest.mark.parametrize(
    ("wanted", "settings", "fires"),
    [
        ("any", CLOSED, True),
        ("open", OPEN, True),
        ("open", CLOSED, False),
        ("closed", CLOSED, True),
        ("closed", OPEN, False),
    ],
)
def test_opening_hours_decide(wanted: str, settings: dict[str, Any], fires: bool) -> None:
    said = reason({"hours": wanted}, business=business(settings))
    assert (said == "") is fires
    assert fires or "opening hours" in said


def test_hours_that_cannot_be_read_are_a_reason_and_no_crash() -> None:
    assert "monday" in reason({"hours": "open"}, business=business({"hours": {"monday": []}}))


def test_other_events_do_not_fire_it() -> None:
    assert reason(kind="schedule") == "It starts with messages; this was a schedule event."


def test_the_output_holds_the_whole_turn() -> None:
    said = turn("Hi", "¿Cuándo abren el sábado?", first_contact=True)
    output = carry_out(message_received, context(turn=said, conversation=conversation(channel="whatsapp"))).output
    assert output.text == "Hi\n¿Cuándo abren el sábado?"
    assert (output.channel, output.contact_name, output.language) == ("whatsapp", "Nora Weiss", "es")
    assert output.message_id == str(said.messages[-1].id)
    assert output.first_message and not output.has_media


def test_a_picture_without_words_is_seen() -> None:
    said = turn("")
    pictured = TurnMessage(said.messages[0].id, 1, "", MONDAY_NOON, ({"url": "https://example.com/a.jpg"},))
    output = carry_out(message_received, context(turn=type(said)((pictured,)), contact=contact(language="fr"))).output
    assert output.has_media and output.text == "" and output.language == "fr"
