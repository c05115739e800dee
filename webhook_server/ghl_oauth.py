"""The two addresses of signing in at GoHighLevel: the way there, which marks the browser, and the way back."""

from __future__ import annotations

import base64
import hashlib
import html
import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from flows import crm_oauth
from flows.actions import ActionRefused
from flows.crm_oauth import SignInRefused
from nodes.errors import ClientError
from webhook_server.guards import STRICT_POLICY

COOKIE = "frontdesk_ghl"
COOKIE_SECONDS = int(crm_oauth.ON_THE_WAY.total_seconds())
MOST_TEXT = 2000  # characters of a state or code

log = logging.getLogger(__name__)


async def start(request: Request) -> Response:
    """To GHL, with the state as a cookie that only the way back gets to see."""
    state = _given(request, "state")
    try:
        address = await run_in_threadpool(crm_oauth.authorize_url, state)
    except (SignInRefused, ActionRefused) as refused:
        return _page(400, "That did not work", str(refused))
    response = RedirectResponse(address, status_code=303)
    secure = crm_oauth.redirect_uri().startswith("https://")
    response.set_cookie(
        COOKIE, state, max_age=COOKIE_SECONDS, path="/oauth/ghl", secure=secure, httponly=True, samesite="lax"
    )
    return response


async def callback(request: Request) -> Response:
    """Back from GHL with a code. The browser must be the one that left, whether or not GHL gave the state back."""
    cookie, state, code = request.cookies.get(COOKIE, "")[:MOST_TEXT], _given(request, "state"), _given(request, "code")
    if not cookie or (state and state != cookie):
        return _page(400, "That did not work", "This browser did not begin the sign-in. Begin on the page CRM.")
    if not code:
        return _page(400, "That did not work", "GoHighLevel gave no code: the sign-in was not finished. Begin again.")
    response = await run_in_threadpool(_finish, code, cookie)
    response.delete_cookie(COOKIE, path="/oauth/ghl")
    return response


def _finish(code: str, state: str) -> Response:
    try:
        connected = crm_oauth.finish(code, state)
    except (SignInRefused, ActionRefused) as refused:
        return _page(400, "That did not work", str(refused))
    except ClientError as error:
        log.warning("A sign-in at GoHighLevel failed", extra={"action": "ghl.sign_in_failed", "reason": error.reason})
        return _page(502, "That did not work", error.reason)
    if connected.needs_location:
        return _page(200, "Almost done", "Go back to Frontdesk and choose the location of this workspace.")
    return _page(200, "GoHighLevel is connected", "You can close this window and go back to Frontdesk.")


def _given(request: Request, name: str) -> str:
    return request.query_params.get(name, "")[:MOST_TEXT]


def _page(status: int, title: str, text: str) -> Response:
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
        f"<main><h1>{html.escape(title)}</h1><p>{html.escape(text)}</p></main></html>"
    )
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": _POLICY}
    return Response(body, status, media_type="text/html", headers=headers)


_STYLE = (
    "body{margin:0;min-height:100vh;display:grid;place-items:center;background:#f5f7f9;color:#1f2430;"
    "font:16px/1.5 system-ui,sans-serif}main{box-sizing:border-box;max-width:26rem;margin:1rem;padding:2rem;background:#fff;"
    "border:1px solid #dfe4e8;border-top:4px solid #0f766a;border-radius:10px}h1{margin:0 0 .5rem;font-size:1.25rem}p{margin:0}"
)
# The one style of this page, and nothing else.
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"{STRICT_POLICY}; style-src 'sha256-{_HASH}'"

ROUTES = (Route("/oauth/ghl/start", start, methods=["GET"]), Route("/oauth/ghl/callback", callback, methods=["GET"]))
