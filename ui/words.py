"""Plain words for what the rows say: states, channels, reasons, times, and what a step of an automation does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flows.automation import Step
from nodes.contract import NodeSpec
from ui import effect_words

CHANNELS = {"webchat": "Web chat", "sms": "SMS", "whatsapp": "WhatsApp", "email": "E-mail"}
CHANNEL_ICONS = {"webchat": "language", "sms": "sms", "whatsapp": "chat", "email": "mail"}
RUN_STATES = {
    "pending": ("Waiting to start", "info"),
    "running": ("Running", "info"),
    "waiting": ("Paused", "info"),
    "done": ("Done", "good"),
    "failed": ("Failed", "bad"),
    "superseded": ("Replaced by a newer message", ""),
    "cancelled": ("Cancelled", ""),
}
STEP_STATES = {"done": "Done", "skipped": "Skipped", "failed": "Failed", "waiting": "Waiting"}
OUTBOX_STATES = {
    "pending": "waiting to be sent",
    "sending": "being sent",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "unknown": "nobody can say whether it left",
}
REASONS = {
    "customer_request": "Asked for a person",
    "missing_knowledge": "Answer not in the documents",
    "unsupported_request": "Outside what the AI may do",
    "policy_restriction": "A rule forbids an automatic answer",
    "tool_failure": "Something did not work",
    "usage_limit": "A limit was reached",
    "taken_over": "Taken over",
    "other": "Other",
}
PRIORITIES = {
    "low": ("Low priority", ""),
    "normal": ("", ""),
    "high": ("High priority", "warn"),
    "urgent": ("Urgent", "bad"),
}
TRIGGER_NOTES = {"failed": "did not work", "skipped": "was skipped"}


def initials(name: str) -> str:
    letters = [word[0] for word in name.split() if word[0].isalpha()]
    return "".join(letters[:1] + letters[-1:] if len(letters) > 1 else letters).upper()


def owner_chip(owner: str, ai_enabled: bool, handoff_state: str | None, assignee: str | None) -> dict[str, str]:
    """Who answers in a conversation, as a chip: the AI, a colleague (by name where they are a member here), or nobody yet.

    A person without a name is one who answered from the CRM."""
    if owner == "human" and handoff_state == "pending":
        return {"text": "Waiting for a person", "tone": "warn"}
    if owner == "human":
        return {"text": assignee or "A person", "tone": "info"}
    return {"text": "AI", "tone": "good"} if ai_enabled else {"text": "AI is off", "tone": ""}


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in the largest whole unit: '3 min'."""
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "less than a minute"


def local(moment: datetime, timezone: str) -> str:
    """A moment in the workspace's own time: '22 Nov, 17:04:09'."""
    shown = moment.astimezone(ZoneInfo(timezone))
    return f"{shown.day} {shown:%b, %H:%M:%S}"


def minute(moment: datetime, timezone: str) -> str:
    """The same without seconds, which only help who looks for a fault: '22 Nov, 17:04'."""
    return local(moment, timezone).rpartition(":")[0]


def duration(milliseconds: float) -> str:
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s" if milliseconds < 60_000 else f"{milliseconds / 60_000:.0f} min"


def named(field: str) -> str:
    """A field name as a label: wait_for_more -> Wait for more."""
    return field.replace("_", " ").strip().capitalize()


def value(item: Any) -> str:
    """A value of a step for reading: no braces, no quotes, no null."""
    match item:
        case None | "" | [] | {}:
            return "—"
        case bool():
            return "yes" if item else "no"
        case float():
            return f"{item:g}"
        case list():
            return ", ".join(value(part) for part in item)
        case Mapping():
            return "; ".join(f"{named(str(name)).lower()}: {value(part)}" for name, part in item.items())
    return str(item)


def condition(field: str, description: str, expected: bool) -> str:
    """A condition as the label of a path, from the description of the boolean: 'Whether X.' -> 'Only if X'."""
    claim = description.removeprefix("Whether ").rstrip(".") if description.startswith("Whether ") else ""
    if claim:
        return f"Only if {claim}" if expected else f"Unless {claim}"
    return f"Only if “{named(field).lower()}” is {'yes' if expected else 'no'}"


def settings_of(step: Step, spec: NodeSpec) -> list[str]:
    """The settings that differ from the node's own, each as 'Label: value'."""
    told = []
    for name, item in step.config.items():
        info = spec.config.model_fields.get(name)
        if info is None or item == info.default or item in (None, "", [], {}):
            continue
        text = value(item)
        told.append(f"{info.title or named(name)}: {text if len(text) <= 90 else text[:87] + '…'}")
    return told


def _stands_by(message: Mapping[str, Any]) -> str:
    template = message.get("template")
    if not template:
        return ""
    if template["text"] == message.get("text"):
        return f" (the WhatsApp template “{template['name']}”)"
    return f", or the WhatsApp template “{template['name']}” after 24 hours of silence"


def effect(done: Mapping[str, Any]) -> str:
    """An effect in words."""
    match done.get("kind"):
        case "send_message":
            return f"Send to the customer: “{done.get('text', '')}”{_stands_by(done)}"
        case "open_handoff":
            return f"Ask for a person: {done.get('reason', '')}"
        case "notify_people":
            to = ", ".join(done.get("to") or ()) or "every agent and admin"
            return f"Notify {to}: {done.get('subject', '')}"
    return effect_words.said(done)
