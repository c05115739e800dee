"""Words as customers write them: case, accents and punctuation do not count, and only whole words do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

# Scripts that are written without spaces: there a phrase is looked for anywhere.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def plain(text: str) -> str:
    """The words of a text in lower case, without accents and punctuation, with one space between them."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(character for character in folded if not unicodedata.combining(character))
    return " ".join(re.findall(r"\w+", kept))


def found(text: str, phrases: Iterable[str]) -> str:
    """The first of the phrases that occurs as whole words, as it was given; '' where none does."""
    words = plain(text)
    return next((phrase for phrase in phrases if _pattern(phrase).search(words)), "")


def without(text: str, phrases: Iterable[str]) -> str:
    """The text in plain words, with every occurrence of the phrases replaced by a mark that no phrase contains."""
    words = plain(text)
    for phrase in phrases:
        words = _pattern(phrase).sub("…", words)
    return words


@lru_cache(maxsize=4096)  # the phrases come from settings and are the same for every message
def _pattern(phrase: str) -> re.Pattern[str]:
    words = plain(phrase)
    if not words:
        return re.compile(r"(?!)")  # an empty phrase occurs nowhere
    if _UNSPACED.search(words):
        return re.compile(re.escape(words))
    return re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")
