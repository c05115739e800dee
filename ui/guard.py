"""What stands before every page: nobody gets one without a session, and no other site may frame it."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui import auth, cookies
from ui.seat import is_signed_in

OPEN_PATHS = ("/auth/", "/health", "/live", "/_stcore/", "/static/", "/media/", "/component/", "/favicon")
SECURITY_HEADERS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}


class PageGuard:
    """ASGI middleware: a browser that asks for a page without a valid session is sent to the sign-in form.

    It spares people a blank page; the rights themselves are checked by every page and every action again.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        if _is_page(request) and not await run_in_threadpool(is_signed_in, request.cookies.get(cookies.SESSION, "")):
            where = auth.sign_in_address(request.url.path, request.url.query)
            await RedirectResponse(where, status_code=303, headers={"cache-control": "no-store"})(scope, receive, send)
            return
        # A page of somebody who signed out must not come back from the browser's memory.
        extra = {"cache-control": "no-store"} if _is_page(request) else {}
        await self.app(scope, receive, _with_headers(send, SECURITY_HEADERS | extra))


def _is_page(request: Request) -> bool:
    path = request.url.path
    # Streamlit's browser part also looks for its own addresses below the page's.
    open_path = path.startswith(OPEN_PATHS) or "/_stcore/" in path or "." in path.rpartition("/")[2]
    return request.method == "GET" and not open_path


def _with_headers(send: Send, wanted: dict[str, str]) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(wanted)
        await send(message)

    return wrapped
