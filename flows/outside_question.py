"""A question of another system, answered as customers are: from the documents, in the published role and tone. Nothing is sent or kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from db import automations
from db.engine import read_only
from flows.actions import ActionRefused
from flows.models import ConnectedModels, Models
from flows.plan import compile_document
from flows.rehearsal import Outside, rehearse
from flows.situation import Typed, case_of
from nodes.generate import Output

LONGEST = 4000  # characters of a question


@dataclass(frozen=True)
class Reply:
    """What the AI would say. `needs_person`: the documents do not hold it; `quoted`: no model is connected."""

    text: str
    answered: bool
    needs_person: bool
    reason: str
    quoted: bool
    sources: tuple[str, ...]


def answer(workspace: UUID, question: str, models: Models | None = None) -> Reply:
    """Ask as a customer would. Raises ActionRefused where there is no answer, Throttled where the model asks for patience."""
    if len(question) > LONGEST:
        raise ActionRefused(f"The question is too long ({len(question)} characters). Keep it under {LONGEST}.")
    plan = compile_document(_document(workspace))
    case = case_of(workspace, plan, Typed(question))
    llm, embedder = (models or _models()).of(workspace)
    done = rehearse(plan, case.situation, Outside(llm, embedder))
    found = {record.step_id: record.output for record in done.records if record.state == "done"}
    if "reply" not in found:
        raise ActionRefused(done.sentence or "The AI gave no answer. Try again.")
    said = Output.model_validate(found["reply"])
    sources = tuple(dict.fromkeys(passage.source for passage in said.used_passages))
    return Reply(said.text, said.answered, said.needs_person, said.reason, said.quoted, sources)


def _document(workspace: UUID) -> dict[str, Any]:
    """Search and answer, set as in the first published automation that answers."""
    settings = _published(workspace)
    return {
        "format": 1,
        "name": "Question of another system",
        "steps": [
            {"id": "message", "node": "message_received@1"},
            {
                "id": "find",
                "node": "retrieve@1",
                "config": settings.get("retrieve@1", {}),
                "input": {"message": "message.text"},
            },
            {
                "id": "reply",
                "node": "generate@1",
                "config": settings.get("generate@1", {}),
                "input": {"message": "message.text", "passages": "find.passages"},
            },
        ],
    }


def _published(workspace: UUID) -> Mapping[str, Mapping[str, Any]]:
    with read_only(workspace) as tx:
        offered = sorted(automations.live(tx), key=lambda automation: automation.priority)
    for automation in offered:
        steps = {step["node"]: step.get("config") or {} for step in reversed(automation.document["steps"])}
        if "generate@1" in steps:
            return steps
    return {}


@cache
def _models() -> Models:
    return ConnectedModels()
