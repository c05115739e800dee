"""GoHighLevel's merge fields in a text that is taken over from there: results of earlier steps where one gives the value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flows.editing import Reference

FIELD = re.compile(r"\{\{\{?\s*([^{}]*?)\s*\}?\}\}")
_PERSON = ("contact_name", "name", "full_name")
# Their field -> the names of results that hold the same, the best first. Others go by their own name.
GIVEN_BY: Mapping[str, tuple[str, ...]] = {
    "contact.name": _PERSON,
    "contact.full_name": _PERSON,
    "contact.first_name": ("first_name", *_PERSON),
    "contact.phone_raw": ("phone",),
    "contact.company_name": ("company_name", "company"),
    "appointment.start_time": ("start", "time"),
}


@dataclass(frozen=True)
class Turned:
    """The text as a document keeps it; `missing` are the fields that no earlier step gives, in words."""

    text: str
    missing: tuple[str, ...]


def turned(text: str, offers: Sequence[Reference]) -> Turned:
    """Every field becomes a reference to one of `offers` (the nearest step first), or its name in brackets."""
    missing: dict[str, None] = {}

    def one(found: re.Match[str]) -> str:
        field = found[1].partition("|")[0].strip().lower()  # what follows the bar is a filter of theirs
        ref = _given(field, offers)
        if ref:
            return f"{{{{{ref}}}}}"
        missing[_said(field)] = None
        return f"[{_said(field)}]"

    return Turned(FIELD.sub(one, text), tuple(missing))


def _given(field: str, offers: Sequence[Reference]) -> str:
    whose, _, own = field.partition(".")
    names = GIVEN_BY.get(field) or ((own,) if whose == "contact" and own else ())
    return next((offer.ref for name in names for offer in offers if offer.ref.rpartition(".")[2] == name), "")


def _said(field: str) -> str:
    """'contact.first_name' -> 'first name'."""
    return " ".join(re.split(r"[._\s]+", field.removeprefix("contact."))) or "something"
