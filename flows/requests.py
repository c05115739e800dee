"""A webhook call as the queue keeps it, there and back: raw body, the public address, the few headers that a parser needs."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from nodes.clients.channel import Request

# Headers that a client may look at later. Credentials are never kept.
KEPT_HEADERS = frozenset({"content-type", "user-agent", "i-twilio-idempotency-token", "x-twilio-signature"})


def payload_of(request: Request) -> dict[str, Any]:
    """What is stored of a request. Postgres keeps no NUL in text, and a body need not be UTF-8: then it is kept in base64."""
    payload: dict[str, Any] = {
        "method": request.method,
        "url": request.url,
        "headers": {name: value for name, value in request.headers.items() if name in KEPT_HEADERS},
    }
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:
        payload["body_base64"] = base64.b64encode(request.body).decode()
    else:
        payload["body"] = text
    return payload


def request_of(payload: Mapping[str, Any]) -> Request:
    """The request that `payload_of` kept."""
    encoded = payload.get("body_base64")
    body = base64.b64decode(encoded) if encoded is not None else str(payload["body"]).encode()
    return Request(payload["method"], payload["url"], payload["headers"], body)
