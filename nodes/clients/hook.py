"""Calls of other systems to an address of ours: a form, a shop, a telephone system. JSON, a form, or values in the address.

The token in the address proves the call; the door knows it, and nothing of it is kept. What a call says is data for
automations. Account.config: phone_field, email_field, name_field say where in the call the contact stands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from nodes.clients.channel import Account, Arrival, Called, Keys, Request
from nodes.clients.ghl_words import clean, words
from nodes.errors import Unreadable

IDEMPOTENCY = "idempotency-key"
MOST_FIELDS = 300
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class HookCalls:
    """What other systems tell at an address of a workspace."""

    kind = "webhook"

    def verify(self, account: Account, request: Request) -> None:
        """Nothing to do: who knows the token in the address may call, and the door has found the account by it."""

    def keys(self, account: Account, request: Request) -> Keys:
        """Calls with the same Idempotency-Key are one; without it each counts. Calls about one person stay in order."""
        called = _called(account, request)
        given = request.headers.get(IDEMPOTENCY, "").strip()
        # Hashed, because the sender chooses how long it is.
        key = f"given:{hashlib.sha256(given.encode()).hexdigest()}" if given else f"call:{uuid4()}"
        return Keys("webhook.call", key, f"{account.id}:{called.phone or called.email or key}"[:200])

    def parse(self, account: Account, request: Request) -> list[Arrival]:
        return [_called(account, request)]


def _called(account: Account, request: Request) -> Called:
    data = {**dict(parse_qsl(urlsplit(request.url).query)), **_body(request)}
    if len(data) > MOST_FIELDS:
        raise Unreadable(f"The call has {len(data)} fields; {MOST_FIELDS} are the most.")
    tidy: Mapping[str, Any] = clean(data)
    phone, email, name = (
        words(_at(tidy, str(account.config.get(f"{what}_field") or what))) for what in ("phone", "email", "name")
    )
    return Called(tidy, phone, email, name)


def _body(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    text = request.body.decode("utf-8", "replace").strip()
    if not text:
        return {}
    if kind == FORM:
        return _form(text)
    if kind.startswith("multipart/"):
        raise Unreadable("Files cannot be taken. Send the fields as JSON or as a plain form.")
    return _json(text)


def _form(text: str) -> dict[str, Any]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise Unreadable(f"The form has more than {MOST_FIELDS} fields.") from error
    found: dict[str, Any] = {}
    for name, value in pairs:  # a field that is there twice, as a choice of several is, is one text
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _json(text: str) -> dict[str, Any]:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"The body is neither JSON nor a form. Send {JSON} or {FORM}.") from error
    if isinstance(found, list):
        return {"items": found}
    if not isinstance(found, dict):
        raise Unreadable('The body is no JSON object. Send fields with names, like {"phone": "+14155550123"}.')
    return found


def _at(data: Mapping[str, Any], path: str) -> Any:
    """A field by its name, or one inside others: customer.phone."""
    if path in data:
        return data[path]
    here: Any = data
    for name in path.split("."):
        here = here.get(name) if isinstance(here, Mapping) else None
    return here
