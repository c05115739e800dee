"""Cursors: where a list goes on, as a text that fits into an address."""

from datetime import UTC, datetime
from uuid import UUID


class CursorInvalid(ValueError):
    """`before` is not a cursor of this list. Take it from the last line of the page before, or leave it out to begin anew."""


def to_cursor(moment: datetime, id: UUID, rank: int | None = None) -> str:
    """`[rank~]microseconds~id`."""
    micros = (moment - _EPOCH) // _MICROSECOND
    return "~".join(([] if rank is None else [str(rank)]) + [str(micros), str(id)])


def from_cursor(text: str | None, *, ranked: bool = False) -> tuple[int | None, datetime | None, UUID | None]:
    """(rank, moment, id), all None without a cursor. Raises CursorInvalid."""
    if text is None:
        return None, None, None
    parts = text.split("~")
    try:
        rank = int(parts.pop(0)) if ranked else None
        micros, id = parts
        return rank, _EPOCH + int(micros) * _MICROSECOND, UUID(id)
    except (ValueError, IndexError, OverflowError):
        raise CursorInvalid(
            f"before='{text[:60]}' is not a cursor of this list. Take it from the last line of the page before, or leave it out."
        ) from None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = datetime.resolution
