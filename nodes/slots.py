"""Free appointments in words, and which of them an answer means. What is not certain is no choice: nobody is booked by a guess."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from nodes.contract import Business
from nodes.phrases import LANGUAGES, moment, phrases
from nodes.words import plain

SHORT_ANSWER_WORDS = 5  # "the second one please"; a number in a longer message may mean anything
# The words are as `plain` writes them: small letters without accents.
_ORDINALS = (
    "first erste ersten erster primero primera premier premiere primeiro primeira",
    "second zweite zweiten zweiter segundo segunda deuxieme seconde",
    "third dritte dritten dritter tercero tercera troisieme terceiro terceira",
    "fourth vierte vierten vierter cuarto cuarta quatrieme quarto quarta",
    "fifth funfte funften funfter quinto quinta cinquieme",
    "sixth sechste sechsten sexto sexta sixieme",
)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LAST = _set("last letzte letzten letzter ultimo ultima dernier derniere")
_NOT = _set("not no nor none neither cannot cant dont nicht kein keine keinen nein ni ninguno pas aucun non nao nenhum")
_TODAY = _set("today heute hoy hoje aujourd")
_TOMORROW = _set("tomorrow morgen manana demain amanha")
_MORNING = frozenset({"am", "la", "guten"})  # "am Morgen", "por la mañana", "guten Morgen" are no days
# 9:30, 9.30, 9h30, 9h, 9 am, 9:30pm, 14 Uhr, at 9, um 9, a las 9
_CLOCK = re.compile(
    r"(?<![\d.:/-])(?P<before>(?:at|um|las|a|à|às|as)\s+)?(?P<hour>[01]?\d|2[0-3])"
    r"(?:\s*(?P<sign>[:.h])\s*(?P<minute>[0-5]\d)?)?\s*(?P<half>[ap]\.?m\b\.?)?(?P<after>\s*(?:uhr|o'?clock|heures?|horas?))?"
    r"(?![\d/-]|[.:]\d)",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?<!\d)(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[./](\d{1,2})\.?(?:(\d{4}))?)(?!\d)")


def in_words(slot: datetime, now: datetime, zone: ZoneInfo, language: str) -> str:
    """A slot in the customer's time zone and language: "tomorrow at 09:00"."""
    return moment(slot, now, replace(_ANYWHERE, timezone=zone), language)


_ANYWHERE = Business("", ZoneInfo("UTC"))


def listed(slots: Sequence[datetime], now: datetime, zone: ZoneInfo, language: str) -> str:
    """The slots, numbered, one per line."""
    said = (in_words(slot, now, zone, language) for slot in slots)
    return "\n".join(f"{number}. {text[:1].upper()}{text[1:]}" for number, text in enumerate(said, start=1))


