"""What a customer's reply to a question means: a number, an address, a date, one of some choices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from db.contacts import normalise_phone
from nodes.phrases import LANGUAGES
from nodes.words import found, plain

Kind = Literal["text", "number", "email", "phone", "date", "choice"]
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(r"[-+]?\d[\d.,' \u00a0\u202f]*")
_PHONE = re.compile(r"\+?\d[\d\s()./-]{4,}\d")


@dataclass(frozen=True)
class Wanted:
    """The kind of reply that is asked for. `region` (ISO 3166) is for phone numbers without +, `now` for "next Tuesday".

    `month_first`: how 03/04 is read.
    """

    kind: Kind
    choices: Sequence[str] = ()
    language: str = ""
    region: str = ""
    now: datetime | None = None
    month_first: bool = False


def value_of(text: str, wanted: Wanted) -> str | None:
    """The reply in its plain form (2.5, a@b.ch, +41791234567, 2026-03-14, the choice as it was offered); None = it is none."""
    match wanted.kind:
        case "text":
            return text.strip() or None
        case "number":
            return _number(text)
        case "email":
            match = _EMAIL.search(text)
            return match[0].lower() if match else None
        case "phone":
            match = _PHONE.search(text)
            return normalise_phone(match[0], wanted.region or None) if match else None
        case "date":
            return _date(text, wanted)
        case "choice":
            return _choice(text, wanted.choices)


def _number(text: str) -> str | None:
    match = _NUMBER.search(text)
    if match is None:
        return None
    digits = re.sub(r"[ '\u00a0\u202f]", "", match[0]).rstrip(".,")
    try:
        return f"{float(_decimal(digits)):.10g}"
    except ValueError:
        return None


def _decimal(digits: str) -> str:
    """'1.234,50' and '1,234.50' as 1234.50: the last mark is the decimal one, unless exactly three digits follow the only kind."""
    marks = [character for character in digits if character in ".,"]
    if not marks:
        return digits
    head, _, tail = digits.rpartition(marks[-1])
    if len(set(marks)) == 1 and (len(marks) > 1 or len(tail) == 3):
        return digits.replace(marks[0], "")
    return re.sub(r"[.,]", "", head) + "." + tail


def _date(text: str, wanted: Wanted) -> str | None:
    # Here and not above: it takes half a second to import, and few automations ask for dates.
    from dateparser.search import search_dates

    order = "MDY" if wanted.month_first else "DMY"
    settings: dict[str, object] = {"PREFER_DATES_FROM": "future", "REQUIRE_PARTS": ["day"], "DATE_ORDER": order}
    if wanted.now is not None:
        settings["RELATIVE_BASE"] = wanted.now.replace(tzinfo=None)
    for languages in ([wanted.language], None) if wanted.language else (None,):
        try:
            dates = search_dates(text, languages=languages, settings=settings)
        except ValueError:
            dates = None  # a language that the package does not know
        if dates:
            return str(dates[0][1].date().isoformat())
    return _weekday(text, wanted.now)


def _weekday(text: str, now: datetime | None) -> str | None:
    """The next day of that name, never today: the package does not read a weekday alone as a date."""
    if now is None:
        return None
    for phrases in LANGUAGES.values():
        named = found(text, phrases.days)
        if named:
            ahead = (phrases.days.index(named) - now.weekday() - 1) % 7 + 1
            return (now + timedelta(days=ahead)).date().isoformat()
    return None


def _choice(text: str, choices: Sequence[str]) -> str | None:
    """By its number ("2"), by its words, or by words that only one of them begins with."""
    words = plain(text)
    if words.isdigit() and 1 <= int(words) <= len(choices):
        return choices[int(words) - 1]
    exact = [choice for choice in choices if plain(choice) == words]
    inside = [choice for choice in choices if found(text, [choice])]
    begun = [choice for choice in choices if words and plain(choice).startswith(words)]
    return next((group[0] for group in (exact, inside, begun) if len(group) == 1), None)
