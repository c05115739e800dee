"""SMS and WhatsApp by Twilio, through the `twilio` package over a base address that can be set.

Account.config: account_sid, from_number, whatsapp_from (default: from_number), messaging_service_sid, base_url,
timeout_seconds (how long an answer may take).
Account.secrets: auth_token, and auth_token_secondary while the token is being exchanged.
Source: twilio.com/docs/messaging/api/message-resource (read 2026-11).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.http import HttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from nodes.clients import twilio_arrival as arrival
from nodes.clients.channel import (
    Absent,
    Account,
    Arrival,
    CannotTell,
    Found,
    Keys,
    OutgoingMessage,
    ReceiptState,
    Request,
    Sent,
)
from nodes.clients.http import http_client, translated
from nodes.clients.text import printable
from nodes.clients.twilio_answer import refusal, sentence
from nodes.errors import AuthFailed, ClientError, OutcomeUnknown, Rejected, SignatureInvalid

BASE_URL = "https://api.twilio.com"
READ_SECONDS = 15.0
CLOCK_SLACK = timedelta(minutes=1)  # how far our clock and Twilio's may differ
NEWEST = 200  # messages to one recipient that are looked through for one that may be there

_FAILED = {"failed", "undelivered", "canceled"}
_OUTCOMES: dict[str, ReceiptState] = {"delivered": "delivered", "read": "read", **dict.fromkeys(_FAILED, "failed")}
# What the package raises for an answer with status 2xx that has not the documented form.
UNREADABLE = (TwilioException, ValueError, TypeError, AttributeError, LookupError)
_making = threading.Lock()  # two threads that come first must not make two pools
_log = logging.getLogger(__name__)


class TwilioChannel:
    """One Twilio account per connection; connections to the provider are pooled per account and shared by threads."""

    kind = "twilio"
    max_text_length = 1600
    repeatable = False

    def verify(self, account: Account, request: Request) -> None:
        """Accept only requests that Twilio signed.

        Signature = base64(HMAC-SHA1(auth token, public url + sorted form fields)); a JSON body is covered by its
        SHA-256 in the url instead. Source: twilio.com/docs/usage/webhooks/webhooks-security (read 2026-11).
        """
        tokens = [account.secrets.get(name, "") for name in ("auth_token", "auth_token_secondary")]
        if not any(_is_signed(token, request) for token in tokens if token):
            raise SignatureInvalid(
                "Twilio did not sign this request with the auth token of the connection. Check the token, and that "
                "FRONTDESK_PUBLIC_URL is the address that Twilio calls."
            )

    def keys(self, account: Account, request: Request) -> Keys:
        values = arrival.fields(request)
        sid = arrival.message_sid(values)
        if arrival.is_status(values):
            return Keys("twilio.status", f"{sid}:{values['MessageStatus'][:40]}", f"{account.id}:{sid}")
        address = arrival.sender(values).removeprefix(arrival.WHATSAPP)
        return Keys("twilio.message", sid, f"{account.id}:{address}")

    def parse(self, account: Account, request: Request) -> list[Arrival]:
        values = arrival.fields(request)
        if arrival.is_status(values):
            return [arrival.receipt(values, request.url)]
        return [arrival.message(values, _own_addresses(account))]

    def send(self, account: Account, message: OutgoingMessage) -> Sent:
        given = {**_sender(account, message), **_content(message), "to": _address(message)}
        callback = receipt_address(account, message)
        if callback:
            given["status_callback"] = callback
        accepted = _ask(account, given)
        if accepted.status in _FAILED:
            code = str(accepted.error_code or "")
            raise Rejected(code or "failed", sentence(code, accepted.error_message or ""))
        return Sent(accepted.sid)

    def reconcile(
        self, account: Account, message: OutgoingMessage, since: datetime, known: Collection[str] = ()
    ) -> Found | Absent | CannotTell:
        """Look for the message among the newest ones to its recipient.

        Not by `DateSent`: a message that still waits at Twilio has none. `known` are ids that belong to other
        messages of ours, so that the same words said twice are not taken for one.
        """
        try:
            return _search(account, message, since - CLOCK_SLACK, known)
        except ClientError as error:
            return CannotTell(error.reason)


def check(account: Account) -> str:
    """'' when messages can leave over this account, else what to do. It reads the account and sends nothing."""
    try:
        found = rest_client(account).api.accounts(str(account.config["account_sid"])).fetch()
    except OutcomeUnknown:
        return "Twilio gave no usable answer just now. Try again in a minute."
    except ClientError as error:
        return error.reason
    except UNREADABLE as error:
        return f"What answers at the address of Twilio is not Twilio: {error}. Correct the address in the connection."
    if found.status != "active":
        return f"The Twilio account is {found.status}. Sign in at twilio.com to see why."
    has_sender = any(account.config.get(name) for name in ("from_number", "whatsapp_from", "messaging_service_sid"))
    return "" if has_sender else sentence("21603")


def _is_signed(token: str, request: Request) -> bool:
    signature = request.headers.get("x-twilio-signature", "")
    body: Any = arrival.form(request)
    if not arrival.is_form(request):
        if "bodySHA256" not in parse_qs(urlsplit(request.url).query):
            return False  # nothing would cover the body
        body = request.body.decode("utf-8", "replace")
    try:
        return bool(RequestValidator(token).validate(request.url, body, signature))
    except ValueError:
        return False  # an address that cannot be one, for example with port 99999


def _own_addresses(account: Account) -> set[str]:
    own = (str(account.config.get(name) or "") for name in ("from_number", "whatsapp_from"))
    return {address.removeprefix(arrival.WHATSAPP) for address in own if address}


def _address(message: OutgoingMessage) -> str:
    plain = message.to.removeprefix(arrival.WHATSAPP)
    return arrival.WHATSAPP + plain if message.channel == "whatsapp" else plain


def _sender(account: Account, message: OutgoingMessage) -> dict[str, Any]:
    number = str(account.config.get("from_number") or "").removeprefix(arrival.WHATSAPP)
    service = str(account.config.get("messaging_service_sid") or "")
    if message.channel == "whatsapp":
        number = str(account.config.get("whatsapp_from") or number).removeprefix(arrival.WHATSAPP)
        service = "" if number else service
    if not number and not service:
        raise Rejected("no_sender", sentence("21603"))
    if service:
        return {"messaging_service_sid": service}
    return {"from_": arrival.WHATSAPP + number if message.channel == "whatsapp" else number}


def _content(message: OutgoingMessage) -> dict[str, Any]:
    if message.template is not None:  # Twilio refuses a text or files beside it
        variables = {name: printable(value) for name, value in message.template.variables.items()}
        given = {"content_variables": json.dumps(variables)} if variables else {}
        return {"content_sid": message.template.id, **given}
    text = printable(message.text)
    if not text and not message.media:
        raise Rejected("empty", sentence("21602"))
    content: dict[str, Any] = {"body": text} if text else {}
    return {**content, "media_url": [file.url for file in message.media]} if message.media else content


def receipt_address(account: Account, message: OutgoingMessage) -> str:
    """The address for receipts with our own id in it, '' when Twilio could not call it from the internet."""
    parts = urlsplit(message.status_callback)
    is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not message.status_callback or (is_local and not account.config.get("base_url")):
        return ""
    own = urlencode({arrival.OUTBOX_PARAMETER: str(message.outbox_id)})
    return urlunsplit(parts._replace(query=f"{parts.query}&{own}" if parts.query else own))


def _ask(account: Account, given: dict[str, Any]) -> Any:
    try:
        accepted = rest_client(account).messages.create(**given)
    except UNREADABLE as error:
        raise OutcomeUnknown("Twilio took the message and gave an answer that cannot be read.") from error
    if not accepted.sid:
        raise OutcomeUnknown("Twilio took the message and gave no id for it.")
    return accepted


def _search(
    account: Account, message: OutgoingMessage, since: datetime, known: Collection[str]
) -> Found | Absent | CannotTell:
    sender = _sender(account, message)
    by = {"from_": sender["from_"]} if "from_" in sender else {}
    seen, doubtful = 0, False
    try:
        for each in rest_client(account).messages.stream(to=_address(message), **by, limit=NEWEST, page_size=50):
            seen += 1
            if each.date_created is not None and each.date_created < since:
                break  # newest first, so everything that follows is older still
            if each.sid in known:
                continue
            if _is_same(each, message):
                return Found(each.sid, _OUTCOMES.get(each.status, "sent"))
            doubtful = doubtful or (message.template is not None and each.direction != "inbound")
        else:
            if seen >= NEWEST:
                return CannotTell(f"There are over {NEWEST} newer messages to this recipient.")
    except UNREADABLE as error:
        return CannotTell(f"Twilio's list of messages cannot be read: {error}")
    # Twilio writes a template's text down itself, perhaps with more than its body: another text is no proof.
    return CannotTell("Another message to this recipient may be the template.") if doubtful else Absent()


def _is_same(each: Any, message: OutgoingMessage) -> bool:
    """Equal but for white space; a trial account puts a sentence of its own before the text."""
    if message.template is not None:
        same = "".join((each.body or "").split()) == "".join(printable(message.text).split())
        return same and each.direction != "inbound"  # what it shows beside its text belongs to the template
    theirs, ours = " ".join((each.body or "").split()), " ".join(printable(message.text).split())
    same_text = theirs.endswith(ours) if theirs.startswith("Sent from your Twilio trial account") else theirs == ours
    return same_text and int(each.num_media or 0) == len(message.media) and each.direction != "inbound"


def rest_client(account: Account) -> Client:
    """The package's client for an account. Raises AuthFailed for one without credentials."""
    base_url = str(account.config.get("base_url") or BASE_URL).rstrip("/")
    account_sid, auth_token = str(account.config.get("account_sid") or ""), account.secrets.get("auth_token", "")
    if not account_sid or not auth_token:
        raise AuthFailed("The Twilio connection has no account SID or no auth token. Enter both.")
    return _shared_client(
        base_url, account_sid, auth_token, float(account.config.get("timeout_seconds") or READ_SECONDS)
    )


@lru_cache(maxsize=128)
def _shared_client(base_url: str, account_sid: str, auth_token: str, read_seconds: float) -> Client:
    # An environment of its own: TWILIO_EDGE and TWILIO_REGION of the process would bend the address.
    environment = {"TWILIO_ACCOUNT_SID": account_sid}
    client = Client(account_sid, auth_token, http_client=_Http(read_seconds), environment=environment)
    client.api.base_url = base_url
    if not (urlsplit(base_url).hostname or "").endswith("twilio.com"):
        client.content.base_url = base_url  # what stands in for Twilio answers for its templates too
    return client


class _Http(HttpClient):  # type: ignore[misc]
    """The package's seam to the network, on a pool of httpx. Refusals become our errors here, with their headers."""

    def __init__(self, read_seconds: float) -> None:
        super().__init__(_log, is_async=False)
        self._pool = http_client(read_seconds)

    def request(
        self,
        method: str,
        uri: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        with translated("Twilio"):
            answer = self._pool.request(method, uri, params=params, data=data, headers=headers, auth=auth)
        if not answer.is_success:
            raise refusal(answer.status_code, answer.headers, answer.text)
        return Response(answer.status_code, answer.text, answer.headers)
