"""A workspace in a real database, for nodes that read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import Session

from db.engine import one, read_only, run, system
from nodes.contract import Context
from tests.nodes.contexts import contact, context, conversation


@dataclass(frozen=True)
class Desk:
    """A workspace with one contact and one conversation; `say` adds messages."""

    workspace: UUID
    connection: UUID
    contact: UUID
    conversation: UUID

    def say(self, direction: str, content: str, **columns: Any) -> int:
        """Add a message; returns its seq."""
        values = {
            "workspace_id": self.workspace,
            "conversation_id": self.conversation,
            "connection_id": self.connection,
            "direction": direction,
            "author": "contact" if direction == "in" else "ai",
            "content": content,
            "state": "received" if direction == "in" else "sent",
            **columns,
        }
        return int(_insert("messages", values)["seq"])

    def remember(self, role: str, text: str, after_seq: int = 0) -> None:
        values = {"conversation_id": self.conversation, "role": role, "text": text, "after_seq": after_seq}
        _insert("ai_conversation_memory", {"workspace_id": self.workspace, **values})

    def read(self) -> AbstractContextManager[Session]:
        return read_only(self.workspace)

    @contextmanager
    def read_and_watch(self) -> Iterator[Session]:
        """Like `read`; fails when the transaction changed anything."""
        with read_only(self.workspace) as tx:
            yield tx
            found = one(tx, "SELECT pg_current_xact_id_if_assigned() AS written")
            assert found is not None and found["written"] is None

    def context(self, **changes: Any) -> Context:
        given: dict[str, Any] = {
            "contact": contact(id=self.contact),
            "conversation": conversation(id=self.conversation),
            "read": self.read,
        }
        return context(**(given | changes))


@pytest.fixture
def desk(database_url: str) -> Desk:
    return open_desk()


def open_desk(slug: str = "lindner") -> Desk:
    """A new workspace in the database of this test."""
    workspace = _insert("workspaces", {"name": "Lindner Cycles", "slug": slug, "timezone": "Europe/Zurich"})["id"]
    of = {"workspace_id": workspace}
    connection = _insert("connections", {**of, "kind": "webchat", "name": "Web chat"})["id"]
    person = _insert("contacts", {**of, "name": "Nora Weiss"})["id"]
    thread = {"contact_id": person, "connection_id": connection, "channel": "webchat", "address": "visitor-1"}
    return Desk(workspace, connection, person, _insert("conversations", {**of, **thread})["id"])


def make_user(desk: Desk, name: str) -> UUID:
    user: UUID = _insert("users", {"email": f"{name.lower()}@example.com", "name": name})["id"]
    with system() as tx:
        run(tx, "INSERT INTO memberships VALUES (%(w)s, %(u)s, 'agent')", w=desk.workspace, u=user)
    return user


def _insert(table: str, values: dict[str, Any]) -> Any:
    columns, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    with system() as tx:
        return one(tx, f"INSERT INTO {table} ({columns}) VALUES ({places}) RETURNING *", **values)
