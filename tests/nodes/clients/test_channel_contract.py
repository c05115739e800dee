"""The manners that every channel has, whoever the provider is."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.clients.channel import (
    Absent,
    Account,
    CannotTell,
    ChannelClient,
    Found,
    Ignored,
    IncomingMessage,
    Receipt,
    Request,
)
from nodes.clients.registry import CHANNELS, client
from nodes.errors import ClientError, SignatureInvalid, Throttled, Unreadable
from tests.fakes.http_twin import Fault
from tests.nodes.clients.channel_cases import CASES, Case

each_channel = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
FAULTS = [(case, fault, error) for case in CASES.values() for _, fault, error in case.faults]
FAULT_NAMES = [f"{case.kind}: {name}" for case in CASES.values() for name, _, _ in case.faults]


def test_every_registered_channel_is_in_this_suite() -> None:
    assert set(CASES) == set(CHANNELS)


def test_an_unknown_kind_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"pigeon.*twilio, webchat"):
        client("pigeon")


@each_channel
def test_a_client_has_every_method_with_the_parameters_of_the_protocol(case: Case) -> None:
    channel = CHANNELS[case.kind]
    assert channel.kind == case.kind
    assert channel.max_text_length >= 160
    assert isinstance(channel.repeatable, bool)
    for name in ("verify", "keys", "parse", "send", "reconcile"):
        promised = list(inspect.signature(getattr(ChannelClient, name)).parameters)[1:]
        assert list(inspect.signature(getattr(channel, name)).parameters) == promised


@each_channel
def test_a_genuine_arrival_is_accepted(case: Case) -> None:
    for request in case.arrivals:
        CHANNELS[case.kind].verify(case.account, request)


@each_channel
def test_an_arrival_under_other_secrets_is_refused(case: Case) -> None:
    other = replace(case.account, secrets={name: value + "x" for name, value in case.account.secrets.items()})
    for account in (
        other,
        replace(case.account, secrets={}),
        replace(case.account, secrets=dict.fromkeys(other.secrets, "")),
    ):
        for request in case.arrivals:
            with pytest.raises(SignatureInvalid):
                CHANNELS[case.kind].verify(account, request)


@each_channel
def test_an_arrival_without_or_with_another_signature_is_refused(case: Case) -> None:
    for request in case.arrivals:
        for headers in _headers_with_a_changed_signature(request):
            with pytest.raises(SignatureInvalid):
                CHANNELS[case.kind].verify(case.account, replace(request, headers=headers))


def _headers_with_a_changed_signature(request: Request) -> Iterator[dict[str, str]]:
    name = next(name for name in request.headers if name.endswith(("-signature", "-token")) and name.startswith("x-"))
    signature = request.headers[name]
    yield {key: value for key, value in request.headers.items() if key != name}
    for changed in ("", "ü", signature[:-1], signature + "A", signature.swapcase(), "A" * len(signature)):
        yield {**request.headers, name: changed}


@each_channel
def test_an_arrival_with_one_changed_byte_is_refused(case: Case) -> None:
    """Where the provider does not sign the body, the bytes that name the sender."""
    for request in case.arrivals:
        end = len(request.body) if case.is_body_signed else request.body.index(b'", "message_id"')
        for place in range(0 if case.is_body_signed else len(b'{"visitor": "'), end):
            changed = request.body[:place] + bytes([request.body[place] ^ 1]) + request.body[place + 1 :]
            with pytest.raises(SignatureInvalid):
                CHANNELS[case.kind].verify(case.account, replace(request, body=changed))


@each_channel
def test_a_redelivery_has_the_same_keys_and_another_arrival_has_not(case: Case) -> None:
    channel = CHANNELS[case.kind]
    first, second = (channel.keys(case.account, request) for request in case.arrivals)
    again = replace(case.arrivals[0], headers={**case.arrivals[0].headers, "i-attempt": "2"})
    assert channel.keys(case.account, again) == first
    assert first.dedupe_key != second.dedupe_key
    assert first.type.startswith(case.kind + ".")


@each_channel
def test_the_arrivals_of_one_sender_keep_their_order_within_the_account(case: Case) -> None:
    channel = CHANNELS[case.kind]
    keys = channel.keys(case.account, case.arrivals[0])
    message = channel.parse(case.account, case.arrivals[0])[0]
    assert isinstance(message, IncomingMessage)
    assert keys.order_key == f"{case.account.id}:{message.address}"


@each_channel
def test_an_arrival_says_who_wrote_what_and_where_a_reply_goes(case: Case) -> None:
    for request in case.arrivals:
        (message,) = CHANNELS[case.kind].parse(case.account, request)
        assert isinstance(message, IncomingMessage)
        assert message.address and message.provider_message_id and message.text
        assert any(identity.address == message.address for identity in message.identities)


odd_text = st.text(st.characters(codec="utf-8") | st.sampled_from("\x00\r\n\x1b\u202e\ufeff"), max_size=40)
odd_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | odd_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(odd_text, inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["MessageSid", "SmsSid", "From", "To", "Body", "MediaUrl0", "MessageStatus", "ErrorCode", "WaId"]
)
FIELDS |= st.sampled_from(["Latitude", "Longitude", "OptOutType", "Direction", "visitor", "message_id", "text", "name"])
VALUES = odd_text | st.sampled_from(
    ["SM1", "whatsapp:+1", "+14155550123", "whatsapp:", ":", "sent", "READ", "visitor-1"]
)


@each_channel
@settings(max_examples=150, deadline=None)
@given(body=st.binary(max_size=300), query=odd_text)
def test_any_bytes_are_read_or_refused_as_unreadable(case: Case, body: bytes, query: str) -> None:
    _read(case, case.request(body, "?" + query.replace("#", "")))


@each_channel
@settings(max_examples=200, deadline=None)
@given(values=st.dictionaries(FIELDS | odd_text, VALUES, max_size=10))
def test_any_fields_are_read_or_refused_as_unreadable(case: Case, values: dict[str, str]) -> None:
    _read(case, case.request(case.encoded(values)))
    known: dict[str, Any] = {
        "MessageSid": "SM1",
        "From": "+14155550123",
        "visitor": "visitor-1",
        "message_id": "message-1",
    }
    _read(case, case.request(case.encoded(known | values)))


@each_channel
@settings(max_examples=100, deadline=None)
@given(values=st.dictionaries(FIELDS, odd_json, max_size=6))
def test_any_values_are_read_or_refused_as_unreadable(case: Case, values: dict[str, Any]) -> None:
    _read(case, case.request(case.encoded(values)))


@each_channel
@pytest.mark.parametrize(
    "body",
    [b"", b"\x00" * 100, b"[" * 60_000, b"{" * 60_000, b"a" * 100_000, b"&" * 100_000, b"=&" * 50_000, b'"\\ud800"'],
)
def test_an_extreme_body_is_read_or_refused_as_unreadable(case: Case, body: bytes) -> None:
    _read(case, case.request(body))


def _read(case: Case, request: Request) -> None:
    """Both looks agree, raise nothing but Unreadable, and give nothing that cannot be stored."""
    channel = CHANNELS[case.kind]
    with pytest.raises(SignatureInvalid):
        channel.verify(case.account, request)
    try:
        keys = channel.keys(case.account, request)
    except Unreadable as error:
        assert error.reason
        return
    for arrival in channel.parse(case.account, request):
        assert isinstance(arrival, (IncomingMessage, Receipt, Ignored))
        said = f"{keys} {arrival!r}".encode()  # lone surrogates cannot be encoded
        assert b"\\x00" not in said and "\x00" not in _strings(arrival)


def _strings(arrival: object) -> str:
    return "".join(str(value) for value in vars(arrival).values())


@each_channel
def test_a_message_is_sent_once_and_found_again(case: Case) -> None:
    began = datetime.now(UTC)
    with case.provider() as provider:
        message = case.outgoing()
        sent = CHANNELS[case.kind].send(provider.account, message)
        found = CHANNELS[case.kind].reconcile(provider.account, message, began)
    assert isinstance(found, Found)
    assert found.provider_message_id == sent.provider_message_id


@pytest.mark.parametrize(("case", "fault", "expected"), FAULTS, ids=FAULT_NAMES)
def test_a_failure_becomes_the_error_that_says_what_to_do_next(
    case: Case, fault: Fault, expected: type[ClientError]
) -> None:
    with case.provider() as provider:
        provider.fail(fault)
        with pytest.raises(ClientError) as raised:
            CHANNELS[case.kind].send(provider.account, case.outgoing())
    assert type(raised.value) is expected
    assert raised.value.reason.endswith((".", "?")), raised.value.reason
    assert not any(secret in raised.value.reason for secret in provider.account.secrets.values())
    if isinstance(raised.value, Throttled) and fault.retry_after:
        assert raised.value.retry_after_seconds == float(fault.retry_after)


@pytest.mark.parametrize(("case", "fault", "expected"), FAULTS, ids=FAULT_NAMES)
def test_after_an_unknown_outcome_the_provider_tells_whether_the_message_is_there(
    case: Case, fault: Fault, expected: type[ClientError]
) -> None:
    began, message = datetime.now(UTC), case.outgoing()
    with case.provider() as provider:
        provider.fail(fault)
        with pytest.raises(expected):
            CHANNELS[case.kind].send(provider.account, message)
        answer = CHANNELS[case.kind].reconcile(provider.account, message, began)
    assert isinstance(answer, Found if fault.accepts else Absent)


@pytest.mark.parametrize(("case", "fault", "expected"), FAULTS, ids=FAULT_NAMES)
def test_a_provider_that_cannot_be_asked_proves_nothing(case: Case, fault: Fault, expected: type[ClientError]) -> None:
    with case.provider() as provider:
        provider.fail(fault)
        answer = CHANNELS[case.kind].reconcile(provider.account, case.outgoing(), datetime.now(UTC))
    assert isinstance(answer, CannotTell)
    assert answer.reason


@each_channel
def test_no_secret_is_shown_when_an_account_is_printed(case: Case) -> None:
    for secret in case.account.secrets.values():
        assert secret not in repr(case.account)
        assert secret not in f"{case.account}"


def test_an_account_keeps_its_secrets_out_of_a_failed_assertion_too() -> None:
    account = Account(CASES["twilio"].account.id, CASES["twilio"].account.workspace_id, "x", {}, {"key": "hidden"})
    assert "hidden" not in repr([account])
