"""What `db` hands upward: frozen values, one per row. The tables themselves stay inside `db`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Role = Literal["viewer", "agent", "builder", "admin"]
R = TypeVar("R", bound="DataclassInstance")


def record(kind: type[R], row: Mapping[str, Any] | Any) -> R:
    """A record filled from the columns of a row (or the attributes of a table object) that carry the names of its fields."""
    if isinstance(row, Mapping):
        return kind(**{name: row[name] for name in _names(kind)})
    return kind(**{name: getattr(row, name) for name in _names(kind)})


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind))


@dataclass(frozen=True)
class Workspace:
    id: UUID
    name: str
    slug: str
    timezone: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class User:
    id: UUID
    email: str
    name: str


@dataclass(frozen=True)
class Member:
    """A colleague within one workspace."""

    user: User
    workspace_id: UUID
    role: Role


@dataclass(frozen=True)
class Membership:
    """One of the workspaces a user may choose."""

    workspace: Workspace
    role: Role


@dataclass(frozen=True)
class SignedIn:
    """Who is behind a session, and where. A user without any membership has no workspace and the role ''."""

    user: User
    workspace: Workspace | None
    role: Role | Literal[""]
    memberships: tuple[Membership, ...]


@dataclass(frozen=True)
class Connection:
    """An account at a provider, without its secrets."""

    id: UUID
    workspace_id: UUID
    kind: str
    name: str
    is_default: bool
    config: Mapping[str, Any]
    state: Literal["active", "paused", "error"]
    state_reason: str


@dataclass(frozen=True)
class Contact:
    id: UUID
    workspace_id: UUID
    name: str
    phone: str | None
    email: str | None
    ghl_contact_id: str | None
    language: str
    opted_out_at: datetime | None
    opted_in_at: datetime | None
    metadata: Mapping[str, Any]
    crm: Mapping[str, Any]
    crm_fetched_at: datetime | None
    created_at: datetime


@dataclass(frozen=True)
class Model:
    """A language or embedding model. A price of None is not known, which is not 0."""

    id: UUID
    workspace_id: UUID
    connection_id: UUID | None
    purpose: Literal["chat", "embedding"]
    provider: str
    model_name: str
    temperature: float
    max_tokens: int
    price_in_per_million: Decimal | None
    price_out_per_million: Decimal | None
    is_default: bool


@dataclass(frozen=True)
class Source:
    """Training material. `passages` counts the pieces that a search can find."""

    id: UUID
    workspace_id: UUID
    type: Literal["website", "file", "text", "qa", "urls"]
    name: str
    url: str
    status: Literal["pending", "working", "ready", "failed", "cancelled"]
    status_detail: str
    passages: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class AuditEntry:
    id: int
    workspace_id: UUID | None
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
