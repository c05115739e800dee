"""The webhook server: a list of routes and a list of middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from db import logs
from db.engine import dispose
from webhook_server import ask, chat, chat_page, custom, ghl, ghl_oauth, health
from webhook_server.address import TrustedProxies, proxies_from_environment
from webhook_server.api.router import DESCRIPTION, api
from webhook_server.errors import HANDLERS
from webhook_server.guards import BodyLimit, SecurityHeaders
from webhook_server.inbound import webhook_routes
from webhook_server.state import ServerState
from webhook_server.stopping import at_stop_signal
from webhook_server.threads import API_THREADS

ROUTES: Sequence[BaseRoute] = (
    *webhook_routes(),
    *ghl.ROUTES,
    *ghl_oauth.ROUTES,
    *custom.ROUTES,
    *ask.ROUTES,
    *chat.ROUTES,
    *chat_page.ROUTES,
    *health.ROUTES,
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Nothing is needed to start; at the end the streams and the database connections are let go."""
    if app.state.process_name:
        logs.setup(app.state.process_name)
    # Endpoints that are plain functions run in anyio's own threads.
    anyio.to_thread.current_default_thread_limiter().total_tokens = API_THREADS
    hub = app.state.server.hub
    with at_stop_signal(hub.close_soon):
        yield
    hub.close()
    dispose()


def create_app(state: ServerState | None = None, process_name: str = "") -> FastAPI:
    """A server of its own; tests make several in one process. With a `process_name` it also takes over the process's log."""
    made = FastAPI(
        title="Frontdesk",
        version="1",
        description=DESCRIPTION,
        routes=list(ROUTES),
        middleware=[
            Middleware(TrustedProxies, proxies=proxies_from_environment()),
            Middleware(SecurityHeaders),
            Middleware(BodyLimit),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
    )
    made.include_router(api)
    made.state.server = state or ServerState()
    made.state.process_name = process_name
    return made


app = create_app(process_name="webhook")
