"""Who calls the API: key, role, workspace and limits, checked in this one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.requests import Request

from db import api_keys, audit
from db.engine import system, transaction
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

    def record(self, action: str, subject: str, **detail: object) -> None:
        """Note in the audit log what this caller did."""
        with transaction(self.workspace_id) as tx:
            audit.record(tx, self.workspace_id, self.actor, action, subject, **detail)

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
    holder = _holder(key_of(request))
    if holder is None:
        text = "Send a valid API key as 'Authorization: Bearer fd_...' or 'X-API-Key: fd_...'."
        raise Refusal(401, "key_invalid", text, headers={"WWW-Authenticate": "Bearer"})
    route = request.scope.get("route")
    endpoint = f"{request.method} {getattr(route, 'path', request.scope['path'])}"
    count_endpoint(holder.key_id, endpoint)
    return Caller(holder.workspace_id, holder.role, holder.key_id)


def is_still_valid(key: str) -> bool:
    """Whether the key still opens the door, for streams that stay open."""
    return _holder(key) is not None


def key_of(request: Request) -> str:
    """The key that a request carries, "" where it carries none that could be one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    key = token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "").strip()
    return key if key.isascii() and "\0" not in key else ""


def _holder(key: str) -> api_keys.KeyHolder | None:
    if not key:
        return None
    with system() as tx:
        return api_keys.check(tx, key)
