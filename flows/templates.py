"""Automations to start from, each complete and without a problem; the gallery shows them in this order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flows.automation import Automation

DATA = Path(__file__).parent / "template_data"

KEYS = (
    "front_desk",
    "after_hours",
    "welcome",
    "support_triage",
    "approved_answer",
    "nobody_answered",
    "quick_answer",
    "away_message",
    "lead_capture",
    "appointment_booking",
    "missed_call",
    "tag_follow_up",
    "quote_follow_up",
    "review_request",
    "satisfaction_survey",
    "win_back",
)


@dataclass(frozen=True)
class Template:
    """`group` is the heading in the gallery, `icon` a Material symbol."""

    key: str
    title: str
    description: str
    group: str
    icon: str
    document: Automation


@cache
def _read(key: str) -> Template:
    found = json.loads((DATA / f"{key}.json").read_text())
    return Template(
        found["key"], found["title"], found["description"], found["group"], found["icon"],
        Automation.model_validate(found["document"]),
    )  # fmt: skip


TEMPLATES: tuple[Template, ...] = tuple(_read(key) for key in KEYS)


def template(key: str) -> Template:
    """Raises KeyError."""
    if key not in KEYS:
        raise KeyError(f"There is no template '{key}'. There are: {', '.join(KEYS)}.")
    return _read(key)
