"""The address at which another system asks a question."""

from __future__ import annotations

import httpx
import pytest

from flows import connections, hooks
from tests.webhook_server.conftest import Site
from webhook_server.ask import question_of
from webhook_server.errors import Refusal

QUESTION = {"question": "When do you open on Saturday?"}


@pytest.fixture
def made(site: Site) -> hooks.Made:
    return hooks.add(site.workspace, site.user, "Assistant", {})


@pytest.fixture
def path(made: hooks.Made) -> str:
    return httpx.URL(made.questions).path


def test_a_question_is_answered_at_once_and_not_stored(site: Site, path: str) -> None:
    answer = site.http.post(path, json=QUESTION)
    assert answer.status_code == 200
    assert answer.json() | {"text": ""} == {
        "text": "", "answered": False, "needs_person": True, "reason": "The documents do not hold the answer.",
        "quoted": True, "sources": [],
    }  # fmt: skip
    assert site.events() == []


def test_an_unknown_address_is_refused_written_down_and_counted(site: Site, path: str) -> None:
    answers = [site.http.post("/webhook/ai/guessed", json=QUESTION).status_code for _ in range(32)]
    assert answers[:30] == [404] * 30
    assert answers[-1] == 429
    assert site.audit_rows("webhook.refused") == 1


def test_a_paused_address_answers_nobody(site: Site, made: hooks.Made, path: str) -> None:
    assert site.http.post(path, json={}).status_code == 422
    connections.pause(site.workspace, site.user, made.connection)
    assert site.http.post(path, json=QUESTION).status_code == 404


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"question": " Hi? "}'),
        ("application/json; charset=utf-8", b'{"message": "Hi?"}'),
        ("", b'{"text": "Hi?"}'),
        ("application/x-www-form-urlencoded", b"question=Hi%3F"),
        ("text/plain", b"Hi?\n"),
    ],
)
def test_a_question_comes_as_json_form_or_text(kind: str, body: bytes) -> None:
    assert question_of(kind, body) == "Hi?"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b"{}", b'{"question": 7}', b'{"question": "a\\u0000b"}', b"[" * 9999]
)
def test_a_body_without_a_question_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        question_of("application/json", body)
    assert refused.value.status == 422
