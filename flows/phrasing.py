"""Small pieces of sentences about settings."""

from __future__ import annotations

from typing import Any

from flows.automation import Automation
from flows.plan import TEMPLATE
from flows.wiring import in_words
from nodes.message_template import with_values

SHOWN_CHARACTERS = 90


def readable(doc: Automation, text: str) -> str:
    """A text of the settings on one line, with its references in words."""
    shown = TEMPLATE.sub(lambda found: f"[{in_words(doc, found[1])}]", text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS].rstrip()}…"


def setting_in_words(value: Any) -> str:
    match value:
        case None | "":
            return "empty"
        case bool():
            return "yes" if value else "no"
        case list():
            return listed([setting_in_words(item) for item in value]) or "none"
        case {"id": _, "name": str(name), "text": str(text), "blanks": list(blanks)}:  # a message template
            known = [blank for blank in blanks if isinstance(blank, dict)]
            values = {
                str(blank.get("name")): str(blank.get("value") or blank.get("otherwise") or "…") for blank in known
            }
            return f"“{name}”: “{with_values(text, values)}”"
        case dict():
            return ", ".join(
                f"{name.replace('_', ' ')} {setting_in_words(item)}" for name, item in value.items() if item
            )
        case _:
            return str(value)


def listed(names: list[str], last: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}" if names else ""


def ended(sentence: str) -> str:
    """The sentence with a full stop, unless what it ends with, a quoted text perhaps, brings its own."""
    return sentence if sentence.rstrip("”'").endswith((".", "!", "?", "…")) else f"{sentence}."


def minutes(given: Any) -> str:
    """1440 -> 1 day."""
    try:
        number = float(given)
    except (TypeError, ValueError):
        return f"{given} minutes"
    for size, name in ((1440, "day"), (60, "hour")):
        if number >= size and number % size == 0:
            return f"{number / size:g} {name}{'' if number == size else 's'}"
    return f"{number:g} minute{'' if number == 1 else 's'}"
