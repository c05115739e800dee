"""Text from outside, made safe to keep and to show."""

from __future__ import annotations

import re

# NUL and lone surrogates cannot be stored by Postgres; the other control characters only serve to deceive a terminal.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def printable(text: str) -> str:
    """The text without control characters; line ends become one newline, tabs stay."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
