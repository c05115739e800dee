"""Rows for tests, with sensible defaults: each builder inserts one row by plain SQL and returns its id.

`a_workspace` needs a `system()` transaction; the others work in `system()` and in `transaction(workspace)`.
Any column may be given by name: `a_conversation(tx, workspace, owner="human")`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import one, run


def a_workspace(tx: Session, **columns: Any) -> UUID:
    """A workspace; needs a `system()` transaction."""
    unique = uuid4().hex[:12]
    return _insert(tx, "workspaces", {"name": "Bright Smile Dental", "slug": f"bright-smile-{unique}"} | columns)


def a_user(tx: Session, workspace: UUID | None = None, role: str = "agent", **columns: Any) -> UUID:
    """A person without a password; with a workspace also a member of it. Needs a `system()` transaction."""
    user = _insert(tx, "users", {"email": f"ana-{uuid4().hex[:12]}@example.com", "name": "Ana Silva"} | columns)
    if workspace is not None:
        run(tx, "INSERT INTO memberships VALUES (%(w)s, %(u)s, %(r)s)", w=workspace, u=user, r=role)
    return user


def a_connection(tx: Session, workspace: UUID, kind: str = "webchat", **columns: Any) -> UUID:
    """An active account of this kind; give `secrets=db.secrets.seal({...})` where a test needs some."""
    return _insert(
        tx, "connections", {"workspace_id": workspace, "kind": kind, "name": f"{kind} {uuid4().hex[:8]}"} | columns
    )


def a_contact(tx: Session, workspace: UUID, identities: Sequence[tuple[str, str]] = (), **columns: Any) -> UUID:
    """A contact; `identities` are (kind, address) pairs that point at it."""
    contact = _insert(tx, "contacts", {"workspace_id": workspace, "name": "Tom Becker"} | columns)
    for kind, address in identities:
        run(tx, "INSERT INTO identities VALUES (%(w)s, %(k)s, %(a)s, %(c)s)", w=workspace, k=kind, a=address, c=contact)
    return contact


def a_conversation(
    tx: Session, workspace: UUID, contact: UUID | None = None, connection: UUID | None = None, **columns: Any
) -> UUID:
    """A web chat of a new contact over a new connection, unless they are given."""
    values = {
        "workspace_id": workspace,
        "contact_id": contact or a_contact(tx, workspace),
        "connection_id": connection or a_connection(tx, workspace),
        "channel": "webchat",
        "address": f"visitor-{uuid4().hex[:12]}",
    }
    return _insert(tx, "conversations", values | columns)


def a_message(
    tx: Session, workspace: UUID, conversation: UUID, text: str = "Are you open on Sunday?", **columns: Any
) -> UUID:
    """A message of the contact; `direction="out", author="ai"` and so on make other kinds."""
    found = one(tx, "SELECT connection_id FROM conversations WHERE id = %(id)s", id=conversation)
    assert found is not None, f"no conversation {conversation} in this transaction"
    values = {
        "workspace_id": workspace,
        "conversation_id": conversation,
        "connection_id": found["connection_id"],
        "direction": "in",
        "author": "contact",
        "content": text,
    }
    return _insert(tx, "messages", values | columns)


def a_handoff(tx: Session, workspace: UUID, conversation: UUID, **columns: Any) -> UUID:
    """A pending request for a person, asked for by the customer."""
    values = {
        "workspace_id": workspace,
        "conversation_id": conversation,
        "reason_code": "customer_request",
        "reason": "Asked for a person.",
        "requested_by": f"run:{uuid4()}",
    }
    return _insert(tx, "handoffs", values | columns)


def an_event(tx: Session, workspace: UUID, connection: UUID | None = None, **columns: Any) -> UUID:
    """An arrival that waits to be processed."""
    values = {
        "workspace_id": workspace,
        "connection_id": connection or a_connection(tx, workspace),
        "type": "webchat.message",
        "dedupe_key": uuid4().hex,
        "order_key": uuid4().hex,
        "payload": {"method": "POST", "url": "http://127.0.0.1/chat", "headers": {}, "body": "{}"},
    }
    return _insert(tx, "events_queue", values | columns)


def an_automation(tx: Session, workspace: UUID, document: dict[str, Any] | None = None, **columns: Any) -> UUID:
    """A published automation: draft and version 1 hold the same document."""
    name = f"Front desk {uuid4().hex[:8]}"
    document = document or {"format": 1, "name": name, "description": "", "steps": []}
    values = {"workspace_id": workspace, "name": name, "draft": document, "live_version": 1}
    automation = _insert(tx, "automations", values | columns)
    version = {"workspace_id": workspace, "automation_id": automation, "number": 1, "document": document}
    _insert(tx, "automation_versions", version)
    return automation


def a_run(tx: Session, workspace: UUID, automation: UUID, conversation: UUID | None = None, **columns: Any) -> UUID:
    """A finished run of version 1 of an automation."""
    found = one(tx, "SELECT id FROM automation_versions WHERE automation_id = %(a)s AND number = 1", a=automation)
    assert found is not None, f"no automation {automation} in this transaction"
    now = datetime.now(UTC)
    values = {
        "workspace_id": workspace,
        "automation_id": automation,
        "version_id": found["id"],
        "conversation_id": conversation,
        "state": "done",
        "started_at": now,
        "finished_at": now,
    }
    return _insert(tx, "runs", values | columns)


def a_talk(
    tx: Session, workspace: UUID, connection: UUID, text: str, *, name: str = "Lena Vogt", at: datetime | None = None
) -> UUID:
    """A conversation of somebody new who wrote this, now or then."""
    at = at or datetime.now(UTC)
    told = {"last_inbound_at": at, "last_message_at": at, "last_message_preview": text}
    conversation = a_conversation(tx, workspace, a_contact(tx, workspace, name=name), connection, **told)
    a_message(tx, workspace, conversation, text, created_at=at)
    return conversation


def a_step(tx: Session, workspace: UUID, run_id: UUID, step_id: str, position: int = 0, **columns: Any) -> None:
    """A step of a run's journal that went well."""
    values = {
        "run_id": run_id,
        "step_id": step_id,
        "workspace_id": workspace,
        "position": position,
        "node": "set_values@1",
        "state": "done",
        "started_at": datetime.now(UTC),
    }
    _insert(tx, "run_steps", values | columns, returning="run_id")


def an_outbox_row(tx: Session, workspace: UUID, conversation: UUID | None = None, **columns: Any) -> UUID:
    """An effect of the AI that waits to be performed."""
    values = {
        "workspace_id": workspace,
        "idempotency_key": uuid4().hex,
        "order_key": str(conversation or uuid4()),
        "conversation_id": conversation,
        "author": "ai",
        "effect": {"kind": "send_message", "text": "We open at nine.", "media": [], "explanation": {}},
    }
    return _insert(tx, "outbox", values | columns)


def a_source(tx: Session, workspace: UUID, **columns: Any) -> UUID:
    """A text source that is ready."""
    values = {"workspace_id": workspace, "type": "text", "name": f"Prices {uuid4().hex[:8]}", "status": "ready"}
    return _insert(tx, "training_sources", values | columns)


def _insert(tx: Session, table: str, values: dict[str, Any], returning: str = "id") -> UUID:
    given = {name: Jsonb(value) if isinstance(value, list) else value for name, value in values.items()}
    columns, marks = ", ".join(given), ", ".join(f"%({name})s" for name in given)
    row = one(tx, f"INSERT INTO {table} ({columns}) VALUES ({marks}) RETURNING {returning}", **given)
    assert row is not None
    made: UUID = row[returning]
    return made
