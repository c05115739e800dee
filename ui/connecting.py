"""Connections in words."""

from __future__ import annotations

from db.records import Connection
from flows.connections import Kind


def shown(kind: Kind, connection: Connection) -> str:
    """The values of a connection that are no secrets, in one line."""
    values = [(field.label, connection.config.get(field.name)) for field in kind.fields if not field.secret]
    return " · ".join(f"{label}: {value}" for label, value in values if value)
