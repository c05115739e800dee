"""Signing in and out: plain routes, because only a route can set a cookie that scripts cannot read.

GET  /auth/sign-in          the form
POST /auth/sign-in          e-mail and password -> cookie
GET  /auth/link/{token}     a page that posts itself, so that a mail scanner that opens the link does not use it up
POST /auth/link/{token}     one-time link -> cookie
POST /auth/sign-out         ends the session in the database, whoever else holds the cookie
"""

from __future__ import annotations

import hmac
import secrets
from datetime import UTC, datetime
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from db import users
from db.engine import system
from ui import cookies, sign_in_page

HOME = "/"
FOREIGN_FORM = "This form was not opened here, or it is older than an hour. Please try again."
WRONG = "E-mail or password is not right. Ask an admin for a sign-in link if you forgot it."
USED = "This link was used already or is too old. Ask for a new one, or sign in with your password."


async def show_sign_in(request: Request) -> Response:
    return _form_page(request, target=local_path(request.query_params.get("next", "")))


async def sign_in(request: Request) -> Response:
    form = await request.form()
    target, email = local_path(str(form.get("next", ""))), str(form.get("email", "")).strip()
    if not _form_is_ours(request, str(form.get("form", ""))):
        return _form_page(request, target=target, email=email, problem=FOREIGN_FORM, status=403)
    try:
        token = await run_in_threadpool(_check_password, email, str(form.get("password", "")))
    except users.TooManyTries as refusal:
        return _form_page(request, target=target, email=email, problem=str(refusal), status=429)
    if token is None:
        return _form_page(request, target=target, email=email, problem=WRONG, status=401)
    return _enter(request, token, target)


async def show_link(request: Request) -> Response:
    form, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(16)
    response = HTMLResponse(sign_in_page.link(form, nonce), headers=sign_in_page.headers(nonce))
    cookies.remember_form(response, form, secure=cookies.is_https(request))
    return response


async def use_link(request: Request) -> Response:
    form = await request.form()
    if not _form_is_ours(request, str(form.get("form", ""))):
        return _form_page(request, problem=FOREIGN_FORM, status=403)
    token = await run_in_threadpool(_redeem, request.path_params["token"])
    if token is None:
        return _form_page(request, problem=USED, status=401)
    return _enter(request, token, HOME)


async def sign_out(request: Request) -> Response:
    if not comes_from_here(request):
        return Response(FOREIGN_FORM, status_code=403)
    token = request.cookies.get(cookies.SESSION)
    if token:
        await run_in_threadpool(_end_session, token)
    response = RedirectResponse("/auth/sign-in", status_code=303)
    cookies.sign_out(response)
    return response


ROUTES = [
    Route("/auth/sign-in", show_sign_in, methods=["GET"]),
    Route("/auth/sign-in", sign_in, methods=["POST"]),
    Route("/auth/link/{token}", show_link, methods=["GET"]),
    Route("/auth/link/{token}", use_link, methods=["POST"]),
    Route("/auth/sign-out", sign_out, methods=["POST"]),
]


def local_path(target: str) -> str:
    """`target` where it is a path of this site, else the start page: a sign-in never leads to another site."""
    is_local = target.startswith("/") and not target.startswith(("//", "/\\", "/auth/"))
    return target if is_local and target.isprintable() else HOME


def sign_in_address(path: str, query: str) -> str:
    """Where to send a browser that is not signed in, so that it comes back afterwards."""
    target = path + (f"?{query}" if query else "")
    return "/auth/sign-in" if target == HOME else f"/auth/sign-in?next={quote(target, safe='/')}"


def comes_from_here(request: Request) -> bool:
    """Whether a page of this site sent the request. Every current browser says so itself; without either header we refuse."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("origin", "").partition("://")[2] == request.headers.get("host", "-")


def _form_is_ours(request: Request, field: str) -> bool:
    cookie = request.cookies.get(cookies.FORM, "")
    return bool(cookie) and hmac.compare_digest(cookie, field) and request.headers.get("sec-fetch-site") != "cross-site"


def _form_page(
    request: Request, *, target: str = HOME, email: str = "", problem: str = "", status: int = 200
) -> Response:
    form = secrets.token_urlsafe(24)
    page = sign_in_page.form(form, target, email, problem)
    response = HTMLResponse(page, status_code=status, headers=sign_in_page.headers())
    cookies.remember_form(response, form, secure=cookies.is_https(request))
    return response


def _enter(request: Request, token: str, target: str) -> Response:
    response = RedirectResponse(target, status_code=303, headers={"cache-control": "no-store"})
    cookies.sign_in(response, token, secure=cookies.is_https(request))
    return response


def _check_password(email: str, password: str) -> str | None:
    with system() as tx:
        return users.sign_in(tx, email, password, datetime.now(UTC))


def _redeem(link: str) -> str | None:
    with system() as tx:
        return users.redeem_link(tx, link, datetime.now(UTC))


def _end_session(token: str) -> None:
    with system() as tx:
        users.sign_out(tx, token)
