"""The tables that are read and written as objects. Private to `db`: upward go the values of `db.records`.

The migrations define the schema; a test compares these classes with it. Queues, messages and views are plain SQL in their modules.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from pgvector.sqlalchemy import Vector
from sqlalchemy import Column, DateTime, Numeric, Text, func
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, REAL
from sqlmodel import Field, SQLModel


def _key() -> Any:
    return Field(default_factory=uuid4, primary_key=True)


def _text(default: str = "") -> Any:
    return Field(default=default, sa_type=Text)


def _json() -> Any:
    return Field(default_factory=dict, sa_type=JSONB)


def _bytes(**options: Any) -> Any:
    return Field(sa_type=BYTEA, **options)


def _moment(*, optional: bool = False) -> Any:
    """A time that the database sets when we give none; `optional`: a time that may be absent."""
    if optional:
        return Field(default=None, sa_type=DateTime(timezone=True))
    return Field(
        default=None, sa_type=DateTime(timezone=True), nullable=False, sa_column_kwargs={"server_default": func.now()}
    )


class Workspace(SQLModel, table=True):
    __tablename__ = "workspaces"

    id: UUID = _key()
    name: str = _text()
    slug: str = _text()
    timezone: str = _text("UTC")
    settings: dict[str, Any] = _json()
    created_at: datetime = _moment()


class User(SQLModel, table=True):
    __tablename__ = "users"

    id: UUID = _key()
    email: str = _text()
    name: str = _text()
    password_hash: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = _moment()
    last_seen_at: datetime | None = _moment(optional=True)


class Membership(SQLModel, table=True):
    __tablename__ = "memberships"

    workspace_id: UUID = Field(primary_key=True)
    user_id: UUID = Field(primary_key=True)
    role: str = _text()


class SignInSession(SQLModel, table=True):
    __tablename__ = "sessions"

    token_hash: bytes = _bytes(primary_key=True)
    user_id: UUID
    workspace_id: UUID | None = None
    created_at: datetime = _moment()
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))


class SignInLink(SQLModel, table=True):
    __tablename__ = "sign_in_links"

    token_hash: bytes = _bytes(primary_key=True)
    user_id: UUID
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    used_at: datetime | None = _moment(optional=True)


class ApiKey(SQLModel, table=True):
    __tablename__ = "api_keys"

    id: UUID = _key()
    workspace_id: UUID
    name: str = _text()
    key_hash: bytes = _bytes()
    role: str = _text("agent")
    created_at: datetime = _moment()
    last_used_at: datetime | None = _moment(optional=True)
    revoked_at: datetime | None = _moment(optional=True)


class Connection(SQLModel, table=True):
    __tablename__ = "connections"

    id: UUID = _key()
    workspace_id: UUID
    kind: str = _text()
    name: str = _text()
    is_default: bool = False
    config: dict[str, Any] = _json()
    secrets: bytes | None = _bytes(default=None)
    state: str = _text("active")
    state_reason: str = _text()
    created_at: datetime = _moment()
    updated_at: datetime = _moment()


class Model(SQLModel, table=True):
    __tablename__ = "ai_models"

    id: UUID = _key()
    workspace_id: UUID
    connection_id: UUID | None = None
    purpose: str = _text()
    provider: str = _text()
    model_name: str = _text()
    temperature: float = Field(default=0.3, sa_type=REAL)
    max_tokens: int = 600
    price_in_per_million: Decimal | None = Field(default=None, sa_type=Numeric)
    price_out_per_million: Decimal | None = Field(default=None, sa_type=Numeric)
    is_default: bool = False
    created_at: datetime = _moment()


class Source(SQLModel, table=True):
    __tablename__ = "training_sources"

    id: UUID = _key()
    workspace_id: UUID
    type: str = _text()
    name: str = _text()
    url: str = _text()
    config: dict[str, Any] = _json()
    status: str = _text("pending")
    status_detail: str = _text()
    created_at: datetime = _moment()
    updated_at: datetime = _moment()


class Passage(SQLModel, table=True):
    """Without the column `search`, which the database computes."""

    __tablename__ = "ai_embeddings"

    id: UUID = _key()
    workspace_id: UUID
    source_id: UUID
    source_type: str = _text()
    document: str = _text()
    heading: str = _text()
    text: str = _text()
    position: int = 0
    content_hash: bytes = _bytes()
    language: str = _text()
    model: str = _text()
    embedding: Any = Field(sa_column=Column(Vector(), nullable=False))  # how long it is, is a setting
    enabled: bool = True
    created_at: datetime = _moment()
