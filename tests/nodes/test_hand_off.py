"""Who gets a person, what the customer is told, and that it happens once."""

from __future__ import annotations

from typing import Any

import pytest

from nodes import hand_off
from nodes.contract import NodeFailed
from nodes.effects import OpenHandoff, SendMessage
from tests.nodes.contexts import business, carry_out, contact, context, conversation, turn

CLOSED = business({"hours": {"tue": [["09:00", "18:00"]]}})


def effects(config: dict[str, Any] | None = None, message: str = "agent", **changes: Any) -> tuple[OpenHandoff, str]:
    """The handoff and the words to the customer; fails where there are not exactly these two."""
    handoff, notice = carry_out(hand_off, context(**changes), config, message=message).effects
    assert isinstance(handoff, OpenHandoff) and isinstance(notice, SendMessage)
    return handoff, notice.text


def test_a_wish_for_a_person_opens_a_handoff_and_tells_the_customer() -> None:
    handoff, notice = effects(message="Can I speak to a person?")
    assert handoff.reason_code == "customer_request" and "speak to a person" in handoff.reason
    assert handoff.summary == "Can I speak to a person?"
    assert notice == "Of course. I have passed your message to a colleague. Somebody will answer you here."


def test_without_wish_and_verdict_nothing_happens() -> None:
    result = carry_out(hand_off, context(), message="How much is it per person?")
    assert result.effects == () and not result.output.requested and result.output.reason == ""


def test_the_verdict_of_an_earlier_step_is_enough() -> None:
    result = carry_out(hand_off, context(), message="Do you ship?", verdict=True, reason="The documents do not say.")
    handoff, notice = result.effects
    assert isinstance(handoff, OpenHandoff) and isinstance(notice, SendMessage)
    assert (handoff.reason_code, handoff.reason) == ("missing_knowledge", "The documents do not say.")
    assert notice.text.startswith("I cannot answer that myself") and result.output.requested


def test_the_wish_of_the_customer_is_the_better_reason() -> None:
    result = carry_out(hand_off, context(), message="human!", verdict=True, reason="No idea.")
    assert "customer asked" in result.output.reason


def test_a_conversation_that_a_person_has_is_not_asked_for_again() -> None:
    result = carry_out(hand_off, context(conversation=conversation(owner="human")), message="agent")
    assert result.effects == () and not result.output.requested
    assert result.output.reason == "A colleague has this conversation already."


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Kann ich mit einem Menschen sprechen?", "Gerne. Ich habe Ihre Nachricht"),
        ("quiero hablar con una persona", "Por supuesto."),
        ("je veux parler à un conseiller", "Bien sûr."),
        ("quero falar com uma pessoa", "Claro."),
    ],
)
def test_the_notice_is_in_the_language_of_the_customer(message: str, words: str) -> None:
    assert effects(message=message)[1].startswith(words)


def test_a_single_word_is_answered_in_the_language_of_the_contact() -> None:
    assert effects(message="agent", contact=contact(language="fr"))[1].startswith("Bien sûr.")


def test_outside_opening_hours_it_says_when_people_are_back() -> None:
    assert effects(message="I want an agent please", business=CLOSED)[1] == (
        "Of course. I have passed your message to a colleague. "
        "We are closed right now; somebody will answer you here tomorrow at 09:00."
    )
    assert "mañana a las 09:00" in effects(message="quiero hablar con una persona", business=CLOSED)[1]


def test_own_words_replace_ours() -> None:
    config = {"notice": "A moment.", "notice_when_closed": "We write {back}."}
    assert effects(config)[1] == "A moment."
    assert effects(config, message="I need an agent", business=CLOSED)[1] == "We write tomorrow at 09:00."
    assert effects({"notice": "A moment."}, business=CLOSED)[1] == "A moment."


def test_the_notice_can_be_left_out() -> None:
    [handoff] = carry_out(hand_off, context(), {"tell_customer": False}, message="agent").effects
    assert isinstance(handoff, OpenHandoff)


def test_a_slip_in_the_opening_hours_keeps_nobody_from_a_person() -> None:
    result = carry_out(hand_off, context(business=business({"hours": {"monday": []}})), message="agent")
    assert len(result.effects) == 2 and "monday" in result.detail["opening_hours"]


def test_a_business_that_never_opens_still_says_something() -> None:
    notice = effects(message="I want an agent", business=business({"hours": {"mon": []}}))[1]
    assert notice.endswith("Somebody will answer you here.")


def test_words_priority_and_reason_are_settings() -> None:
    config = {"keywords": ["the boss"], "priority": "urgent", "verdict_reason": "policy_restriction"}
    handoff, _ = effects(config, message="get me the boss")
    assert handoff.priority == "urgent"
    assert carry_out(hand_off, context(), config, message="get me an agent").effects == ()
    judged = carry_out(hand_off, context(), config, message="x", verdict=True).effects[0]
    assert isinstance(judged, OpenHandoff) and judged.reason_code == "policy_restriction"


def test_the_turn_is_read_when_no_message_is_connected() -> None:
    assert carry_out(hand_off, context(turn=turn("hello", "human?"))).output.requested


def test_a_long_message_is_shortened_for_the_colleague() -> None:
    handoff, _ = effects(message="I want a human. " + "bike " * 200)
    assert len(handoff.summary) <= 301 and handoff.summary.endswith("…")


def test_a_run_without_a_conversation_says_so() -> None:
    with pytest.raises(NodeFailed, match="no conversation"):
        carry_out(hand_off, context(conversation=None), message="agent")
