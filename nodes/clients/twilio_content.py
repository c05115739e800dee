"""Message templates of a Twilio account: their texts, their blanks, and what WhatsApp said of them. Only read.

They are made and handed in for approval at Twilio. Source: twilio.com/docs/content/content-api-resources (read 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nodes.clients.channel import Account
from nodes.clients.text import printable
from nodes.clients.twilio import UNREADABLE, rest_client
from nodes.errors import NotSent, OutcomeUnknown

MOST = 1000  # templates of one account that are looked at
PAGE = 100
APPROVED = "approved"

_BLANK = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")


@dataclass(frozen=True)
class ContentTemplate:
    """A template as Twilio lists it. `text` holds its blanks as {1}; `approval` is WhatsApp's word on it.

    `approval`: unsubmitted, received, pending, approved, rejected, paused, disabled. `reason` says why it was rejected.
    """

    id: str
    name: str
    language: str
    category: str
    text: str
    blanks: tuple[str, ...] = ()
    samples: Mapping[str, str] = field(default_factory=dict)
    approval: str = "unsubmitted"
    reason: str = ""


def templates(account: Account) -> list[ContentTemplate]:
    """The account's templates that have a text. Raises the errors of nodes.errors; what is not answered can be asked again."""
    listed = rest_client(account).content.v1.content_and_approvals
    try:
        return [found for each in listed.stream(limit=MOST, page_size=PAGE) if (found := _template(each)) is not None]
    except OutcomeUnknown as error:
        raise NotSent(error.reason) from error
    except UNREADABLE as error:
        raise NotSent(f"Twilio's list of templates cannot be read: {error}") from error


def _template(each: Any) -> ContentTemplate | None:
    approval = _approval(each.approval_requests)
    types = each.types if isinstance(each.types, Mapping) else {}
    text = _single_braces(_body(types, str(approval.get("content_type") or "")))
    # What reads like two braces even so would be taken for the output of a step.
    if not each.sid or not text.strip() or "{{" in text or "}}" in text:
        return None
    variables = each.variables if isinstance(each.variables, Mapping) else {}
    samples = {str(name): str(value) for name, value in variables.items()}
    return ContentTemplate(
        str(each.sid),
        str(approval.get("name") or each.friendly_name or each.sid),
        str(each.language or ""),
        str(approval.get("category") or "").lower(),
        text,
        _blanks(types, samples),
        samples,
        str(approval.get("status") or "unsubmitted").lower(),
        str(approval.get("rejection_reason") or ""),
    )


def _approval(told: Any) -> Mapping[str, Any]:
    """WhatsApp's word on it. It comes bare, under the name of the channel, or in a list."""
    if isinstance(told, list):
        told = next((each for each in told if isinstance(each, Mapping)), {})
    if not isinstance(told, Mapping):
        return {}
    inside = told.get("whatsapp")
    return inside if isinstance(inside, Mapping) else told


def _body(types: Mapping[str, Any], approved_type: str) -> str:
    """What the customer reads. A template may have several forms; WhatsApp takes the one that was handed in."""
    plain_last = sorted(types, key=lambda name: (name != approved_type, name == "twilio/text"))
    bodies = (types[name].get("body") for name in plain_last if isinstance(types[name], Mapping))
    return next((printable(body).strip() for body in bodies if isinstance(body, str) and body.strip()), "")


def _single_braces(text: str) -> str:
    return _BLANK.sub(r"{\1}", text)


def _blanks(types: Mapping[str, Any], samples: Mapping[str, str]) -> tuple[str, ...]:
    """Every blank, those in addresses of buttons and pictures too: a message without one of them is refused."""
    names = {name for text in _texts(types) for name in _BLANK.findall(text)} | set(samples)
    return tuple(sorted(names, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
