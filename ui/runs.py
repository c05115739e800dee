"""Runs in words: one as a row, and what each step of one did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from db.views import OutboxLine, RunDetail, RunLine, StepLine
from flows.automation import Automation
from nodes import registry
from nodes.contract import NodeSpec
from nodes.effects import CRM_KINDS
from ui import words

SYMBOLS = {"done": "check", "failed": "error", "running": "play_arrow", "pending": "schedule", "waiting": "pause"}


def item(line: RunLine) -> dict[str, Any]:
    """A run as a row of the list."""
    label, tone = words.RUN_STATES[line.state]
    spent = words.duration(line.duration_ms) if line.duration_ms is not None else ""
    return {
        "id": str(line.id),
        "title": line.contact_name or ("Visitor" if line.contact_id else "Without a contact"),
        "symbol": SYMBOLS.get(line.state, "remove"),
        "tone": tone,
        "at": line.created_at.isoformat(),
        "side": spent,
        "text": line.outcome or label,
        "chips": [{"text": label, "tone": tone}, {"text": f"{line.automation_name} · v{line.version}", "tone": ""}],
    }


def titles(run: RunDetail) -> dict[str, tuple[str, NodeSpec | None]]:
    """Title and node of each step by its id, as the version that ran had them."""
    specs = {spec.key: spec for spec in registry.all_specs()}
    steps = Automation.model_validate(run.document).steps
    return {
        step.id: (step.title or (specs[step.node].title if step.node in specs else step.node), specs.get(step.node))
        for step in steps
    }


def told(values: Mapping[str, Any], fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Values of a step as (label, text), those without content left out. A long list is counted instead of shown."""
    return [(_label(name, fields), _short(value)) for name, value in values.items() if value not in (None, "", [], {})]


def _label(name: str, fields: Mapping[str, Any]) -> str:
    title = getattr(fields.get(name), "title", None)
    return title or words.named(name)


def _short(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        one, many = ("passage", "passages") if "score" in value[0] else ("entry", "entries")
        return f"{len(value)} {one if len(value) == 1 else many}"
    return words.value(value)


def cost(step: StepLine) -> str:
    """Model, tokens and price of a step in one line; '' where it used none. An unknown price is said to be unknown."""
    detail = step.detail
    if not detail.get("model"):
        return str(detail.get("answered_by", ""))
    if "tokens_in" not in detail:
        return str(detail["model"])
    price = f"{detail['cost_usd']:.5f} USD" if detail.get("cost_usd") is not None else "price not known"
    return f"{detail['model']} · {detail.get('tokens_in', 0)} tokens in, {detail.get('tokens_out', 0)} out · {price}"


def spent(run: RunDetail) -> str:
    """What the models of a whole run took, in one line; '' where it asked none. A price that is not known is not 0."""
    asked = [step.detail for step in run.steps if "tokens_in" in step.detail]
    if not asked:
        return ""
    told, gave = (sum(int(detail.get(name) or 0) for detail in asked) for name in ("tokens_in", "tokens_out"))
    prices = [detail.get("cost_usd") for detail in asked]
    price = f"{sum(float(item) for item in prices if item):.5f} USD" if None not in prices else "price not known"
    times = "Asked a model once" if len(asked) == 1 else f"Asked models {len(asked)} times"
    return f"{times} · {told} tokens in, {gave} out · {price}"


WAITS_FOR = {"message": "the customer's answer", "approval": "a colleague's approval"}


def waits_for(step: StepLine) -> str:
    """What a waiting step waits for beside the time; '' where it is the time alone."""
    named = [
        WAITS_FOR.get(name) or f"'{words.named(name.removeprefix('event:')).lower()}'"
        for name in step.detail.get("wakes_on") or ()
    ]
    return "Goes on at once with " + " or ".join(named) + "." if named else ""


def prompt(detail: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked of the model, as (who, text)."""
    names = {"system": "Instructions", "user": "Asked", "assistant": "Earlier answer"}
    return [(names.get(line["role"], line["role"]), line["content"]) for line in detail.get("messages") or ()]


def found(step: StepLine) -> list[Mapping[str, Any]]:
    """The passages that a step gave."""
    for values in (step.output, step.detail):
        for name in ("passages", "used_passages"):
            if values.get(name):
                return list(values[name])
    return []


def left(line: OutboxLine) -> str:
    """What became of an effect, as a sentence. What waits for the CRM says why it waits, and when it was tried."""
    state = words.OUTBOX_STATES[line.state]
    if line.effect.get("kind") in CRM_KINDS and line.state in ("pending", "sending"):
        state = "waits for the CRM" + (f", tried {line.attempts} times" if line.attempts > 1 else "")
    if line.effect.get("kind") == "notify_people" and line.effect.get("via") == "webhook":
        return (
            f"Notify the team chat: {line.effect.get('subject', '')} — {state}{f': {line.error}' if line.error else ''}"
        )
    return f"{words.effect(line.effect)} — {state}{f': {line.error}' if line.error else ''}"
