"""A person's addresses, as they may be written in texts of other systems."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

import phonenumbers

SHORTEST = 5  # characters; a shorter address would be found in texts that have nothing to do with it
SHORTEST_NATIONAL = 7  # digits of a number without its country

# Percent-encoding and backslash escapes end in letters or digits and are borders all the same.
_ESCAPED = r"(?<=%[0-9a-f]{2}|\\[nrt]|\\[0-7]{3})"
_BEFORE = rf"(?:(?<![[:alnum:]._+-])|{_ESCAPED})"
_AFTER = r"(?![[:alnum:]_-])(?!\.[[:alnum:]])"
_BETWEEN = r"(?:[ ()./-]|%20|%28|%29|%2F|\+)*"  # digits of a number, as people and forms part them


@dataclass(frozen=True)
class Wanted:
    """What to look for. `pattern` is a regular expression for Postgres' ~*, '' where there is nothing to look for."""

    addresses: tuple[str, ...]
    pattern: str


def wanted_of(addresses: Iterable[str]) -> Wanted:
    """Each address once, and one pattern that finds any of them in a text."""
    known = tuple(dict.fromkeys(address for address in addresses if address))
    parts = [part for address in known for part in _patterns(address)]
    return Wanted(known, "|".join(dict.fromkeys(parts)))


def _patterns(address: str) -> list[str]:
    if address.startswith("+") and address[1:].isdigit():
        return [_number(address)]
    if len(address) < SHORTEST:
        return []
    written = dict.fromkeys((address, quote(address, safe="")))
    return [f"{_BEFORE}{re.escape(text)}{_AFTER}" for text in written]


def _number(e164: str) -> str:
    """The number in any usual way of writing: with +, 00 or without, with its country or without, parted or not."""
    try:
        parsed = phonenumbers.parse(e164)
        country, national = str(parsed.country_code), e164[1 + len(str(parsed.country_code)) :]
    except phonenumbers.NumberParseException:
        country, national = "", e164[1:]
    spread = _BETWEEN.join(national)
    before = f"(?:(?:00)?{country}{_BETWEEN}0?{_BETWEEN}|0)" if country else ""
    optional = "?" if before and len(national) >= SHORTEST_NATIONAL else ""
    return rf"(?:(?<![0-9])|{_ESCAPED}){before}{optional}{spread}(?![0-9])"
