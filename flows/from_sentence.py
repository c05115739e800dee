"""An automation from a sentence ("when someone asks for a price, ..."): the connected model writes it, the check reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined

from flows.actions import ActionRefused
from flows.automation import Automation
from flows.check import Problem, check
from flows.models import ConnectedModels, Models
from flows.templates import template
from nodes import registry
from nodes.contract import ChatMessage, LanguageModel, NodeSpec
from nodes.errors import ClientError, Throttled

MOST_REPAIRS = 2
MOST_CHARACTERS = 2_000
MOST_TOKENS = 6_000
SHOWN_PROBLEMS = 20

SCHEMA: dict[str, Any] = {
    "title": "automation",
    "type": "object",
    "required": ["name", "description", "steps"],
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "node"],
                "properties": {
                    "id": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$"},
                    "node": {"type": "string"},
                    "title": {"type": "string"},
                    "config": {"type": "object"},
                    "input": {"type": "object", "additionalProperties": {"type": "string"}},
                    "when": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["value", "is"],
                            "properties": {"value": {"type": "string"}, "is": {"type": "boolean"}},
                        },
                    },
                },
            },
        },
    },
}

RULES = """You write automations for a business that answers its customers' messages. Answer with one JSON object: name, description and steps.
Rules:
- The first step is a trigger, and no other step is one. Use only the nodes below, written as name@version.
- Steps run in the order of the list. A step's "input" connects its inputs with outputs of earlier steps, written as step.output.
- Texts in "config" may hold an earlier output as {{step.output}}.
- "when" lists earlier yes/no outputs with the value that they must have; all must hold. A step that was left out has no outputs.
- Before the AI answers, ask the node gate@1, and let later steps run only when gate.may_answer is true.
- Give every step a short title in the language of the wish. Leave settings out that need no change.
- An answer of generate@1 is sent only when reply.answered is true; when reply.needs_person is true, a hand_off@1 step follows."""


def draft_from(workspace: UUID, sentence: str, *, models: Models | None = None) -> Automation:
    """A draft without a problem that does what the sentence says. Raises ActionRefused where none comes about."""
    sentence = sentence.strip()
    if not sentence or len(sentence) > MOST_CHARACTERS:
        raise ActionRefused(f"Say in a sentence or two what should happen (at most {MOST_CHARACTERS} characters).")
    llm, _ = (models or ConnectedModels()).of(workspace)
    if llm is None:
        raise ActionRefused(
            "No language model is connected, so nobody can read the sentence. Start from a template instead."
        )
    said = [ChatMessage("system", f"{RULES}\n\n{catalogue()}\n\n{_example()}"), ChatMessage("user", sentence)]
    for _ in range(1 + MOST_REPAIRS):
        answer = _ask(llm, said)
        made, problems = _read(answer)
        if made is not None and not problems:
            return made
        told = "\n".join(f"- {problem}" for problem in problems[:SHOWN_PROBLEMS])
        repair = f"This has problems. Correct them and answer with the whole automation again.\n{told}"
        said = [*said[:2], ChatMessage("assistant", answer), ChatMessage("user", repair)]
    raise ActionRefused(
        f"The model made no automation that works. {problems[0]} Say it in other words, or start from a template."
    )


def _ask(llm: LanguageModel, said: Sequence[ChatMessage]) -> str:
    try:
        return llm.complete(said, temperature=0.0, max_tokens=MOST_TOKENS, json_schema=SCHEMA).text
    except Throttled as busy:
        raise ActionRefused(f"{busy.reason} Try again in {busy.retry_after_seconds:.0f} seconds.") from busy
    except ClientError as error:
        raise ActionRefused(f"The model cannot be asked. {error.reason}") from error


def _read(answer: str) -> tuple[Automation | None, list[Problem]]:
    start, end = answer.find("{"), answer.rfind("}")
    try:
        raw = json.loads(answer[start : end + 1])
        made = Automation.model_validate({"format": 1, **raw})
    except ValidationError:
        return None, check({"format": 1, **raw})
    except (ValueError, TypeError):
        return None, [
            Problem("", "document", "The answer is not JSON.", "Answer with one JSON object and nothing else.")
        ]
    return made, check(made)


def catalogue() -> str:
    """Every node with its settings, inputs and outputs, as a text for the model."""
    return "Nodes:\n" + "\n".join(line for spec in registry.all_specs() for line in _lines(spec))


def _lines(spec: NodeSpec) -> Iterator[str]:
    kind = "trigger" if spec.group == "trigger" else "step"
    yield f"{spec.key} ({kind}): {spec.description}"
    for word, model in (("config", spec.config), ("input", spec.input), ("output", spec.output)):
        for told in _fields(model):
            yield f"  {word}.{told}"


def _fields(model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema()
    properties, parts = schema.get("properties", {}), schema.get("$defs", {})
    for name, info in model.model_fields.items():
        if properties.get(name, {}).get("widget") == "whatsapp_template":
            continue  # a model cannot know which templates the account has
        usual = (
            ""
            if info.default in (PydanticUndefined, None, "")
            else f", usually {json.dumps(info.default, default=str)}"
        )
        yield f"{name} ({_kind(properties.get(name, {}), parts)}{usual}): {info.description}"


def _kind(schema: dict[str, Any], parts: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _kind(parts.get(schema["$ref"].rsplit("/", 1)[-1], {}), parts)
    if "enum" in schema:
        return "one of " + ", ".join(map(json.dumps, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_kind(part, parts) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), parts)}"
    if "properties" in schema:
        return f"object with {', '.join(schema['properties'])}"
    return str(schema.get("type") or "any value")


def _example() -> str:
    document = template("front_desk").document
    shown = document.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"format"})
    return (
        f"An example, for the wish to answer every message from the documents:\n{json.dumps(shown, ensure_ascii=False)}"
    )
