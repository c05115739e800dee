"""The two addresses of signing in at GoHighLevel: the way there, which marks the browser, and the way back."""

from __future__ import annotations

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
        return _page(400, "That did not work", "This browser did not begin the sign-in. Begin on the page Settings.")
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
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><h1>{html.escape(title)}</h1><p>{html.escape(text)}</p></html>"
    )
    return Response(body, status, media_type="text/html", headers={"Cache-Control": "no-store"})


ROUTES = (Route("/oauth/ghl/start", start, methods=["GET"]), Route("/oauth/ghl/callback", callback, methods=["GET"]))
