"""The cookie that signs a browser in. Scripts cannot read it, other sites cannot send it, and it travels on https only where there is https."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response

SESSION = "frontdesk_session"
FORM = "frontdesk_form"  # the double of the hidden field in a form: proof that the form came from this site
SESSION_SECONDS = 14 * 24 * 60 * 60


def sign_in(response: Response, token: str, *, secure: bool) -> None:
    response.set_cookie(SESSION, token, SESSION_SECONDS, path="/", secure=secure, httponly=True, samesite="lax")
    response.delete_cookie(FORM, path="/auth")


def sign_out(response: Response) -> None:
    response.delete_cookie(SESSION, path="/", httponly=True, samesite="lax")


def remember_form(response: Response, token: str, *, secure: bool) -> None:
    response.set_cookie(FORM, token, 60 * 60, path="/auth", secure=secure, httponly=True, samesite="strict")


def is_https(connection: HTTPConnection) -> bool:
    """Whether the browser came over https, also through a proxy on this machine."""
    return connection.url.scheme in ("https", "wss")
