"""Values of GoHighLevel's JSON as values that can be kept: nothing unprintable, nothing endless, nothing of a surprising kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nodes.clients.text import printable

_IDENTIFIER = re.compile(r"[\w.:@+=-]{1,150}", re.ASCII)
DEEPEST = 12


def clean(value: Any, depth: int = 0) -> Any:
    """The value without control characters in any text; what is nested deeper than anything of GHL's is left out."""
    if depth > DEEPEST:
        return None
    match value:
        case str():
            return printable(value)
        case dict():
            return {printable(str(name)): clean(inner, depth + 1) for name, inner in value.items()}
        case list():
            return [clean(inner, depth + 1) for inner in value]
        case _:
            return value


def words(value: Any, most: int = 300) -> str:
    """A text or number as one line; '' for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return " ".join(str(value).split())[:most]


def text(value: Any, most: int = 20_000) -> str:
    """A text with its line ends; '' for anything else."""
    return value.strip()[:most] if isinstance(value, str) else ""


def identifier(value: Any) -> str:
    """An id of GHL's; '' where it is none."""
    given = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return given if _IDENTIFIER.fullmatch(given) else ""


def tags_of(value: Any) -> tuple[str, ...] | None:
    """Tags, lower case as GHL keeps them, each once: a list in events, a text with commas in calls of workflows."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return None
    return tuple(dict.fromkeys(tag for each in value if (tag := words(each, 200).lower())))


def inner(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object under a name, empty where there is none."""
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}
