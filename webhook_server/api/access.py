"""Who calls the API: key, role, workspace and limits, checked in this one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.requests import Request

from db import api_keys
from db.engine import system
from db.roles import Permission, may
from webhook_server.address import caller_address
from webhook_server.errors import Refusal
from webhook_server.limits import count_address, count_endpoint

# Only described here, for /openapi.json; `caller_of` reads the headers itself.
_bearer = HTTPBearer(auto_error=False, description="An API key: Authorization: Bearer fd_...")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="An API key.")


@dataclass(frozen=True)
class Caller:
    """A key holder within one workspace."""

    workspace_id: UUID
    role: str
    key_id: UUID

    @property
    def actor(self) -> str:
        """How the audit log names this caller."""
        return f"api_key:{self.key_id}"

    def check(self, what: Permission) -> Caller:
        """Raises Refusal 403 where the key's role does not include this."""
        if not may(self.role, what):
            text = f"A key with the role {self.role} may not do this. Use a key with a higher role."
            raise Refusal(403, "role_too_low", text)
        return self


def needs(what: Permission) -> Callable[..., Caller]:
    """A dependency: the caller, who may do `what`."""

    def dependency(request: Request) -> Caller:
        return caller_of(request).check(what)

    return dependency


Reader = Annotated[Caller, Security(needs("read"))]
Agent = Annotated[Caller, Security(needs("reply"))]
Admin = Annotated[Caller, Security(needs("admin"))]
DESCRIBED = [Depends(_bearer), Depends(_header)]


def caller_of(request: Request) -> Caller:
    """The caller of this request. Raises Refusal 401 without a valid key, 429 above a limit."""
    count_address(caller_address(request.scope))
    key = _key(request)
    with system() as tx:
        holder = api_keys.check(tx, key) if key else None
    if holder is None:
        text = "Send a valid API key as 'Authorization: Bearer fd_...' or 'X-API-Key: fd_...'."
        raise Refusal(401, "key_invalid", text, headers={"WWW-Authenticate": "Bearer"})
    route = request.scope.get("route")
    endpoint = f"{request.method} {getattr(route, 'path', request.scope['path'])}"
    count_endpoint(holder.key_id, endpoint)
    return Caller(holder.workspace_id, holder.role, holder.key_id)


def _key(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    key = token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "").strip()
    return key if key.isascii() and "\0" not in key else ""
