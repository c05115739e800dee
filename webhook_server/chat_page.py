"""The chat as a page and as a widget: plain files, no build step, nothing loaded from elsewhere."""

from __future__ import annotations

import html
from functools import lru_cache
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from nodes.clients.channel import Account
from webhook_server.chat import chat_account
from webhook_server.chat_settings import chat_settings
from webhook_server.cors import frame_ancestors
from webhook_server.errors import Refusal
from webhook_server.state import state_of

FOLDER = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
FILES = frozenset({"chat.js", "chat.css", "chat-store.js", "chat-view.js"})


async def page(request: Request) -> Response:
    """The chat as a full page; the widget shows the same page in its frame."""
    try:
        account = await chat_account(request)
    except Refusal as refusal:
        return HTMLResponse(f"<!doctype html><title>Chat</title><p>{html.escape(refusal.message)}</p>", refusal.status)
    settings = await state_of(request).chat_threads.run(chat_settings, account.workspace_id)
    values = settings.shown() | {
        "connection": str(account.id),
        "embedded": str("embed" in request.query_params).lower(),
    }
    text = _template().substitute({name: html.escape(value) for name, value in values.items()})
    headers = {"Content-Security-Policy": _policy(account), "Cache-Control": "no-cache"}
    return HTMLResponse(text, headers=headers)


async def widget(_: Request) -> Response:
    """The script that a web site includes with one line."""
    # Other sites load it, so the answer must say that they may.
    return _file("widget.js", {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"})


async def static(request: Request) -> Response:
    name = str(request.path_params["name"])
    if name not in FILES:
        raise Refusal(404, "not_found", "There is no such file.")
    return _file(name, {})


def _policy(account: Account) -> str:
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {frame_ancestors(account)}"
    )


def _file(name: str, headers: dict[str, str]) -> Response:
    kind = f"{TYPES[Path(name).suffix]}; charset=utf-8"
    return Response(_content(name), media_type=kind, headers={"Cache-Control": "max-age=300", **headers})


@lru_cache
def _content(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


@lru_cache
def _template() -> Template:
    return Template((FOLDER / "chat.html").read_text("utf-8"))


ROUTES = [
    Route("/chat", page, methods=["GET"]),
    Route("/chat/{connection:uuid}", page, methods=["GET"]),
    Route("/widget.js", widget, methods=["GET"]),
    Route("/static/{name}", static, methods=["GET"]),
]
