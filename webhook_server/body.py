"""Reads a request body that may not be longer than agreed, and refuses what Postgres could not hold."""

from __future__ import annotations

from starlette.requests import Request

from webhook_server.errors import Refusal

MAX_BYTES = 1024 * 1024
MAX_KEY_CHARS = 300


async def read_body(request: Request, max_bytes: int = MAX_BYTES) -> bytes:
    """The raw body. Raises Refusal 413 as soon as it is known to be too long."""
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > max_bytes:
        raise too_long(max_bytes)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > max_bytes:
            raise too_long(max_bytes)
        parts.append(part)
    return b"".join(parts)


def too_long(max_bytes: int) -> Refusal:
    return Refusal(413, "too_long", f"The body is longer than {max_bytes // 1024} KB. Send less at once.")


def check_key(name: str, value: str) -> None:
    """Raises Refusal 422 where an identifier from outside cannot be an identifier of ours."""
    if not value or len(value) > MAX_KEY_CHARS or not is_storable(value):
        raise Refusal(422, "unreadable", f"The {name} of this call is empty, too long or holds bytes that are no text.")


def is_storable(text: str) -> bool:
    """Whether Postgres takes the text: no NUL, no lone surrogate."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
