"""The pages as one ASGI application: our own routes before Streamlit's, and the program that serves it.

python -m ui.app     serves on FRONTDESK_HOST:FRONTDESK_UI_PORT until SIGTERM or Ctrl-C
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType

import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from db import engine, logs
from db.settings import get_settings
from ui import auth, live_route
from ui.guard import PageGuard
from ui.live import Hub, start_listener

SCRIPT = Path(__file__).parent / "router.py"
STOP_SECONDS = 3  # how long a request that is under way may take when the server stops

hub = Hub()


@asynccontextmanager
async def _lifespan(_app: st.App) -> AsyncIterator[None]:
    _speak_as_one()  # again, because Streamlit has made more loggers while it started
    listener = start_listener(hub.on_notice)
    yield
    listener.stop()
    hub.close()
    await asyncio.to_thread(engine.dispose)


async def health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


app = st.App(
    SCRIPT,
    routes=[Route("/health", health), *auth.ROUTES, live_route.route(hub)],
    middleware=[Middleware(PageGuard)],
    lifespan=_lifespan,
)


def _speak_as_one() -> None:
    """Streamlit gives each of its loggers, and uvicorn's, a handler of its own. Their warnings come out like our lines instead."""
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in ("streamlit", "uvicorn", "websockets"):
            logger.handlers, logger.propagate = [], True
            logger.setLevel(logging.WARNING)
    # A line per request, also for /health, with an address that may hold a sign-in link.
    logging.getLogger("uvicorn.access").disabled = True


class _Server(uvicorn.Server):
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        hub.close()  # uvicorn waits for open responses, and a live stream has no end of its own
        super().handle_exit(sig, frame)


def main() -> None:
    logs.setup("pages")
    settings = get_settings()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.ui_port,
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    _speak_as_one()
    server = _Server(config)
    server.run()
    sys.exit(0 if server.started else 3)


if __name__ == "__main__":
    main()
