"""Connections: accounts at providers, their settings in the clear and their secrets encrypted."""

import secrets as random
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import Session

from db import secrets as sealed
from db.engine import Row, one, rows, run
from db.environment import Described, described
from db.records import Connection, record
from db.settings import get_settings

FROM_ENVIRONMENT = "From the environment"
GONE = "Its variables are no longer set in the environment. Set them again, or connect an account on the Settings page."
_COLUMNS = "id, workspace_id, kind, name, is_default, config, state, state_reason"


def create(
    tx: Session,
    workspace: UUID,
    kind: str,
    name: str,
    config: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    is_default: bool = False,
) -> Connection:
    """A new, active connection. As the default it takes the place of the former default of its kind."""
    made = uuid4()
    run(
        tx,
        "INSERT INTO connections (id, workspace_id, kind, name, config, secrets)"
        " VALUES (%(id)s, %(workspace)s, %(kind)s, %(name)s, %(config)s, %(secrets)s)",
        id=made,
        workspace=workspace,
        kind=kind,
        name=name,
        config=dict(config or {}),
        secrets=sealed.seal(secrets) if secrets else None,
    )
    if is_default:
        make_default(tx, made)
    return _present(tx, made)


def get(tx: Session, connection: UUID) -> Connection | None:
    row = one(tx, f"SELECT {_COLUMNS} FROM connections WHERE id = %(id)s", id=connection)
    return record(Connection, row) if row else None


def all_connections(tx: Session) -> list[Connection]:
    """Every connection of the workspace, by kind; the default of a kind first."""
    found = rows(tx, f"SELECT {_COLUMNS} FROM connections ORDER BY kind, is_default DESC, created_at, id")
    return [record(Connection, row) for row in found]


def of_kind(tx: Session, kind: str) -> list[Connection]:
    """The connections of one kind, the default first."""
    return [connection for connection in all_connections(tx) if connection.kind == kind]


def default(tx: Session, kind: str) -> Connection | None:
    """The default connection of a kind, in whatever state it is."""
    row = one(tx, f"SELECT {_COLUMNS} FROM connections WHERE kind = %(kind)s AND is_default", kind=kind)
    return record(Connection, row) if row else None


def with_secrets(tx: Session, connection: UUID) -> tuple[Connection, dict[str, str]] | None:
    """A connection with its secrets in the clear: for a client, never for a page. Raises SecretsUnreadable."""
    row = one(tx, f"SELECT {_COLUMNS}, secrets FROM connections WHERE id = %(id)s", id=connection)
    return _opened(row) if row else None


def find(tx: Session, kind: str, connection_id: str | None) -> tuple[Connection, dict[str, str]] | None:
    """The connection behind a webhook address, with its secrets; it may be paused. Needs a `system()` transaction.

    `connection_id` None = the default one of the oldest workspace that has one. A text that is no id finds nothing.
    """
    wanted = _id_or_none(connection_id)
    if connection_id is not None and wanted is None:
        return None
    row = one(
        tx,
        "SELECT c.id, c.workspace_id, c.kind, c.name, c.is_default, c.config, c.state, c.state_reason, c.secrets"
        " FROM connections c JOIN workspaces w ON w.id = c.workspace_id WHERE c.kind = %(kind)s"
        " AND CASE WHEN %(id)s::uuid IS NULL THEN c.is_default ELSE c.id = %(id)s END ORDER BY w.created_at, w.id LIMIT 1",
        kind=kind,
        id=wanted,
    )
    return _opened(row) if row else None


def find_by(tx: Session, kind: str, name: str, value: str) -> Connection | None:
    """The connection of a kind with this setting, one in use before a paused one. Needs a `system()` transaction."""
    row = one(
        tx,
        f"SELECT {_COLUMNS} FROM connections WHERE kind = %(kind)s AND config ->> %(name)s = %(value)s"
        " ORDER BY state = 'active' DESC, is_default DESC, created_at, id LIMIT 1",
        kind=kind,
        name=name,
        value=value,
    )
    return record(Connection, row) if row else None


def pause(tx: Session, connection: UUID, reason: str) -> None:
    """Nothing is sent over it until `resume`; `reason` is the sentence that the admin reads."""
    _set_state(tx, connection, "paused", reason)


def forget_secrets(tx: Session, connection: UUID, reason: str) -> None:
    """The provider took the access away: nothing is kept of it, and nothing is sent until somebody connects again."""
    run(tx, "UPDATE connections SET secrets = NULL WHERE id = %(id)s", id=connection)
    _set_state(tx, connection, "paused", reason)


