"""Why nothing happened with a message, or what did: every automation and limit on its way, in order, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db import views
from db.engine import Row, one
from db.views import DecisionLine, OutboxLine, RunDetail, StepLine
from flows.automation import Automation, Step
from nodes import registry


@dataclass(frozen=True)
class Reason:
    """One thing on the way of a message. `stop`: here something ended; `went`: here it went on; `info`: good to know."""

    kind: Literal["stop", "went", "info"]
    title: str
    sentence: str
    run_id: UUID | None = None


def why(tx: Session, message_id: UUID) -> list[Reason]:
    """In the order of the way; [] where there is no such message in the workspace."""
    message = one(tx, _MESSAGE, id=message_id)
    if message is None:
        return []
    decisions = views.decisions_for_message(tx, message_id)
    told: list[Reason] = []
    if not decisions:
        told.append(Reason("stop", "Before any automation", _undecided(message)))
    for decision in decisions:
        told += _decided(tx, decision)
    return [*told, *_limits(message)]


def first_reason(reasons: list[Reason]) -> str:
    """Why the customer has no answer, in a sentence; '' where nothing stopped it."""
    if any(reason.kind == "went" and reason.title == _SENT for reason in reasons):
        return ""
    stops = [reason for reason in reasons if reason.kind == "stop"]
    # Where one automation started, what happened to its run is the reason, and not that the others left the message to it.
    of_run = [reason for reason in stops if reason.run_id is not None]
    return (of_run or stops)[0].sentence if stops else ""


_SENT = "The answer"


def _undecided(message: Row) -> str:
    if message["waiting_events"]:
        return "The arrival is still being worked off. Look again in a moment."
    return "No decision is kept: the message was not offered to automations, or it is older than decisions are kept."


def _decided(tx: Session, decision: DecisionLine) -> Iterator[Reason]:
    name = f"'{decision.automation_name}'" if decision.automation_name else "Before any automation"
    if not decision.fired or decision.run_id is None:
        yield Reason("stop", name, decision.reason)
        return
    run = views.run(tx, decision.run_id)
    yield Reason(
        "went",
        name,
        f"{name} started. {'' if decision.reason == 'It fired.' else decision.reason}".strip(),
        decision.run_id,
    )
    if run is not None:
        yield from _ran(run)


def _ran(run: RunDetail) -> Iterator[Reason]:
    title = f"'{run.automation_name}', version {run.version}"
    match run.state:
        case "pending" | "running":
            yield Reason("info", title, _at_work(run), run.id)
        case "waiting":
            yield Reason("stop", title, f"The run waits. {run.outcome}".strip(), run.id)
        case "failed":
            yield Reason("stop", title, f"The run failed. {run.outcome}".strip(), run.id)
        case "superseded" | "cancelled":
            yield Reason("stop", title, run.outcome or "The run was cancelled.", run.id)
        case "done":
            if not any(line.message_id for line in run.outbox):
                yield from _skipped(run)
                yield Reason("stop", title, run.outcome or "The run ended without an answer.", run.id)
    for line in run.outbox:
        yield from _left(line, run.id)


def _at_work(run: RunDetail) -> str:
    if run.state == "pending" and run.due_at > datetime.now(UTC):
        return "The run starts in a moment: it waits whether the customer writes more, or for the limit between two answers."
    return "The run is at work, or about to start."


def _skipped(run: RunDetail) -> Iterator[Reason]:
    """The steps that would have spoken and did not run, each with the reason of the step that it depends on."""
    specs = {spec.key: spec for spec in registry.all_specs()}
    steps = {step.id: step for step in Automation.model_validate(run.document).steps}
    given = {line.step_id: line for line in run.steps}
    for line in run.steps:
        step, spec = steps.get(line.step_id), specs.get(line.node)
        if line.state == "skipped" and step is not None and spec is not None and "send_message" in spec.effects:
            title = step.title or spec.title
            yield Reason("stop", title, f"The step '{title}' was skipped. {_because(line, steps, given)}", run.id)


def _because(line: StepLine, steps: Mapping[str, Step], given: Mapping[str, StepLine]) -> str:
    """Why a step was skipped: what the step says that its condition names, which may itself have been skipped; else the condition."""
    for condition in steps[line.step_id].when:
        name, _, output = condition.value.partition(".")
        earlier = given.get(name)
        if earlier is None or bool(earlier.output.get(output)) is condition.is_:
            continue
        if earlier.state == "skipped" and name in steps:
            return _because(earlier, steps, given)
        return f"{line.note} {earlier.output.get('reason') or earlier.note}".strip()
    return line.note


def _left(line: OutboxLine, run_id: UUID) -> Iterator[Reason]:
    if line.message_id is None:
        return
    error = f" {line.error}" if line.error else ""
    match line.state:
        case "done":
            yield Reason("went", _SENT, "An answer was handed to the provider.", run_id)
        case "pending" | "sending":
            waits = "An answer is in line." if not line.error else f"An answer waits in line.{error}"
            yield Reason("stop" if line.error else "info", "In line", waits, run_id)
        case "unknown":
            yield Reason("stop", "Delivery", f"Nobody can say whether the answer left.{error}", run_id)
        case "failed":
            yield Reason("stop", "Delivery", f"The answer could not be sent.{error}", run_id)
        case "cancelled":
            yield Reason(
                "stop", "Delivery", f"The answer was not sent.{error}".replace("sent. Not sent:", "sent:"), run_id
            )


def _limits(message: Row) -> Iterator[Reason]:
    """What holds for the conversation at this moment."""
    if message["opted_out_at"] is not None:
        yield Reason("stop", "Opt-out", "The contact asked for no more automatic messages.")
    if message["owner"] == "human":
        who = message["assignee"] or "A person"
        yield Reason("stop", "The pen", f"{who} has this conversation, or is asked for: the AI says nothing in it.")
    elif not message["ai_enabled"]:
        yield Reason("stop", "The AI switch", "The AI is switched off in this conversation.")
    if message["connection_state"] != "active":
        reason = f" {message['state_reason']}" if message["state_reason"] else ""
        yield Reason("stop", "The connection", f"'{message['connection_name']}' is paused, nothing leaves.{reason}")
    if message["parked_events"]:
        many = "One arrival" if message["parked_events"] == 1 else f"{message['parked_events']} arrivals"
        yield Reason("info", "Parked arrivals", f"{many} over '{message['connection_name']}' could not be taken in.")


# The message with its conversation, its contact, its connection, and what of the connection waits or was given up.
_MESSAGE = """
    SELECT m.id, c.owner, c.ai_enabled, u.name AS assignee, p.opted_out_at, k.name AS connection_name,
        k.state AS connection_state, k.state_reason,
        (SELECT count(*) FROM events_queue q WHERE q.connection_id = k.id AND q.state = 'parked') AS parked_events,
        EXISTS (SELECT FROM events_queue q WHERE q.connection_id = k.id AND q.state IN ('pending', 'processing')) AS waiting_events
    FROM messages m
    JOIN conversations c ON c.id = m.conversation_id
    JOIN contacts p ON p.id = c.contact_id
    JOIN connections k ON k.id = c.connection_id
    LEFT JOIN users u ON u.id = c.assignee_id
    WHERE m.id = %(id)s
"""
