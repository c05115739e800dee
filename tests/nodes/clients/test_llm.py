from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import openai
import pytest

from nodes.clients.channel import Account
from nodes.clients.llm import OpenAIChat, check
from nodes.contract import ChatMessage
from nodes.errors import AuthFailed, ClientError, NotSent, Rejected, Throttled
from tests.fakes.http_twin import Fault
from tests.fakes.openai_twin import API_KEY, Body, OpenAITwin, Refused

ASKED = [ChatMessage("system", "Be brief."), ChatMessage("user", "When do you open?")]
SCHEMA = {
    "type": "object",
    "properties": {"reply": {"type": "string"}},
    "required": ["reply"],
    "additionalProperties": False,
}


@pytest.fixture
def twin() -> Iterator[OpenAITwin]:
    with OpenAITwin() as twin:
        yield twin


def chat(twin: OpenAITwin, model: str = "twin-chat", **more: Any) -> OpenAIChat:
    return OpenAIChat(twin.base_url, more.pop("api_key", API_KEY), model, more.pop("timeout_seconds", 0.5), **more)


def body(message: Any = None, **more: Any) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"model": "m-2026", "choices": [choice], **more}).encode()


def test_an_answer_comes_with_what_it_took(twin: OpenAITwin) -> None:
    answer = chat(twin).complete(ASKED, temperature=0.2, max_tokens=300)
    assert (answer.text, answer.model) == ("You said: When do you open?", "twin-chat")
    assert answer.tokens_in > 0 and answer.tokens_out > 0 and answer.cost_usd is None
    (asked,) = twin.chats
    assert asked == {
        "model": "twin-chat",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "When do you open?"}],
        "temperature": 0.2,
        "max_tokens": 300,
    }


def test_the_cost_is_what_the_server_says_or_follows_from_the_prices(twin: OpenAITwin) -> None:
    model = chat(twin, price_in_per_million=2.0, price_out_per_million=8.0)
    usage = {"prompt_tokens": 1000, "completion_tokens": 500}
    twin.misbehave(Fault(body=body({"content": "Nine."}, usage=usage)))
    assert model.complete(ASKED).cost_usd == pytest.approx(0.006)
    twin.misbehave(Fault(body=body({"content": "Nine."}, usage={**usage, "cost": 0.5})))
    assert model.complete(ASKED).cost_usd == 0.5


def test_a_server_that_is_not_known_is_asked_for_json_and_told_the_schema(twin: OpenAITwin) -> None:
    chat(twin).complete(ASKED, json_schema=SCHEMA)
    assert twin.chats[0]["response_format"] == {"type": "json_object"}
    assert json.dumps(SCHEMA) in twin.chats[0]["messages"][0]["content"]


def test_the_schema_is_not_repeated_where_the_prompt_speaks_of_json(twin: OpenAITwin) -> None:
    chat(twin).complete([ChatMessage("user", 'Answer in JSON: {"reply": ""}')], json_schema=SCHEMA)
    assert len(twin.chats[0]["messages"]) == 1


@pytest.mark.parametrize("known", ["https://api.openai.com/v1", "https://openrouter.ai/api/v1"])
def test_openai_and_openrouter_are_held_to_the_schema(known: str) -> None:
    model = OpenAIChat(known, "key", "m")
    asked = model._body(ASKED, 0.1, 50, {**SCHEMA, "title": "verdict"}, frozenset())
    assert asked["response_format"]["json_schema"] == {
        "name": "verdict",
        "schema": {**SCHEMA, "title": "verdict"},
        "strict": True,
    }
    assert asked["max_completion_tokens"] == 50
    open_schema = model._body(ASKED, None, None, {"type": "object"}, frozenset())
    assert open_schema["response_format"]["json_schema"]["strict"] is False
    assert "temperature" not in open_schema


def refusing(*names: str, param: bool = True) -> Any:
    """A model that does not take these parameters, and says which where `param`."""

    def reply(body: Body) -> str:
        given = {*body, body.get("response_format", {}).get("type", "")}
        for name in sorted(given & set(names)):
            field = "response_format" if name.startswith("json") else name
            message = f"Unsupported value: '{field}'" if param else "Bad request"
            raise Refused(400, "unsupported_value" if param else "", message, field if param else None)
        return "Nine."

    return reply


