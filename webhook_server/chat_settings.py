"""What a business says in its chat: title, welcome and colour of the workspace settings (`chat`)."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from uuid import UUID

from db import workspaces
from db.engine import read_only

COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
ACCENT = "#0f766e"  # white text on it has a contrast of 5.5 : 1
WELCOME = "Hello! How can we help you?"


@dataclass(frozen=True)
class ChatSettings:
    title: str
    welcome: str
    accent: str  # #rrggbb

    def shown(self) -> dict[str, str]:
        return asdict(self)


def chat_settings(workspace: UUID) -> ChatSettings:
    """The chat's settings of a workspace, with defaults where it set none."""
    with read_only(workspace) as tx:
        found = workspaces.get(tx, workspace)
    settings = found.settings.get("chat") if found else None
    chosen = settings if isinstance(settings, dict) else {}
    accent = str(chosen.get("accent") or "")
    return ChatSettings(
        title=str(chosen.get("title") or (found.name if found else "Chat"))[:80],
        welcome=str(chosen.get("welcome") or WELCOME)[:500],
        accent=accent if COLOUR.fullmatch(accent) else ACCENT,
    )
