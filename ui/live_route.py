"""GET /live: the stream of one browser tab, for the workspace it shows, as long as its session holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ui import cookies
from ui.live import Hub, Subscription, as_events
from ui.seat import may_see

HEADERS = {
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}  # the second tells nginx to pass every event on at once


def route(hub: Hub) -> Route:
    async def stream(request: Request) -> Response:
        token = request.cookies.get(cookies.SESSION, "")
        workspace = _workspace(request)
        if workspace is None or not await run_in_threadpool(may_see, token, workspace):
            return PlainTextResponse("Sign in to follow this workspace.", status_code=401)
        subscription = hub.subscribe(workspace)
        return StreamingResponse(_events(hub, subscription, token), media_type="text/event-stream", headers=HEADERS)

    return Route("/live", stream, methods=["GET"])


async def _events(hub: Hub, subscription: Subscription, token: str) -> AsyncIterator[str]:
    try:
        yield "retry: 1000\n\n"
        async for batch in subscription.batches():
            # A heartbeat is also the moment to see whether the session ended or the person left the workspace.
            if not batch and not await run_in_threadpool(may_see, token, UUID(subscription.workspace)):
                return
            yield as_events(batch)
    finally:
        hub.unsubscribe(subscription)


def _workspace(request: Request) -> UUID | None:
    try:
        return UUID(request.query_params.get("workspace", ""))
    except ValueError:
        return None
