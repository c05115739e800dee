"""What stands around a passage: its neighbours or its whole section, read as one text."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session

from db import indexing, passages

MOST_OVERLAP = 400  # characters that a passage may repeat of the one before it
MOST_CHARACTERS = 8000  # of a section; more helps neither a person nor a model


def context_of(tx: Session, ids: Sequence[UUID], neighbours: int, *, parent: bool) -> dict[UUID, str]:
    """The text around each passage, the passage itself included; nothing where neither is asked for."""
    if parent:
        return {id: joined([line.text for line in indexing.section(tx, id)])[:MOST_CHARACTERS] for id in ids}
    if neighbours > 0:
        return {id: joined(texts) for id, texts in passages.around(tx, ids, neighbours).items()}
    return {}


def joined(texts: Sequence[str]) -> str:
    """Passages in order as one text; what one repeats of the end of the one before it stands there once."""
    whole = ""
    for text in texts:
        overlap = _overlap(whole, text)
        whole = f"{whole}{text[overlap:]}" if overlap else f"{whole}\n\n{text}" if whole else text
    return whole


def _overlap(before: str, after: str) -> int:
    longest = min(len(before), len(after), MOST_OVERLAP)
    return next((size for size in range(longest, 9, -1) if before.endswith(after[:size])), 0)
