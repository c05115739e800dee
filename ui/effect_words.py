"""Effects in words: what is to be done, what was changed from what to what, and what taking it back would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Names = Callable[[str], str]  # the name of a stage or pipeline by its id


def no_names(id: str) -> str:
    return ""


def said(effect: Mapping[str, Any], names: Names = no_names) -> str:
    """An effect as an order: "Add the tag vip"."""
    match effect.get("kind"):
        case "update_contact":
            return "Set " + _listed(f"{label(name)} to “{value}”" for name, value in effect.get("fields", {}).items())
        case "change_tags":
            return _tags(effect.get("add") or (), effect.get("remove") or ())
        case "create_task":
            return f"Write the task “{effect.get('title', '')}”, due {moment(effect.get('due_at'))}"
        case "add_note":
            return f"Write the note “{_short(effect.get('body', ''))}”"
        case "move_opportunity":
            return f"Move the opportunity{_to_stage(effect, names)}"
        case "book_appointment":
            return f"Book an appointment for {moment(effect.get('start'), effect.get('timezone') or '')}"
        case "send_request":
            return f"Call {urlsplit(str(effect.get('url', ''))).hostname or 'another system'} ({effect.get('method')})"
        case "start_automation":
            return "Start another automation"
        case "undo_change":
            return "Take a change back"
    return str(effect.get("kind", "unknown")).replace("_", " ").capitalize()


def changed(effect: Mapping[str, Any], before: Any, after: Any, names: Names = no_names) -> list[str]:
    """What an effect changed, one line each: "City: Bern → Basel"."""
    match effect.get("kind"):
        case "update_contact":
            return [f"{label(name)}: {_value(before.get(name))} → {_value(after[name])}" for name in after]
        case "change_tags":
            given, lost = sorted(set(after) - set(before)), sorted(set(before) - set(after))
            return [line for line in (given and f"Added {_names(given)}", lost and f"Removed {_names(lost)}") if line]
        case "move_opportunity" if before is None:
            return ["Made a new opportunity"]
        case "move_opportunity":
            return _opportunity(before, after, names)
    return [_done(effect)]


def back(effect: Mapping[str, Any], before: Any, after: Any, names: Names = no_names) -> list[str]:
    """What taking it back does: "City: back to Bern"."""
    match effect.get("kind"):
        case "update_contact":
            return [f"{label(name)}: back to {_value(before.get(name))}" for name in after]
        case "change_tags":
            given, lost = sorted(set(after) - set(before)), sorted(set(before) - set(after))
            return [
                line for line in (given and f"Remove {_names(given)}", lost and f"Add {_names(lost)} again") if line
            ]
        case "create_task":
            return [f"Delete the task “{effect.get('title', '')}”"]
        case "add_note":
            return [f"Delete the note “{_short(effect.get('body', ''))}”"]
        case "book_appointment":
            return [f"Cancel the appointment of {moment(effect.get('start'), effect.get('timezone') or '')}"]
        case "move_opportunity" if before is None:
            return ["Delete the opportunity that the run made"]
        case "move_opportunity":
            return [line.replace(" → ", " ← ") for line in _opportunity(before, after, names)]
    return [said(effect, names)]


def label(name: str) -> str:
    return name.removeprefix("custom.").replace("_", " ").capitalize()


def moment(written: Any, zone: str = "") -> str:
    """A moment of an effect: "24 Nov, 09:00 UTC"."""
    try:
        at = datetime.fromisoformat(str(written))
        place = ZoneInfo(zone) if zone else UTC
    except (ValueError, ZoneInfoNotFoundError):
        return str(written)
    local = at.astimezone(place)
    return f"{local.day} {local:%b, %H:%M} {zone or 'UTC'}"


def _done(effect: Mapping[str, Any]) -> str:
    """A thing that was made, in the past."""
    order = said(effect)
    for now, then in (("Write ", "Wrote "), ("Book ", "Booked "), ("Call ", "Called ")):
        if order.startswith(now):
            return then + order.removeprefix(now)
    return order


def _tags(add: Any, remove: Any) -> str:
    parts = [f"add {_names(add)}" if add else "", f"remove {_names(remove)}" if remove else ""]
    text = _listed(part for part in parts if part)
    return text[:1].upper() + text[1:]


def _names(tags: Any) -> str:
    return f"the tag{'s' if len(tags) > 1 else ''} {', '.join(tags)}"


def _to_stage(effect: Mapping[str, Any], names: Names) -> str:
    stage = names(str(effect.get("stage_id") or ""))
    status = str(effect.get("status") or "")
    to = f" to “{stage}”" if stage else " to another stage" if effect.get("stage_id") else ""
    return to + (f" as {status}" if status else "")


def _opportunity(before: Mapping[str, Any], after: Mapping[str, Any], names: Names) -> list[str]:
    labels = {"pipelineStageId": "Stage", "status": "Status", "monetaryValue": "Value", "pipelineId": "Pipeline"}
    changed = [name for name in labels if before.get(name) != after.get(name)]

    def shown(value: Any) -> str:
        return names(str(value)) or _value(value)

    return [f"{labels[name]}: {shown(before.get(name))} → {shown(after.get(name))}" for name in changed]


def _value(value: Any) -> str:
    return "nothing" if value in (None, "", []) else _short(value)


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:80]}…"


def _listed(parts: Any) -> str:
    found = list(parts)
    return " and ".join(part for part in (", ".join(found[:-1]), *found[-1:]) if part)