def resume(tx: Session, connection: UUID) -> None:
    _set_state(tx, connection, "active", "")


def update(
    tx: Session,
    connection: UUID,
    *,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> None:
    """Change what is given: settings and secrets are merged by name, an empty secret removes it. Raises SecretsUnreadable."""
    run(
        tx,
        "UPDATE connections SET name = coalesce(%(name)s, name), config = config || %(config)s::jsonb, updated_at = now()"
        " WHERE id = %(id)s",
        name=name,
        config=dict(config or {}),
        id=connection,
    )
    if secrets:
        _merge_secrets(tx, connection, secrets)


def make_default(tx: Session, connection: UUID) -> None:
    """The connection becomes the one of its kind that is meant when none is named."""
    run(
        tx,
        "UPDATE connections SET is_default = false WHERE is_default AND id <> %(id)s"
        " AND (workspace_id, kind) = (SELECT workspace_id, kind FROM connections WHERE id = %(id)s)",
        id=connection,
    )
    run(tx, "UPDATE connections SET is_default = true, updated_at = now() WHERE id = %(id)s", id=connection)


def sync_from_environment(tx: Session, workspace: UUID) -> list[str]:
    """Create, change or pause this workspace's connections after the settings; returns the kinds that were touched.

    A connection that somebody chose as the default on the page stays the default. A pause by a refused sign-in is lifted only
    when the settings changed.
    """
    wanted = described(get_settings())
    ours = [connection for connection in all_connections(tx) if connection.workspace_id == workspace]
    present = {connection.kind: connection for connection in ours if connection.name == FROM_ENVIRONMENT}
    touched = []
    for kind, each in wanted.items():
        if kind not in present:
            _make(tx, workspace, kind, each, is_default=not any(item.is_default for item in ours if item.kind == kind))
            touched.append(kind)
        elif _keep_equal(tx, present[kind], each):
            touched.append(kind)
    for kind, connection in present.items():
        if kind not in wanted and connection.state == "active":
            pause(tx, connection.id, GONE)
            touched.append(kind)
    return touched


def _make(tx: Session, workspace: UUID, kind: str, wanted: Described, *, is_default: bool) -> None:
    # The key that proves a chat visitor is nobody's to choose, so the environment does not hold it.
    hidden = {"visitor_key": random.token_urlsafe(32)} if kind == "webchat" else wanted.secrets
    create(tx, workspace, kind, FROM_ENVIRONMENT, wanted.config, hidden, is_default)


def _keep_equal(tx: Session, present: Connection, wanted: Described) -> bool:
    """Whether anything had to change."""
    same = all(present.config.get(name) == value for name, value in wanted.config.items())
    if not (same and _has_secrets(tx, present, wanted.secrets)):
        update(tx, present.id, config=wanted.config)
        if wanted.secrets:
            data = sealed.seal(wanted.secrets)
            run(tx, "UPDATE connections SET secrets = %(data)s WHERE id = %(id)s", data=data, id=present.id)
        same = False
    if not same or present.state_reason == GONE:
        resume(tx, present.id)
    return not same or present.state_reason == GONE


def _has_secrets(tx: Session, present: Connection, wanted: Mapping[str, str]) -> bool:
    if not wanted:
        return True
    try:
        opened = with_secrets(tx, present.id)
    except sealed.SecretsUnreadable:
        return False  # the key was changed; the environment has the secrets, so they are encrypted anew
    return opened is not None and all(opened[1].get(name) == value for name, value in wanted.items())


def _merge_secrets(tx: Session, connection: UUID, changes: Mapping[str, str]) -> None:
    row = one(tx, "SELECT secrets FROM connections WHERE id = %(id)s FOR UPDATE", id=connection)
    present = sealed.unseal(row["secrets"]) if row and row["secrets"] else {}
    merged = {name: value for name, value in {**present, **changes}.items() if value}
    data = sealed.seal(merged) if merged else None
    run(tx, "UPDATE connections SET secrets = %(secrets)s WHERE id = %(id)s", secrets=data, id=connection)


def _set_state(tx: Session, connection: UUID, state: str, reason: str) -> None:
    run(
        tx,
        "UPDATE connections SET state = %(state)s, state_reason = %(reason)s, updated_at = now() WHERE id = %(id)s",
        state=state,
        reason=reason,
        id=connection,
    )


def _present(tx: Session, connection: UUID) -> Connection:
    found = get(tx, connection)
    assert found is not None
    return found


def _opened(row: Row) -> tuple[Connection, dict[str, str]]:
    return record(Connection, row), sealed.unseal(row["secrets"]) if row["secrets"] else {}


def _id_or_none(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
