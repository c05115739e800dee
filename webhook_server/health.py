"""Is it alive, can it work, how is it doing."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from db.engine import database_url, system
from db.migrate import pending
from webhook_server.address import is_loopback
from webhook_server.api.access import caller_of
from webhook_server.errors import Refusal
from webhook_server.metrics import database_lines, head, line
from webhook_server.state import state_of


async def health(_: Request) -> Response:
    """The process answers; nothing else is asked."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """The database answers and every migration is applied."""
    missing = await state_of(request).health_threads.run(_missing_migrations)
    if missing:
        text = f"The database is behind by {len(missing)} migrations. Run `frontdesk migrate`."
        raise Refusal(503, "not_migrated", text)
    return JSONResponse({"status": "ready"})


async def metrics(request: Request) -> Response:
    """For programs of this machine, and for keys with the role admin."""
    state = state_of(request)
    if not is_loopback(request.scope):
        (await state.health_threads.run(caller_of, request)).check("admin")
    lines = state.metrics.lines() + head("frontdesk_streams", "gauge", "Live streams that are open.")
    lines += [line("frontdesk_streams", state.hub.count()), *await state.health_threads.run(_database_lines)]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _missing_migrations() -> list[str]:
    with system():  # says DatabaseUnreachable where nothing answers
        return pending(database_url())


def _database_lines() -> list[str]:
    with system() as tx:
        return database_lines(tx)


ROUTES = [
    Route("/health", health, methods=["GET"]),
    Route("/ready", ready, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
]