def spread(free: Sequence[datetime], zone: ZoneInfo, most: int) -> list[datetime]:
    """Some of the free slots, in order, over the days and not the first ones of the first morning alone."""
    by_day: dict[date, list[datetime]] = {}
    for slot in sorted(free):
        by_day.setdefault(slot.astimezone(zone).date(), []).append(slot)
    per_day = max(1, -(-most // max(1, min(len(by_day), 3))))
    chosen = [slot for day in by_day.values() for slot in _apart(day, per_day)]
    return sorted(chosen[:most])


def _apart(day: Sequence[datetime], most: int) -> list[datetime]:
    """At most so many of a day, from its beginning to its end."""
    if len(day) <= most:
        return list(day)
    return [day[place * len(day) // most] for place in range(most)]


def chosen(answer: str, offered: Sequence[datetime], now: datetime, zone: ZoneInfo) -> datetime | None:
    """The offered slot that an answer means: by its number, its time, its day and time, or written as 2026-11-24T09:00.

    None where it means none, several, or says no.
    """
    exact = _exact(answer, offered, zone)
    if exact is not None:
        return exact
    words = plain(answer.replace("'", "")).split()
    if not offered or _NOT & set(words):
        return None
    days = _days(answer, words, now, zone)
    today = now.astimezone(zone).date()
    clocks = _clocks(_DATE.sub(lambda match: " " if _dates(match, today) else match.group(), answer))  # 4.30 is a time
    fitting = _fitting(days, clocks, offered, zone)
    number = None if clocks else _by_number(words, offered)
    if clocks or (days and number is None):
        return fitting[0] if len(fitting) == 1 else None
    # "segunda" is Monday in one language and the second in another: where both are on offer, nobody can say.
    return number if not fitting or number in fitting else None


def wanted_time(answer: str, zone: ZoneInfo) -> datetime | None:
    """A moment written out, as a model gives it: 2026-11-24T09:00, with or without an offset."""
    try:
        read = datetime.fromisoformat(answer.strip())
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=zone)


def _exact(answer: str, offered: Sequence[datetime], zone: ZoneInfo) -> datetime | None:
    wanted = wanted_time(answer, zone)
    return next((slot for slot in offered if wanted is not None and slot == wanted), None)


def _fitting(
    days: set[date | str], clocks: set[tuple[int, int]], offered: Sequence[datetime], zone: ZoneInfo
) -> list[datetime]:
    """The slots on these days and at these times; none where neither is named."""
    local = [(slot, slot.astimezone(zone)) for slot in offered if days or clocks]
    return [
        slot
        for slot, at in local
        if (not days or at.date() in days or f"w{at.weekday()}" in days)
        and (not clocks or (at.hour, at.minute) in clocks)
    ]


def _days(answer: str, words: Sequence[str], now: datetime, zone: ZoneInfo) -> set[date | str]:
    """Dates, and weekdays as w0 to w6."""
    today, spoken = now.astimezone(zone).date(), set(words)
    days: set[date | str] = {f"w{number}" for number, names in enumerate(_WEEKDAYS) if names & spoken}
    if _TODAY & spoken:
        days.add(today)
    before = dict(zip(words[1:], words, strict=False))
    if any(word in spoken and before.get(word) not in _MORNING for word in _TOMORROW):
        days.add(today + timedelta(days=1))
    for match in _DATE.finditer(answer):
        days |= _dates(match, today)
    return days


def _dates(match: re.Match[str], today: date) -> set[date | str]:
    """24.11. and 11/24 may both be meant by somebody; only one of them is a slot, as a rule."""
    year, month, day, one, two, late = match.groups()
    pairs = [(int(month), int(day))] if year else [(int(two), int(one)), (int(one), int(two))]
    found: set[date | str] = set()
    for number, (each_month, each_day) in enumerate(pairs):
        if number and "." in match.group():
            break  # with points the day is always first
        try:
            found.add(date(int(year or late or today.year), each_month, each_day))
        except ValueError:
            continue
    return found


def _clocks(answer: str) -> set[tuple[int, int]]:
    """Times of day in the answer; a bare number is none."""
    found: set[tuple[int, int]] = set()
    for match in _CLOCK.finditer(answer):
        if not (match["minute"] or match["half"] or match["after"] or match["before"] or match["sign"] == "h"):
            continue
        hour, minute = int(match["hour"]), int(match["minute"] or 0)
        half = (match["half"] or "").lower()[:1]
        if half:
            hour = hour % 12 + (12 if half == "p" else 0)
        found.add((hour, minute))
        if not half and 0 < hour < 8:
            found.add((hour + 12, minute))  # "at 3" is in the afternoon, unless 03:00 is on offer
    return found


def _by_number(words: Sequence[str], offered: Sequence[datetime]) -> datetime | None:
    if len(words) > SHORT_ANSWER_WORDS:
        return None
    numbers = {int(word) for word in words if word.isdecimal() and len(word) < 3}
    numbers |= {place for place, names in enumerate(_ORDINALS, start=1) for word in words if word in names.split()}
    if _LAST & set(words):
        numbers.add(len(offered))
    if len(numbers) != 1:
        return None
    number = numbers.pop()
    return offered[number - 1] if 0 < number <= len(offered) else None


_WEEKDAYS = tuple(
    frozenset(word for said in LANGUAGES.values() for word in plain(said.days[day]).split() if word != "feira")
    | frozenset(plain(phrases("en").days[day])[:length] for length in (3, 4))
    for day in range(7)
)