@pytest.mark.parametrize("param", [True, False])
def test_a_form_of_answer_that_is_refused_is_left_out_from_then_on(twin: OpenAITwin, param: bool) -> None:
    twin.reply = refusing("json_object", "json_schema", param=param)
    model = chat(twin, f"plain-{param}")
    assert model.complete(ASKED, json_schema=SCHEMA).text == "Nine."
    assert [each.get("response_format", {}).get("type") for each in twin.chats] == ["json_object", "json_schema", None]
    chat(twin, f"plain-{param}").complete(ASKED, json_schema=SCHEMA)
    assert len(twin.chats) == 4  # another object for the same model knows it too
    assert "response_format" not in twin.chats[-1]


def test_parameters_that_a_model_refuses_are_left_out(twin: OpenAITwin) -> None:
    twin.reply = refusing("temperature", "max_tokens")
    assert chat(twin, "thinker").complete(ASKED, temperature=0.2, max_tokens=100).text == "Nine."
    assert "temperature" not in twin.chats[-1]
    assert twin.chats[-1]["max_completion_tokens"] == 100


def test_a_refusal_of_the_conversation_is_no_refusal_of_the_parameters(twin: OpenAITwin) -> None:
    def reply(body: Body) -> str:
        raise Refused(400, "context_length_exceeded", "Too many tokens in messages", "messages")

    twin.reply = reply
    with pytest.raises(Rejected, match="Too many tokens") as raised:
        chat(twin, "small").complete(ASKED, json_schema=SCHEMA, temperature=0.1)
    assert raised.value.code == "context_length_exceeded"
    assert len(twin.chats) == 1


def test_an_attempt_that_fails_for_good_teaches_nothing(twin: OpenAITwin) -> None:
    twin.misbehave(Fault(status=400), times=3)
    with pytest.raises(Rejected):
        chat(twin, "moody").complete(ASKED, json_schema=SCHEMA)
    chat(twin, "moody").complete(ASKED, json_schema=SCHEMA)
    assert twin.chats[-1]["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(status=400), Rejected),
        (Fault(status=401, code="invalid_api_key"), AuthFailed),
        (Fault(status=402), Rejected),
        (Fault(status=403), AuthFailed),
        (Fault(status=404, code="model_not_found"), Rejected),
        (Fault(status=422), Rejected),
        (Fault(status=429, code="rate_limit_exceeded", retry_after="7"), Throttled),
        (Fault(status=429), Throttled),
        (Fault(status=429, code="insufficient_quota"), Rejected),
        (Fault(status=500), NotSent),
        (Fault(status=503), NotSent),
        (Fault(status=529), NotSent),
        (Fault(drop=True), NotSent),
        (Fault(drop=True, accepts=True), NotSent),
        (Fault(hang=True), NotSent),
        (Fault(delay_seconds=5, accepts=True), NotSent),
        (Fault(body=b"<html>Welcome</html>"), Rejected),
        (Fault(body=b"[1]"), Rejected),
        (Fault(body=b"[" * 50_000), Rejected),
        (Fault(body=b"{}"), Rejected),
        (Fault(body=b'{"choices": [null]}'), Rejected),
        (Fault(body=b'{"choices": {"0": 1}}'), Rejected),
        (Fault(body=body({"content": ""})), Rejected),
        (Fault(body=body({"content": None})), Rejected),
        (Fault(body=body(["text"])), Rejected),
        (Fault(body=b'{"error": {"code": 429, "message": "slow down"}}'), Throttled),
        (Fault(body=b'{"error": {"code": 502, "message": "upstream"}}'), NotSent),
        (Fault(body=b'{"error": {"code": 401, "message": "key"}}'), AuthFailed),
        (Fault(body=b'{"error": "odd"}'), Rejected),
        (Fault(body=b'{"choices": [{"error": {"code": 503, "message": "busy"}}]}'), NotSent),
    ],
)
def test_a_failure_becomes_the_error_that_says_what_to_do_next(
    twin: OpenAITwin, fault: Fault, expected: type[ClientError]
) -> None:
    twin.misbehave(fault)
    with pytest.raises(ClientError) as raised:
        chat(twin).complete(ASKED)
    assert type(raised.value) is expected
    assert API_KEY not in raised.value.reason
    if fault.retry_after:
        assert isinstance(raised.value, Throttled) and raised.value.retry_after_seconds == 7.0


