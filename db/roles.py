"""What a member of a workspace may do. Each role includes the one before it."""

from typing import Literal

Permission = Literal["read", "reply", "build", "admin"]

# viewer looks; agent also answers customers; builder also changes automations and sources; admin also people and connections.
_ALLOWED: dict[str, frozenset[Permission]] = {
    "viewer": frozenset({"read"}),
    "agent": frozenset({"read", "reply"}),
    "builder": frozenset({"read", "reply", "build"}),
    "admin": frozenset({"read", "reply", "build", "admin"}),
}


def may(role: str, what: Permission) -> bool:
    """Whether a role includes a permission; an unknown role, or none, may nothing."""
    return what in _ALLOWED.get(role, frozenset())
