"""Answers from a model, quotations without one, and what happens when the model does not answer."""

from __future__ import annotations

from typing import Any

import pytest

from nodes import generate
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected, Throttled
from nodes.prompt import ANSWER_SCHEMA
from tests.nodes.contexts import RecordingModel, carry_out, context, turn

OPENING = {"id": "p1", "source": "Opening hours", "text": "On Saturday we are open from 10:00 to 14:00.", "score": 0.8}
PRICES = {"id": "p2", "source": "Prices", "text": "Full service costs 119 EUR.", "score": 0.4}
ASKED: dict[str, Any] = {"message": "Are you open on Saturday?", "passages": [OPENING, PRICES]}


def test_the_reply_and_the_passages_that_it_rests_on_come_out() -> None:
    model = RecordingModel('{"reply": "From 10 to 14.", "needs_person": false, "reason": "", "used_passages": [1, 7]}')
    output = carry_out(generate, context(llm=model), **ASKED).output
    assert (output.text, output.answered, output.needs_person, output.reason) == ("From 10 to 14.", True, False, "")
    assert (output.used_model, output.quoted) == ("recording-model", False)
    assert [passage.id for passage in output.used_passages] == ["p1"]


def test_the_model_can_ask_for_a_person() -> None:
    model = RecordingModel(
        '{"reply": "I do not know.", "needs_person": true, "reason": "no price", "used_passages": []}'
    )
    output = carry_out(generate, context(llm=model), **ASKED).output
    assert (
        output.needs_person and not output.answered and output.reason == "no price" and output.text == "I do not know."
    )


def test_a_model_that_writes_no_json_still_answers() -> None:
    output = carry_out(generate, context(llm=RecordingModel("We open at ten.")), **ASKED).output
    assert output.text == "We open at ten." and output.answered


@pytest.mark.parametrize("answer", ["", '{"reply": "We op', '{"reply": ""}'])
def test_no_usable_answer_means_a_person(answer: str) -> None:
    result = carry_out(generate, context(llm=RecordingModel(answer)), **ASKED)
    assert result.output.needs_person and result.output.text == "" and not result.output.answered
    assert result.detail["answer"] == answer


def test_the_run_keeps_prompt_tokens_and_cost() -> None:
    model = RecordingModel()
    detail = carry_out(generate, context(llm=model), **ASKED).detail
    assert detail["messages"][-1] == {"role": "user", "content": "Are you open on Saturday?"}
    assert (detail["model"], detail["tokens_in"], detail["tokens_out"], detail["cost_usd"]) == (
        "recording-model",
        120,
        30,
        0.001,
    )
    assert detail["duration_ms"] >= 0


def test_settings_history_and_facts_reach_the_model() -> None:
    model = RecordingModel()
    config = {"temperature": 0.1, "max_tokens": 200, "role": "You are Leo."}
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    carry_out(generate, context(llm=model), config, **ASKED, history=history, facts="Name: Nora", memory="Likes red.")
    assert model.options == [{"temperature": 0.1, "max_tokens": 200, "json_schema": ANSWER_SCHEMA}]
    [prompt] = model.asked
    assert prompt[0].content.startswith("You are Leo.") and "Name: Nora\nLikes red." in prompt[0].content
    assert [line.content for line in prompt[1:]] == ["Hi", "Hello", "Are you open on Saturday?"]


def test_without_a_model_the_documents_are_quoted_and_it_says_so() -> None:
    result = carry_out(generate, context(llm=None), **ASKED)
    assert result.output.text.startswith("From our documents:") and "10:00 to 14:00" in result.output.text
    assert result.output.quoted and result.output.used_model == "" and result.output.answered
    assert "no language model" in result.detail["answered_by"]
    assert [passage.id for passage in result.output.used_passages] == ["p1"]


def test_without_a_model_and_without_a_fitting_sentence_a_person_is_needed() -> None:
    given: dict[str, Any] = {"message": "¿Quién ganó la copa?", "passages": [OPENING]}
    output = carry_out(generate, context(llm=None), **given).output
    assert output.needs_person and output.quoted and not output.answered
    assert output.text == "No he encontrado una respuesta en nuestros documentos."
    relaxed = carry_out(generate, context(llm=None), {"ask_for_person": False}, **given).output
    assert relaxed.answered and not relaxed.needs_person


def test_the_turn_is_answered_when_no_message_is_connected() -> None:
    model = RecordingModel()
    carry_out(generate, context(llm=model, turn=turn("Hi", "open?")))
    assert model.asked[0][-1].content == "Hi\nopen?"


def test_a_message_without_text_is_not_answered() -> None:
    model = RecordingModel()
    output = carry_out(generate, context(llm=model, turn=turn(""))).output
    assert output.needs_person and "no text" in output.reason and model.asked == []


@pytest.mark.parametrize("error", [Throttled("Wait.", 3), NotSent("Away.")])
def test_what_waiting_cures_goes_on_to_the_engine(error: ClientError) -> None:
    with pytest.raises(type(error)):
        carry_out(generate, context(llm=RecordingModel(error)), {"when_model_fails": "quote"}, **ASKED)


def test_a_question_whose_answer_got_lost_may_be_asked_again() -> None:
    with pytest.raises(NotSent, match="did not answer"):
        carry_out(generate, context(llm=RecordingModel(OutcomeUnknown("It did not answer."))), **ASKED)


@pytest.mark.parametrize("error", [AuthFailed("The key is wrong."), Rejected("model", "No such model.")])
def test_what_waiting_does_not_cure_asks_for_a_person_or_quotes(error: ClientError) -> None:
    handed = carry_out(generate, context(llm=RecordingModel(error)), **ASKED)
    assert handed.output.needs_person and error.reason in handed.output.reason and handed.output.text == ""
    quoted = carry_out(generate, context(llm=RecordingModel(error)), {"when_model_fails": "quote"}, **ASKED)
    assert quoted.output.quoted and quoted.output.answered and quoted.detail["model_error"] == error.reason
