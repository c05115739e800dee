from __future__ import annotations

import inspect

import httpx
import pytest

from nodes.clients.http import LONGEST_WAIT_SECONDS, WAIT_SECONDS, http_client, retry_after_seconds, translated
from nodes.errors import ClientError, NotSent, OutcomeUnknown, Rejected
from tests.fakes.twilio_twin import TwilioTwin

ERRORS = [
    kind
    for _, kind in inspect.getmembers(httpx, inspect.isclass)
    if issubclass(kind, Exception) and not issubclass(kind, Warning)
]
NEVER_LEFT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "LocalProtocolError"}
BAD_ADDRESS = {"InvalidURL", "UnsupportedProtocol"}


def raised(kind: type[Exception]) -> Exception:
    request = httpx.Request("GET", "http://127.0.0.1/")
    if kind is httpx.HTTPStatusError:
        return httpx.HTTPStatusError("no", request=request, response=httpx.Response(500))
    return kind() if "message" not in inspect.signature(kind).parameters else kind("no")


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_exception_of_httpx_becomes_one_of_ours(kind: type[Exception]) -> None:
    with pytest.raises(ClientError) as error, translated("The provider"):
        raise raised(kind)
    expected = NotSent if kind.__name__ in NEVER_LEFT else Rejected if kind.__name__ in BAD_ADDRESS else OutcomeUnknown
    assert type(error.value) is expected
    assert error.value.reason.endswith(".")


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with TwilioTwin() as twin, http_client(2) as client:
        assert client.get(twin.base_url).status_code == 401


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("", WAIT_SECONDS),
        ("-3", WAIT_SECONDS),
        ("nan", WAIT_SECONDS),
        ("Wed, 21 Oct 2026 07:28:00 GMT", WAIT_SECONDS),
        ("inf", LONGEST_WAIT_SECONDS),
        ("1e300", LONGEST_WAIT_SECONDS),
    ],
)
def test_the_time_to_wait_is_always_a_sensible_number(said: str, expected: float) -> None:
    assert retry_after_seconds({"retry-after": said} if said else {}) == expected
