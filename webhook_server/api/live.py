"""The live stream of a workspace: notices that say what changed, the rows are read by the calls beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from webhook_server.api.access import Caller, Reader, is_still_valid, key_of
from webhook_server.hub import Hub
from webhook_server.sse import HEARTBEAT, HEARTBEAT_SECONDS, event, stream
from webhook_server.state import state_of

router = APIRouter(tags=["Live"])


@router.get(
    "/stream",
    summary="What changes, as server-sent events",
    response_class=Response,
    responses={
        200: {"content": {"text/event-stream": {"example": 'event: message\ndata: {"conversation": "5f0c7f0e"}'}}}
    },
)
async def follow(
    request: Request,
    caller: Reader,
    topic: Annotated[
        list[str] | None, Query(description="Only these topics: message, conversation, handoff, run.")
    ] = None,
) -> Response:
    """Each event is named after its topic and holds the ids of what changed. `resync` means: read everything again."""
    hub = state_of(request).hub
    hub.check_room(caller.actor)
    return stream(_events(hub, caller, key_of(request), frozenset(topic or ())))


async def _events(hub: Hub, caller: Caller, key: str, topics: frozenset[str]) -> AsyncIterator[str]:
    with hub.watch(caller.workspace_id, caller.actor) as watch:
        yield event("ready", {})
        while not watch.over:
            notice = await watch.next(HEARTBEAT_SECONDS)
            if notice is None:
                if not await run_in_threadpool(is_still_valid, key):
                    return  # a revoked key sees nothing more
                yield HEARTBEAT
            elif notice.topic != "closed" and (not topics or notice.topic in topics or notice.topic == "resync"):
                yield event(notice.topic, notice.ids)
