"""Roles in words."""

from __future__ import annotations

from db.records import Role

ROLE_WORDS: dict[Role, str] = {
    "viewer": "Viewer: reads everything",
    "agent": "Agent: also answers customers",
    "builder": "Builder: also changes automations and documents",
    "admin": "Admin: also people and connections",
}


def described(role: Role) -> str:
    return ROLE_WORDS[role]
