"""A question waits for an answer that can be used, reminds once, and ends in one of five ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from nodes import ask
from nodes.contract import NodeFailed, Pause
from nodes.effects import SendMessage
from tests.nodes.contexts import MONDAY_NOON, context

MAIL = {"question": "What is your e-mail address?", "kind": "email", "timeout_minutes": 60}


def taken_up(config: Mapping[str, Any], **changes: Any) -> Any:
    return ask.run(ask.Config.model_validate(config), ask.Input(), context(**changes))


def asked(config: Mapping[str, Any]) -> Pause:
    paused = taken_up(config)
    assert isinstance(paused, Pause)
    return paused


def replied(config: Mapping[str, Any], memory: Mapping[str, Any], text: str, minutes: float = 1) -> Any:
    woken = {"kind": "message", "text": text, "seq": 7}
    return taken_up(config, memory=memory, woken_by=woken, now=MONDAY_NOON + timedelta(minutes=minutes))


def silent(config: Mapping[str, Any], memory: Mapping[str, Any], minutes: float) -> Any:
    return taken_up(config, memory=memory, now=MONDAY_NOON + timedelta(minutes=minutes))


def said(paused: Pause) -> list[str]:
    return [effect.text for effect in paused.effects if isinstance(effect, SendMessage)]


def test_it_asks_and_waits_for_the_customer() -> None:
    paused = asked(MAIL)
    assert said(paused) == ["What is your e-mail address?"]
    assert (paused.until, paused.wakes_on) == (MONDAY_NOON + timedelta(hours=1), ("message",))


def test_a_usable_answer_ends_it() -> None:
    output = replied(MAIL, asked(MAIL).memory, "sure: Ana@Example.com")
    assert (output.value, output.answered, output.text) == ("ana@example.com", True, "sure: Ana@Example.com")


def test_an_answer_that_cannot_be_used_is_asked_for_again_and_then_no_more() -> None:
    config = {**MAIL, "tries": 2, "not_usable": "Sorry?"}
    again = replied(config, asked(config).memory, "no idea")
    assert said(again) == ["Sorry?"]
    output = replied(config, again.memory, "still none", minutes=2)
    assert (output.gave_up, output.answered, output.text) == (True, False, "still none")


def test_each_answer_gives_the_customer_the_whole_time_again() -> None:
    again = replied(MAIL, asked(MAIL).memory, "no idea", minutes=50)
    assert again.until == MONDAY_NOON + timedelta(minutes=110)


def test_silence_ends_it_in_time() -> None:
    assert silent(MAIL, asked(MAIL).memory, 60).timed_out


def test_taken_up_too_early_it_waits_for_the_rest_and_says_nothing() -> None:
    paused = silent(MAIL, asked(MAIL).memory, 10)
    assert (paused.until, paused.effects) == (MONDAY_NOON + timedelta(hours=1), ())


def test_it_reminds_once() -> None:
    config = {**MAIL, "reminder_minutes": 15, "reminder": "Still there?"}
    first = asked(config)
    assert first.until == MONDAY_NOON + timedelta(minutes=15)
    reminded = silent(config, first.memory, 15)
    assert (said(reminded), reminded.until) == (["Still there?"], MONDAY_NOON + timedelta(hours=1))
    assert said(silent(config, reminded.memory, 30)) == []


def test_who_asks_for_a_person_is_not_asked_again() -> None:
    output = replied(MAIL, asked(MAIL).memory, "I want to speak to a human")
    assert (output.wants_person, output.answered) == (True, False)


def test_choices_are_shown_with_their_numbers() -> None:
    config = {"question": "Which one?", "kind": "choice", "choices": ["Road bike", "City bike"]}
    paused = asked(config)
    assert said(paused) == ["Which one?\n1. Road bike\n2. City bike"]
    assert replied(config, paused.memory, "2").value == "City bike"


def test_a_choice_needs_something_to_choose_from() -> None:
    with pytest.raises(ValidationError, match="at least two"):
        ask.Config.model_validate({"kind": "choice", "choices": ["One"]})


def test_without_a_question_or_a_conversation_it_fails_in_words() -> None:
    with pytest.raises(NodeFailed, match="question is empty"):
        taken_up({"question": " "})
    with pytest.raises(NodeFailed, match="nobody to ask"):
        taken_up(MAIL, conversation=None)
