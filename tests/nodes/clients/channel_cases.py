"""What the contract suite needs to know about each channel: an account, arrivals of it, and how to break them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlencode
from uuid import UUID, uuid4

from nodes.clients.channel import Account, Channel, OutgoingMessage, Request
from nodes.clients.webchat import visitor_token
from nodes.errors import AuthFailed, ClientError, OutcomeUnknown, Rejected, Throttled
from tests.fakes.http_twin import Fault
from tests.fakes.twilio_twin import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    OUR_NUMBER,
    TwilioTwin,
    Webhook,
    signed_sms,
    signed_whatsapp,
)

TWILIO_URL = "https://desk.example.com/webhook/twilio"
CHAT_URL = "https://desk.example.com/api/chat/messages"
WAIT = Fault(status=429, code=20429, retry_after="7")


class Provider(Protocol):
    """The other end of a channel, as far as the suite looks at it."""

    @property
    def account(self) -> Account: ...

    def fail(self, fault: Fault) -> None: ...


@dataclass(frozen=True)
class Case:
    """One channel. `faults` are (what the provider does, the error it becomes), empty where nothing leaves."""

    kind: str
    account: Account
    arrivals: tuple[Request, ...]
    outgoing_channel: Channel
    to: str
    faults: tuple[tuple[str, Fault, type[ClientError]], ...]
    is_body_signed: bool

    def provider(self) -> AbstractContextManager[Provider]:
        return twilio_provider() if self.faults else no_provider(self.account)

    def outgoing(self, text: str = "We open at nine.") -> OutgoingMessage:
        return OutgoingMessage(uuid4(), self.outgoing_channel, self.to, text)

    def request(self, body: bytes, query: str = "") -> Request:
        return replace(self.arrivals[0], body=body, url=self.arrivals[0].url + query)

    def encoded(self, values: dict[str, Any]) -> bytes:
        """`values` in the form that the provider posts."""
        return urlencode(values).encode("utf-8", "replace") if self.is_body_signed else json.dumps(values).encode()


def twilio_account(base_url: str = "", **config: Any) -> Account:
    given = {
        "account_sid": ACCOUNT_SID,
        "from_number": OUR_NUMBER,
        "base_url": base_url,
        "timeout_seconds": 0.4,
    } | config
    return Account(UUID(int=7), UUID(int=1), "twilio", given, {"auth_token": AUTH_TOKEN})


def chat_account() -> Account:
    return Account(UUID(int=8), UUID(int=1), "webchat", {}, {"visitor_key": "the-key-of-the-visitors"})


def posted(call: Webhook) -> Request:
    return Request("POST", call.url, call.headers, call.body)


def chat_request(account: Account, visitor: str = "visitor-0001", **body: Any) -> Request:
    values = {
        "visitor": visitor,
        "message_id": "9b2f8c1e-0000-4000-8000-000000000001",
        "text": "Hello",
        "name": "",
    } | body
    headers = {"content-type": "application/json", "x-visitor-token": visitor_token(account, visitor)}
    return Request("POST", CHAT_URL, headers, json.dumps(values).encode())


@dataclass
class _TwilioProvider:
    twin: TwilioTwin

    @property
    def account(self) -> Account:
        return twilio_account(self.twin.base_url)

    def fail(self, fault: Fault) -> None:
        self.twin.misbehave(fault)


@contextmanager
def twilio_provider() -> Iterator[Provider]:
    with TwilioTwin() as twin:
        yield _TwilioProvider(twin)


@dataclass
class _NoProvider:
    account: Account

    def fail(self, fault: Fault) -> None:
        raise AssertionError("nothing leaves on this channel")


@contextmanager
def no_provider(account: Account) -> Iterator[Provider]:
    yield _NoProvider(account)


TWILIO_FAULTS: tuple[tuple[str, Fault, type[ClientError]], ...] = (
    ("wait", WAIT, Throttled),
    ("wait, code only", Fault(status=400, code=63018), Throttled),
    ("busy, with a time", Fault(status=503, retry_after="3"), Throttled),
    ("busy, without a time", Fault(status=503), OutcomeUnknown),
    ("broken", Fault(status=500), OutcomeUnknown),
    ("broken after accepting", Fault(status=502, accepts=True), OutcomeUnknown),
    ("a page of a proxy", Fault(status=504, body=b"<html>Gateway Timeout</html>"), OutcomeUnknown),
    ("wrong credentials", Fault(status=401, code=20003), AuthFailed),
    ("suspended", Fault(status=403, code=20005), AuthFailed),
    ("refused", Fault(status=400, code=21211), Rejected),
    ("moved", Fault(status=307), Rejected),
    ("dropped before accepting", Fault(drop=True), OutcomeUnknown),
    ("dropped after accepting", Fault(drop=True, accepts=True), OutcomeUnknown),
    ("never answers", Fault(hang=True), OutcomeUnknown),
    ("answers too late", Fault(delay_seconds=5, accepts=True), OutcomeUnknown),
    ("accepts with nonsense", Fault(status=201, body=b"<ok/>", accepts=True), OutcomeUnknown),
    ("accepts with a list", Fault(status=201, body=b"[]", accepts=True), OutcomeUnknown),
    ("accepts with numbers", Fault(status=201, body=b'{"sid": null, "date_created": 5}', accepts=True), OutcomeUnknown),
    ("accepts without a word", Fault(status=201, body=b"", accepts=True), OutcomeUnknown),
)

CASES = {
    "twilio": Case(
        "twilio",
        twilio_account(),
        (posted(signed_sms(TWILIO_URL)), posted(signed_whatsapp(TWILIO_URL + "?a=1", "Grüße 👋"))),
        "sms",
        "+14155550123",
        TWILIO_FAULTS,
        is_body_signed=True,
    ),
    "webchat": Case(
        "webchat",
        chat_account(),
        (chat_request(chat_account()), chat_request(chat_account(), "visitor-0002", text="Grüße 👋", name="Dana")),
        "webchat",
        "visitor-0001",
        (),
        is_body_signed=False,
    ),
}
