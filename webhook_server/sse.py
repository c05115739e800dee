"""Server-sent events: how a notice is written, and a response that stays open."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.responses import StreamingResponse

HEARTBEAT_SECONDS = 15.0  # below the 30 to 60 s after which proxies close a silent connection
HEARTBEAT = ": still here\n\n"


def event(name: str, data: Any, id: str = "") -> str:
    """One event; JSON has no line breaks of its own, so one data line is enough."""
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: {json.dumps(data, ensure_ascii=False, default=str)}\n\n"


def stream(events: AsyncIterator[str], headers: Mapping[str, str] | None = None) -> StreamingResponse:
    # X-Accel-Buffering: nginx would otherwise collect the events before it passes them on.
    keep_open = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=keep_open | dict(headers or {}))
