"""Text of customers and documents inside Streamlit's Markdown."""

from __future__ import annotations

_ACTIVE = frozenset("\\`*_{}[]()<>#+-.!|~:$@")


def plain(text: str) -> str:
    """The text as it is: nothing in it becomes formatting, a link, a formula or an icon; its line breaks stay."""
    escaped = "".join("\\" + letter if letter in _ACTIVE else letter for letter in text)
    return escaped.replace("\n", "  \n")
