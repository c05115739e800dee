"""When something repeats, in words and as cron: "every Monday at 6:00" and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")  # as cron counts them
USUAL_TIME = time(6, 0)
FAR = 366 * 5  # days; a 29th of February comes within

EXAMPLES = "every day at 6:00, every Monday at 6:00, every weekday at 18:30, every Tuesday and Friday at 7:00, on the 1st of every month at 5:00, every 4 hours"


class WordsUnclear(ValueError):
    """The words name no time that repeats; the message has examples."""


def to_cron(words: str) -> str:
    """The cron line (minute, hour, day, month, weekday) of a time in words; a cron line is taken as it is. Raises WordsUnclear."""
    text = " ".join(words.lower().replace(",", " , ").split())
    if len(words.split()) == 5 and not re.search(r"[a-z]", text):
        return _checked(" ".join(words.split()), words)
    if hours := re.fullmatch(r"(?:every|each) (?:(\d+) )?hours?|hourly", text):
        return _hourly(int(hours.group(1) or 1), words)
    at = _time(text, words)
    text = re.sub(_AT, " ", text)
    minute_hour = f"{at.minute} {at.hour}"
    if monthly := re.search(r"\b(\d{1,2})(?:st|nd|rd|th)\b", text):
        day = int(monthly.group(1))
        if not 1 <= day <= 28 or "month" not in text:
            raise _unclear(words, " A day of the month is one from the 1st to the 28th, which every month has.")
        return f"{minute_hour} {day} * *"
    return f"{minute_hour} * * {_weekdays(text, words)}"


def to_words(cron: str) -> str:
    """A cron line in words; one that is richer than our words comes back as it is."""
    minute, hour, day, month, weekday = cron.split()
    if (minute, day, month, weekday) == ("0", "*", "*", "*") and (hour == "*" or hour.startswith("*/")):
        return "every hour" if hour in ("*", "*/1") else f"every {hour[2:]} hours"
    if not (minute.isdigit() and hour.isdigit() and month == "*"):
        return cron
    at = f" at {int(hour)}:{int(minute):02d}"
    if day.isdigit() and weekday == "*":
        return f"on the {day}{_ending(int(day))} of every month{at}"
    if day != "*":
        return cron
    chosen = _numbers(weekday, 0, 7)
    days = sorted({number % 7 for number in chosen}, key=lambda number: (number - 1) % 7)
    named = {(1, 2, 3, 4, 5, 6, 0): "day", (1, 2, 3, 4, 5): "weekday", (6, 0): "weekend day"}.get(tuple(days))
    return f"every {named or _listed([DAYS[number] for number in days])}{at}"


def next_time(cron: str, zone: str, after: datetime) -> datetime | None:
    """The first moment after `after` that a cron line names, by the clocks of a time zone; None where there is none in five years."""
    minutes, hours, days, months, weekdays = (
        _numbers(part, low, high) for part, (low, high) in zip(cron.split(), _RANGES, strict=True)
    )
    local = after.astimezone(ZoneInfo(zone))
    either = cron.split()[2] != "*" and cron.split()[4] != "*"  # cron: with both given, one is enough
    for offset in range(FAR):
        day = (local + timedelta(days=offset)).date()
        by_date, by_weekday = day.day in days, day.isoweekday() % 7 in {number % 7 for number in weekdays}
        if day.month not in months or not ((by_date or by_weekday) if either else (by_date and by_weekday)):
            continue
        for hour in sorted(hours):
            for minute in sorted(minutes):
                moment = datetime.combine(day, time(hour, minute), ZoneInfo(zone))
                if moment.timestamp() > after.timestamp():
                    return moment
    return None


_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_AT = r"\b(?:at|by|@) ?(\d{1,2})(?:[:.](\d{2}))? ?(am|pm|a\.m\.?|p\.m\.?|o'clock|h)?(?= |$)|\bat (noon|midnight)\b"


def _time(text: str, words: str) -> time:
    found = re.search(_AT, text)
    if found is None:
        if re.search(r"\d+[:.]\d", text):
            raise _unclear(words, " Write the time after 'at'.")
        return USUAL_TIME
    if found.group(4):
        return time(12 if found.group(4) == "noon" else 0)
    hour, minute, half = int(found.group(1)), int(found.group(2) or 0), (found.group(3) or "").replace(".", "")
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            raise _unclear(words)
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59:
        raise _unclear(words, " There is no such time.")
    return time(hour, minute)


def _weekdays(text: str, words: str) -> str:
    rest = re.sub(r"\b(every|each|on|and|at|the|of|all)\b|[,&]", " ", text).split()
    if rest in (["day"], ["days"], ["daily"], ["night"], ["morning"]):
        return "*"
    if rest in (["weekday"], ["weekdays"], ["working", "day"], ["workday"]):
        return "1-5"
    if rest in (["weekend"], ["weekends"], ["weekend", "day"]):
        return "0,6"
    if rest in (["week"], ["weekly"]):
        return "1"
    numbers = {_day(word, words) for word in rest}
    if not numbers:
        raise _unclear(words)
    return ",".join(map(str, sorted(numbers)))


def _day(word: str, words: str) -> int:
    name = word.removesuffix("s") if len(word) > 4 else word
    fitting = [number for number, day in enumerate(DAYS) if len(name) >= 2 and day.lower().startswith(name.rstrip("."))]
    if len(fitting) != 1:
        raise _unclear(words, f" '{word}' is no day.")
    return fitting[0]


def _hourly(hours: int, words: str) -> str:
    if hours not in (1, 2, 3, 4, 6, 8, 12, 24):
        raise _unclear(words, " Choose 1, 2, 3, 4, 6, 8, 12 or 24 hours, so that it is the same every day.")
    return "0 * * * *" if hours == 1 else "0 0 * * *" if hours == 24 else f"0 */{hours} * * *"


def _checked(cron: str, words: str) -> str:
    try:
        for part, (low, high) in zip(cron.split(), _RANGES, strict=True):
            _numbers(part, low, high)
    except ValueError as error:
        raise _unclear(words) from error
    return cron


def _numbers(part: str, low: int, high: int) -> set[int]:
    """The numbers of one field of a cron line. Raises ValueError."""
    numbers: set[int] = set()
    for item in part.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        start, end = (low, high) if span == "*" else (int(first), int(last or (high if step else first)))
        if not low <= start <= end <= high or (step and int(step) < 1):
            raise ValueError(part)
        numbers |= set(range(start, end + 1, int(step or 1)))
    return numbers


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _ending(number: int) -> str:
    return "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _unclear(words: str, hint: str = "") -> WordsUnclear:
    return WordsUnclear(f"'{words.strip()[:80]}' is no time that repeats.{hint} Write it like: {EXAMPLES}.")