@pytest.mark.parametrize(
    ("message", "reason", "code"),
    [
        ({"content": None, "refusal": "I cannot help with that."}, "stop", "refusal"),
        ({"content": ""}, "content_filter", "content_filter"),
        ({"content": ""}, "length", "too_few_tokens"),
        ({"content": " \n"}, "stop", "empty_answer"),
    ],
)
def test_an_answer_without_text_says_why(twin: OpenAITwin, message: Body, reason: str, code: str) -> None:
    choice = {"index": 0, "message": message, "finish_reason": reason}
    twin.misbehave(Fault(body=json.dumps({"choices": [choice]}).encode()))
    with pytest.raises(Rejected) as raised:
        chat(twin).complete(ASKED)
    assert raised.value.code == code


def test_an_answer_in_parts_is_joined_and_cleaned(twin: OpenAITwin) -> None:
    parts = [{"type": "text", "text": "We open "}, {"type": "text", "text": "at\x00 nine\ud83d."}, "odd"]
    twin.misbehave(Fault(body=body({"content": parts})))
    answer = chat(twin).complete(ASKED)
    assert (answer.text, answer.model, answer.tokens_in) == ("We open at nine.", "m-2026", 0)


def test_a_filter_that_stops_one_text_says_nothing_about_the_key(twin: OpenAITwin) -> None:
    error = {"code": 403, "message": "flagged", "metadata": {"reasons": ["violence"], "flagged_input": "..."}}
    twin.misbehave(Fault(status=403, body=json.dumps({"error": error}).encode()))
    with pytest.raises(Rejected) as raised:
        chat(twin).complete(ASKED)
    assert raised.value.code == "moderation"


def test_a_server_that_is_not_there_and_a_server_without_key() -> None:
    with OpenAITwin(api_key="none") as twin:
        assert chat(twin, api_key="").complete(ASKED).text
    with pytest.raises(NotSent, match="cannot be reached"):
        chat(twin).complete(ASKED)


def test_no_key_is_shown_when_a_model_is_printed(twin: OpenAITwin) -> None:
    assert API_KEY not in repr(chat(twin))


def test_every_error_that_the_package_names_is_of_the_tree_that_we_translate() -> None:
    named = {name for name in openai.__all__ if name.endswith("Error")}
    ours = {name for name in named if issubclass(getattr(openai, name), openai.OpenAIError)}
    assert named - ours == {"InvalidWebhookSignatureError"}  # of a function that we do not call


def connected(twin: OpenAITwin, api_key: str = API_KEY, **config: Any) -> Account:
    given = {"base_url": twin.base_url, "model": "twin-chat"} | config
    return Account(uuid4(), uuid4(), "llm", given, {"api_key": api_key})


def test_a_check_asks_the_model_for_one_word(twin: OpenAITwin) -> None:
    assert check(connected(twin)) == ""
    (asked,) = twin.chats
    assert (asked["model"], asked["max_tokens"]) == ("twin-chat", 16)


def test_a_model_that_thinks_until_its_tokens_are_used_up_works(twin: OpenAITwin) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "length"}
    twin.misbehave(Fault(body=json.dumps({"model": "m", "choices": [choice]}).encode()))
    assert check(connected(twin)) == ""


def test_a_check_says_what_is_wrong_with_the_model(twin: OpenAITwin) -> None:
    assert "Enter a valid one" in check(connected(twin, api_key="sk-wrong"))
    assert "names no model" in check(connected(twin, model=""))
    twin.misbehave(Fault(status=404, code="model_not_found", message="There is no such model."))
    assert "There is no such model." in check(connected(twin, model="another"))
    twin.misbehave(Fault(status=429, code="insufficient_quota", message="You are out of credit."))
    assert "out of credit" in check(connected(twin))
    assert "cannot be reached" in check(connected(twin, base_url="http://127.0.0.1:9/v1"))
