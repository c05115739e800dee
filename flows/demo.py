"""The demo workspace: an invented bicycle shop with documents, a published automation and a few past conversations."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import (
    api_keys,
    automations,
    connections,
    contacts,
    conversations,
    handoffs,
    messages,
    passages,
    users,
    workspaces,
)
from db.conversations import ConversationRow
from db.engine import one, run, system, transaction
from db.settings import get_settings
from flows.headings import embed_headings
from flows.models import builtin_embedder, embedder
from flows.publish import publish
from nodes.chunk import split
from nodes.contract import Embedder

log = logging.getLogger(__name__)

DATA = Path(__file__).parent / "demo_data"
LOCK = 5_120_774_903  # two processes that seed at once: the second waits and finds everything there
NOT_CONNECTED = "This account belongs to the demo and sends nothing. Connect your own Twilio account under Settings."


def seed(model: Embedder | None = None, *, with_demo: bool = True) -> None:
    """Make the first workspace where none exists yet, and bring all connections up to date with the environment.

    `model` embeds the documents; None = the one of the workspace. Without the demo the workspace is empty, and its admin is the
    one that the environment names, or owner@example.com, who signs in by the printed link.
    """
    with system() as tx:
        run(tx, "SELECT pg_advisory_xact_lock(%(lock)s)", lock=LOCK)
        if not workspaces.all_workspaces(tx):
            _make(tx) if with_demo else _make_empty(tx)
    with system() as tx:
        every = workspaces.all_workspaces(tx)
        for workspace in every:
            connections.sync_from_environment(tx, workspace.id)
        key = get_settings().api_key
        if key:
            api_keys.keep(tx, every[0].id, "From the environment", "admin", key.get_secret_value())
    _finish(every[0].id, model)


def _make(tx: Session) -> None:
    business = _read("business.json")
    workspace = workspaces.create(
        tx,
        business["name"],
        business["slug"],
        business["timezone"],
        {**business["settings"], "chat": {"title": business["name"], "welcome": business["settings"]["chat_greeting"]}},
    )
    people = {person["key"]: _person(tx, workspace.id, person) for person in business["people"]}
    _owner(tx, workspace.id)
    accounts = _accounts(tx, workspace.id)
    for told in _read("conversations.json"):
        _past(tx, workspace.id, told, accounts, people)


def _make_empty(tx: Session) -> None:
    workspace = workspaces.create(tx, "My business", "my-business", "UTC", {})
    _owner(tx, workspace.id)
    if not get_settings().admin_email:
        _person(tx, workspace.id, {"email": "owner@example.com", "name": "Owner", "role": "admin"})


def _finish(workspace: UUID, model: Embedder | None) -> None:
    """Documents and automation, each only where it is not there: a start that was broken off is completed by the next."""
    with transaction(workspace) as tx:
        documents = one(tx, "SELECT id FROM training_sources WHERE type = 'file' AND name = %(name)s", name=_SOURCE)
        automation = one(tx, "SELECT id, live_version FROM automations WHERE name = 'Front desk'")
        ours = one(tx, "SELECT slug FROM workspaces WHERE id = %(id)s", id=workspace)
    if ours is None or ours["slug"] != _read("business.json")["slug"]:
        return
    if documents is None:
        _index(workspace, model)
    if automation is None:
        document = _read("front_desk.json")
        with transaction(workspace) as tx:
            automation_id = automations.create(tx, workspace, document["name"], document, document["description"])
        publish(workspace, automation_id, None, "The demo automation.")


_SOURCE = "Shop documents"


def _index(workspace: UUID, model: Embedder | None) -> None:
    if model is None:
        with transaction(workspace) as tx:
            model = embedder(tx) or builtin_embedder()
    chunks = [(path, split(path.read_text(), _title(path))) for path in sorted((DATA / "documents").glob("*.md"))]
    vectors = iter(model.embed([chunk.embedding_text for _, pieces in chunks for chunk in pieces]))
    with transaction(workspace) as tx:
        source = passages.add_source(tx, workspace, "file", _SOURCE)
        for path, pieces in chunks:
            rows = [
                passages.Piece(chunk.text, chunk.heading, chunk.position, next(vectors), model.model, "en")
                for chunk in pieces
            ]
            passages.replace_document(tx, workspace, source, "file", _title(path), rows)
        run(tx, "UPDATE training_sources SET status = 'ready', updated_at = now() WHERE id = %(id)s", id=source)
    embed_headings(workspace, model)
    log.info("The demo documents are indexed", extra={"action": "demo.indexed", "documents": len(chunks)})


def _person(tx: Session, workspace: UUID, person: Mapping[str, str]) -> tuple[UUID, str]:
    user = users.by_email(tx, person["email"]) or users.create(tx, person["email"], person["name"])
    users.add_member(tx, workspace, user.id, person["role"])  # type: ignore[arg-type]
    return user.id, user.name


def _owner(tx: Session, workspace: UUID) -> None:
    """The admin that the environment names, with the password it gives."""
    settings = get_settings()
    if not settings.admin_email:
        return
    password = settings.admin_password.get_secret_value() if settings.admin_password else None
    user = users.by_email(tx, settings.admin_email) or users.create(tx, settings.admin_email, "Admin", password)
    users.add_member(tx, workspace, user.id, "admin")


def _accounts(tx: Session, workspace: UUID) -> dict[str, UUID]:
    """The connection of each channel that the past conversations use."""
    connections.sync_from_environment(tx, workspace)
    webchat = one(
        tx,
        "SELECT id FROM connections WHERE workspace_id = %(id)s AND kind = 'webchat' ORDER BY is_default DESC",
        id=workspace,
    )
    assert webchat is not None
    phone = connections.create(tx, workspace, "twilio", "Demo number", {"from_number": "+13035550142"}, {}, False)
    connections.pause(tx, phone.id, NOT_CONNECTED)
    return {"webchat": webchat["id"], "sms": phone.id, "whatsapp": phone.id}


def _past(
    tx: Session,
    workspace: UUID,
    told: Mapping[str, Any],
    accounts: Mapping[str, UUID],
    people: Mapping[str, tuple[UUID, str]],
) -> None:
    began = datetime.now(UTC) - timedelta(minutes=told["started_minutes_ago"])
    conversation = _conversation(tx, workspace, told, accounts[told["channel"]])
    for line in told["messages"]:
        _message(tx, conversation, line, began + timedelta(minutes=line["minute"]), people)
    last = told["messages"][-1]
    run(
        tx,
        """UPDATE conversations SET owner = %(owner)s, assignee_id = %(assignee)s, unread = %(unread)s, created_at = %(began)s,
               last_message_at = %(at)s, last_message_preview = %(preview)s, last_inbound_at = %(inbound)s,
               answered_seq = (SELECT max(seq) FROM messages WHERE conversation_id = %(id)s)
           WHERE id = %(id)s""",
        id=conversation.id,
        owner=told["owner"],
        assignee=people[told["assignee"]][0] if told["assignee"] else None,
        unread=told["unread"],
        began=began,
        at=began + timedelta(minutes=last["minute"]),
        preview=last["text"][: messages.PREVIEW_CHARS],
        inbound=began + timedelta(minutes=max(m["minute"] for m in told["messages"] if m["direction"] == "in")),
    )
    if told["handoff"]:
        _handoff(tx, conversation, told["handoff"], began, people)


def _conversation(tx: Session, workspace: UUID, told: Mapping[str, Any], connection: UUID) -> ConversationRow:
    person = told["contact"]
    kind = "webchat" if told["channel"] == "webchat" else "phone"
    identities = [(kind, told["address"])]
    identities += [("whatsapp", told["address"])] if told["channel"] == "whatsapp" else []
    identities += [("email", person["email"])] if person["email"] else []
    contact = contacts.resolve(tx, workspace, identities, person["name"])
    if person["opted_out"]:
        contacts.set_opt_out(tx, contact.id, True, datetime.now(UTC))
    row, _ = conversations.find_or_create(tx, workspace, contact.id, connection, told["channel"], told["address"])
    return row


def _message(
    tx: Session,
    conversation: ConversationRow,
    line: Mapping[str, Any],
    at: datetime,
    people: Mapping[str, tuple[UUID, str]],
) -> None:
    run(
        tx,
        """INSERT INTO messages (workspace_id, conversation_id, connection_id, direction, author, author_user_id, content, state,
                                 created_at, sent_at, updated_at, metadata)
           VALUES (%(workspace)s, %(conversation)s, %(connection)s, %(direction)s, %(author)s, %(user)s, %(text)s, %(state)s,
                   %(at)s, %(sent)s, %(at)s, %(metadata)s)""",
        workspace=conversation.workspace_id,
        conversation=conversation.id,
        connection=conversation.connection_id,
        direction=line["direction"],
        author=line["author"],
        user=people[line["by"]][0] if line.get("by") else None,
        text=line["text"],
        state=line["state"],
        at=at,
        sent=at if line["direction"] == "out" else None,
        metadata={"demo": True},
    )


def _handoff(
    tx: Session,
    conversation: ConversationRow,
    told: Mapping[str, Any],
    began: datetime,
    people: Mapping[str, tuple[UUID, str]],
) -> None:
    def at(minute: int | None) -> datetime | None:
        return None if minute is None else began + timedelta(minutes=minute)

    handoff_id, _ = handoffs.open_one(
        tx, conversation, "system", told["reason_code"], told["reason"], told["summary"], told["priority"]
    )
    run(
        tx,
        """UPDATE handoffs SET state = %(state)s, assignee_id = %(assignee)s, created_at = %(created)s, assigned_at = %(assigned)s,
               resolved_at = %(resolved)s, resolution = %(resolution)s WHERE id = %(id)s""",
        id=handoff_id,
        state=told["state"],
        assignee=people[told["assignee"]][0] if told["assignee"] else None,
        created=at(told["requested_minute"]),
        assigned=at(told["assigned_minute"]),
        resolved=at(told["resolved_minute"]),
        resolution=told["resolution"],
    )


def _title(path: Path) -> str:
    """The first heading of a document."""
    return path.read_text().split("\n", 1)[0].lstrip("# ").strip()


def _read(name: str) -> Any:
    return json.loads((DATA / name).read_text())
