"""Which web sites may embed a chat: `allowed_origins` of its connection, any site where none are named. Never cookies."""

from __future__ import annotations

from starlette.requests import Request

from nodes.clients.channel import Account
from webhook_server.address import public_base
from webhook_server.errors import Refusal


def allowed_origins(account: Account) -> tuple[str, ...]:
    """The origins of a connection's config, ("*",) where it names none."""
    named = account.config.get("allowed_origins") or ()
    if isinstance(named, str):
        named = named.replace(",", " ").split()
    return tuple(str(origin).rstrip("/") for origin in named) or ("*",)


def cors_headers(account: Account, request: Request) -> dict[str, str]:
    """The headers for the calling site. Raises Refusal 403 where it may not embed this chat."""
    origin = request.headers.get("origin")
    if not origin or origin in _own_origins(request):
        return {"Vary": "Origin"}
    allowed = allowed_origins(account)
    if "*" not in allowed and origin not in allowed:
        text = "This web site may not use this chat. Add its origin to the allowed origins of the web chat connection."
        raise Refusal(403, "origin_refused", text)
    return {
        "Access-Control-Allow-Origin": "*" if "*" in allowed else origin,
        "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
        "Access-Control-Allow-Headers": "content-type, x-visitor-token",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def frame_ancestors(account: Account) -> str:
    """The Content-Security-Policy source list of pages that may show the chat in a frame."""
    allowed = allowed_origins(account)
    if "*" in allowed:
        return "*"
    # A stray character of a setting must not end the directive and begin another.
    clean = (origin for origin in allowed if not set(origin) & set(" ;,'\"\r\n"))
    return " ".join(["'self'", *clean])


def _own_origins(request: Request) -> set[str]:
    return {f"{request.url.scheme}://{request.headers.get('host', '')}", public_base(request.scope)}
