from __future__ import annotations

import inspect

import openai
import pytest

from nodes.clients.openai_errors import translate, translated
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected
from tests.nodes.clients.embedding_server import EmbeddingServer

STATUS_ERRORS = [
    error
    for _, error in inspect.getmembers(openai, inspect.isclass)
    if issubclass(error, openai.APIStatusError) and hasattr(error, "status_code")
]


def error_of(status: int, body: object = None) -> openai.APIStatusError:
    """The package's own error for a real answer with this status."""
    with EmbeddingServer(status=status, body=body or {}) as server, pytest.raises(openai.APIStatusError) as raised:
        openai.OpenAI(base_url=server.url, api_key="k", max_retries=0).embeddings.create(model="m", input=["text 1"])
    return raised.value


@pytest.mark.parametrize("kind", STATUS_ERRORS, ids=lambda kind: kind.__name__)
def test_every_status_error_of_the_package_becomes_one_of_ours(kind: type[openai.APIStatusError]) -> None:
    assert isinstance(translate(error_of(kind.status_code), "The model server"), ClientError)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, Rejected), (401, AuthFailed), (403, AuthFailed), (408, NotSent), (409, Rejected), (502, NotSent)],
)
def test_the_status_decides_what_the_runtime_does_next(status: int, expected: type[ClientError]) -> None:
    assert type(translate(error_of(status), "The model server")) is expected


def test_a_rejection_keeps_the_providers_code() -> None:
    error = translate(error_of(400, {"error": {"message": "too long", "code": "context_length_exceeded"}}), "X")
    assert isinstance(error, Rejected)
    assert error.code == "context_length_exceeded"
    assert isinstance(without_code := translate(error_of(404), "X"), Rejected)
    assert without_code.code == "404"


def test_an_error_that_is_about_no_request_is_a_rejection() -> None:
    with pytest.raises(Rejected, match="odd") as raised, translated("The model server"):
        raise openai.OpenAIError("odd")
    assert raised.value.code == "OpenAIError"


def test_an_invalid_address_of_the_server_is_not_sent() -> None:
    client = openai.OpenAI(base_url="ftp://127.0.0.1/v1", api_key="k", max_retries=0)
    with pytest.raises(NotSent), translated("The model server"):
        client.models.list()


def test_an_answer_that_breaks_off_leaves_the_outcome_unknown() -> None:
    with EmbeddingServer(hang_up=True) as server, pytest.raises(OutcomeUnknown), translated("The model server"):
        openai.OpenAI(base_url=server.url, api_key="k", max_retries=0).embeddings.create(model="m", input=["text 1"])
