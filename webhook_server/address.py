"""Where a call comes from and which public address it was made to."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from db.settings import Settings, get_settings

PROXIES_VARIABLE = "FORWARDED_ALLOW_IPS"  # the name that uvicorn and gunicorn use for the same thing

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies:
    """ASGI middleware: believe X-Forwarded-For, -Proto and -Host, but only when a known proxy says so."""

    def __init__(self, app: ASGIApp, proxies: Sequence[Network]) -> None:
        self.app = app
        self.proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_proxy((scope.get("client") or ("",))[0]):
            scope = self._as_seen_by_proxy(scope)
        await self.app(scope, receive, send)

    def _as_seen_by_proxy(self, scope: Scope) -> Scope:
        headers = Headers(scope=scope)
        seen = dict(scope)
        hops = [hop.strip() for hop in ",".join(headers.getlist("x-forwarded-for")).split(",") if hop.strip()]
        if hops:
            # Read from the right: what stands left of the first stranger was written by that stranger.
            caller = next((hop for hop in reversed(hops) if not self._is_proxy(hop)), hops[0])
            seen["client"] = (caller[:100], 0)
        if headers.get("x-forwarded-proto") in ("http", "https"):
            seen["scheme"] = headers["x-forwarded-proto"]
        if host := headers.get("x-forwarded-host"):
            others = [(name, value) for name, value in scope["headers"] if name != b"host"]
            seen["headers"] = [*others, (b"host", host.encode("latin-1"))]
        return seen

    def _is_proxy(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.proxies)


def proxies_from_environment() -> list[Network]:
    """The proxies named in FORWARDED_ALLOW_IPS (addresses or networks, comma-separated, * = any); this machine by default."""
    text = os.environ.get(PROXIES_VARIABLE) or "127.0.0.1,::1"
    names = ["0.0.0.0/0", "::/0"] if text.strip() == "*" else [name.strip() for name in text.split(",") if name.strip()]
    try:
        return [ipaddress.ip_network(name, strict=False) for name in names]
    except ValueError as error:
        raise ValueError(
            f"{PROXIES_VARIABLE} cannot be used: {error}. Give addresses or networks, separated by commas."
        ) from None


def public_url(scope: Scope) -> str:
    """The address that the caller used, which is what a provider signs: FRONTDESK_PUBLIC_URL where it is set, else as called."""
    path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1")
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{public_base(scope)}{path}?{query}" if query else f"{public_base(scope)}{path}"


def public_base(scope: Scope) -> str:
    """The public address without path."""
    settings = get_settings()
    if settings.public_url and not _is_made_up(settings):
        return settings.public_url
    return f"{scope.get('scheme', 'http')}://{Headers(scope=scope).get('host') or 'localhost'}"


def caller_address(scope: Scope) -> str:
    """The caller's address as limits count it: an IPv6 household is one /64 network."""
    host = (scope.get("client") or ("unknown",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)[:100] or "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def is_loopback(scope: Scope) -> bool:
    """Whether a program of this machine calls directly, and not through a proxy that hides who called."""
    headers = Headers(scope=scope)
    if any(name in headers for name in ("x-forwarded-for", "forwarded", "via", "x-real-ip")):
        return False
    try:
        return ipaddress.ip_address((scope.get("client") or ("",))[0]).is_loopback
    except ValueError:
        return False


def _is_made_up(settings: Settings) -> bool:
    # The settings fill the address in from the port where nobody set it; then the address as called is the better one.
    return settings.public_url == f"http://127.0.0.1:{settings.webhook_port}"
