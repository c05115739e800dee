"""The chat of our own page: the browser posts JSON, and the thread in the database is the delivery.

The page is given a visitor token once; it proves that the browser is the one that began the conversation.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from nodes.clients.channel import (
    Absent,
    Account,
    Arrival,
    CannotTell,
    Found,
    Identity,
    IncomingMessage,
    Keys,
    OutgoingMessage,
    Request,
    Sent,
)
from nodes.clients.text import printable
from nodes.errors import SignatureInvalid, Unreadable

TOKEN_HEADER = "x-visitor-token"
MAX_INCOMING_CHARACTERS = 4000
MAX_BODY_BYTES = 64 * 1024  # 4000 characters, each escaped as a surrogate pair, and then some

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


def visitor_token(account: Account, visitor: str) -> str:
    """The token of a visitor: HMAC-SHA256 with the connection's key, in hexadecimal. Raises SignatureInvalid without key."""
    key = account.secrets.get("visitor_key", "")
    if not key:
        raise SignatureInvalid("The web chat connection has no visitor key, so it can recognise nobody. Add it anew.")
    return hmac.new(key.encode(), visitor.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


class WebChat:
    """Account.secrets: visitor_key. A request is {"visitor", "message_id", "text", "name"} with the token in a header."""

    kind = "webchat"
    max_text_length = 10_000
    repeatable = True

    def verify(self, account: Account, request: Request) -> None:
        given = request.headers.get(TOKEN_HEADER, "")
        try:
            visitor = _visitor(_body(request))
        except Unreadable as error:
            raise SignatureInvalid(f"The visitor cannot be told: {error.reason}") from error
        if not hmac.compare_digest(visitor_token(account, visitor).encode(), given.encode("utf-8", "replace")):
            raise SignatureInvalid("The visitor token does not belong to this visitor. Load the chat page again.")

    def keys(self, account: Account, request: Request) -> Keys:
        """The message id is the browser's own, so it only counts together with the visitor."""
        body = _body(request)
        visitor = _visitor(body)
        _text(body)  # what cannot be shown is refused at the door, where the browser still listens
        return Keys("webchat.message", f"{visitor}:{_message_id(body)}", f"{account.id}:{visitor}")

    def parse(self, account: Account, request: Request) -> list[Arrival]:
        body = _body(request)
        visitor, message_id = _visitor(body), _message_id(body)
        name = body.get("name")
        return [
            IncomingMessage(
                channel="webchat",
                address=visitor,
                identities=(Identity("webchat", visitor),),
                provider_message_id=f"{visitor}:{message_id}",
                text=_text(body),
                name=" ".join(printable(name).split())[:100] if isinstance(name, str) else "",
                metadata={"message_id": message_id},
            )
        ]

    def send(self, account: Account, message: OutgoingMessage) -> Sent:
        """Nothing leaves: the page reads the thread. Sending twice is the same as sending once."""
        return Sent(_provider_message_id(message), "delivered")

    def reconcile(
        self, account: Account, message: OutgoingMessage, since: datetime, known: Collection[str] = ()
    ) -> Found | Absent | CannotTell:
        return Found(_provider_message_id(message), "delivered")


def _provider_message_id(message: OutgoingMessage) -> str:
    return f"webchat:{message.outbox_id}"


def _body(request: Request) -> dict[str, Any]:
    if len(request.body) > MAX_BODY_BYTES:
        raise Unreadable(f"The body is larger than {MAX_BODY_BYTES} bytes.")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Unreadable("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Unreadable("The body is not a JSON object.")
    return body


def _visitor(body: dict[str, Any]) -> str:
    return _identifier(body, "visitor")


def _message_id(body: dict[str, Any]) -> str:
    return _identifier(body, "message_id")


def _identifier(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise Unreadable(f"The field {name} must be 8 to 64 letters, digits, '-' or '_'.")
    return value


def _text(body: dict[str, Any]) -> str:
    value = body.get("text")
    text = printable(value).strip() if isinstance(value, str) else ""
    if not 1 <= len(text) <= MAX_INCOMING_CHARACTERS:
        raise Unreadable(f"The field text must have 1 to {MAX_INCOMING_CHARACTERS} characters.")
    return text
