"""What GoHighLevel's answers mean.

An error body is {"statusCode" or "status", "message": text or list of texts, "error", "traceId"}; `meta` comes with duplicates.
A missing scope is a 401 like a bad token, and only its text tells them apart: a new token would not help, so none is fetched.
Source: highlevel-api-docs common schemas (S:common/common-schemas.json); texts of refusals as users report them [R].
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nodes.clients.http import LONGEST_WAIT_SECONDS, retry_after_seconds
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected, Throttled

WINDOW_SECONDS = 10.0
TOKEN_REFUSED = "GoHighLevel does not accept the token of the connection. Enter a valid one, or connect again."
WRONG_LOCATION = "The GoHighLevel token belongs to another location. Check the location of the connection."
_SCOPE = re.compile(r"not authorized for this scope", re.IGNORECASE)
_STALE = re.compile(r"invalid|expired|jwt", re.IGNORECASE)
_LOCATION = re.compile(r"does not have access to this location", re.IGNORECASE)
_KNOWN = (
    ("dnd", re.compile(r"DND is active", re.IGNORECASE)),
    ("unsubscribed", re.compile(r"has unsubscribed", re.IGNORECASE)),
    ("no_phone", re.compile(r"missing phone number", re.IGNORECASE)),
    ("duplicate_opportunity", re.compile(r"duplicate opportunity", re.IGNORECASE)),
    ("slot_taken", re.compile(r"slot .*no longer available", re.IGNORECASE)),
    ("provider", re.compile(r"conversation ?provider", re.IGNORECASE)),
    ("not_found", re.compile(r"not found|does not exist", re.IGNORECASE)),
)


class Duplicate(Rejected):
    """The location allows no second contact with this phone or e-mail; `contact_id` is the one that is there ('' = unsaid)."""

    def __init__(self, contact_id: str, field: str) -> None:
        super().__init__("duplicate", f"Another contact in GoHighLevel has this {field or 'phone number or e-mail'}.")
        self.contact_id = contact_id
        self.field = field


@dataclass(frozen=True)
class Said:
    """An error body, as far as it could be read."""

    message: str = ""
    trace_id: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


def said(text: str) -> Said:
    try:
        body: Any = json.loads(text)
    except (ValueError, RecursionError):
        return Said()
    if not isinstance(body, dict):
        return Said()
    message = body.get("message") or body.get("error_description") or body.get("error") or ""
    joined = "; ".join(map(str, message)) if isinstance(message, list) else str(message)
    meta = body.get("meta")
    return Said(joined[:500], str(body.get("traceId") or "")[:100], meta if isinstance(meta, dict) else {})


def is_stale_token(status: int, told: Said) -> bool:
    """Whether another token could help: never for a missing scope or a foreign location."""
    if status != 401 or _SCOPE.search(told.message) or _LOCATION.search(told.message):
        return False
    return not told.message or _STALE.search(told.message) is not None


def refusal(status: int, headers: Mapping[str, str], told: Said, *, scope: str, reads: bool) -> ClientError:
    """The error for an answer that is not 2xx. `reads` = the call changes nothing, so it may be made again at will."""
    if status == 429 or (status == 503 and "retry-after" in headers):
        return Throttled("GoHighLevel asks to wait.", wait_seconds(headers))
    if status in (401, 403):
        return _denied(status, told, scope)
    if status == 408:
        return NotSent("GoHighLevel did not receive the request in full.")
    if status >= 500:
        unsaid = f"GoHighLevel answered {status}"
        return NotSent(f"{unsaid}.") if reads else OutcomeUnknown(f"{unsaid}, which does not say whether it was done.")
    if status == 400 and "contactId" in told.meta:
        return Duplicate(str(told.meta["contactId"] or ""), str(told.meta.get("matchingField") or ""))
    return Rejected(_code(status, told.message), _sentence(status, told.message))


def wait_seconds(headers: Mapping[str, str]) -> float:
    """How long to wait after a 429. `Retry-After` is not documented; the length of the window is, in its own header.

    With the daily quota used up the answer comes an hour later. Source: D:oauth/Authorization.md.
    """
    if "retry-after" in headers:
        return retry_after_seconds(headers)
    if headers.get("x-ratelimit-daily-remaining") == "0":
        return LONGEST_WAIT_SECONDS
    try:
        window = float(headers["x-ratelimit-interval-milliseconds"]) / 1000
    except (KeyError, ValueError):
        return WINDOW_SECONDS
    return min(max(window, 0.0), LONGEST_WAIT_SECONDS)


def _denied(status: int, told: Said, scope: str) -> ClientError:
    if _SCOPE.search(told.message):
        needed = f" {scope}" if scope else ""
        return Rejected(
            "missing_scope", f"The GoHighLevel token lacks the scope{needed}. Add it to the token, then connect again."
        )
    if _LOCATION.search(told.message):
        return AuthFailed(WRONG_LOCATION)
    code = _code(status, told.message)
    if status == 403 or code == "provider":  # 401 was the earlier status of a message that no provider owns yet (I#4)
        return Rejected(code, _sentence(status, told.message))
    return AuthFailed(TOKEN_REFUSED)


def _code(status: int, message: str) -> str:
    known = next((code for code, pattern in _KNOWN if pattern.search(message)), "")
    return known or ("not_found" if status == 404 else str(status))


def _sentence(status: int, message: str) -> str:
    return f"GoHighLevel refused: {message.rstrip('.')}." if message else f"GoHighLevel answered {status}."
