"""What a node is: one module with `Config`, `Input`, `Output` and `run(config, input, ctx)`, declared by `@node`.

A node reads and returns; it never acts. What it wants done comes back as effects. Everything outside comes in through `ctx`.
The types of `run` are read when the module is imported, so a wrong declaration fails at start and not at a customer's message.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from sqlmodel import Session

from nodes.effects import EFFECT_KINDS, Effect
from nodes.ports import Crm, Web

Group = Literal["trigger", "logic", "people", "ai", "out", "training"]
Sql = AbstractContextManager[Session]


class NodeDefinitionError(TypeError):
    """A node module does not keep the contract; the message names the node and what to change."""


class NodeFailed(Exception):
    """The step cannot do its work; the message is a plain sentence for the person who reads the run."""


def _label(name: str, info: object) -> str:
    """The label of a field in a form: "only_when_open" -> "Only when open"."""
    return name.replace("_", " ").capitalize()


class Settings(BaseModel):
    """The root of every `Config`: unknown fields are refused, so a misspelt setting is seen."""

    model_config = ConfigDict(frozen=True, extra="forbid", field_title_generator=_label)


class Values(BaseModel):
    """The root of every `Input` and `Output`."""

    model_config = ConfigDict(frozen=True, extra="forbid", field_title_generator=_label)


@dataclass(frozen=True)
class ContactFacts:
    """The contact as the run sees it. Phone and e-mail are '' where unknown."""

    id: UUID
    name: str = ""
    phone: str = ""
    email: str = ""
    language: str = ""
    opted_out: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    crm: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ConversationFacts:
    """The conversation as it is when the run is taken up."""

    id: UUID
    channel: str
    owner: Literal["ai", "human"] = "ai"
    ai_enabled: bool = True
    last_ai_reply_at: datetime | None = None
    returned_at_seq: int = 0  # messages.seq of the newest return marker; 0 = never given back by a person


@dataclass(frozen=True)
class TurnMessage:
    id: UUID
    seq: int
    text: str
    at: datetime
    media: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Turn:
    """What the customer wrote since the last answer: one or several quick messages."""

    messages: tuple[TurnMessage, ...] = ()
    first_contact: bool = False  # nobody had written in this conversation before

    @property
    def text(self) -> str:
        return "\n".join(message.text for message in self.messages if message.text)


@dataclass(frozen=True)
class Business:
    """The workspace as a node sees it."""

    name: str
    timezone: ZoneInfo
    settings: Mapping[str, Any] = field(
        default_factory=dict
    )  # hours, holidays, scope, ... (nodes.hours reads the hours)
    contact_limit_seconds: float = 10.0  # one AI answer per contact in this time; 0 = no limit


@dataclass(frozen=True)
class ChatMessage:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Completion:
    """A model's answer and what it took. `cost_usd` is None where the price is not known."""

    text: str
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = None


class LanguageModel(Protocol):
    """A connected chat model. Raises the errors of nodes.errors."""

    name: str

    def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        json_schema: Mapping[str, Any] | None = None,
    ) -> Completion: ...


class Embedder(Protocol):
    """Vectors of 1536 numbers; `model` is stored with every vector and searches never mix models."""

    model: str

    def embed(self, texts: Sequence[str]) -> list[list[float]]: ...


@dataclass(frozen=True)
class Context:
    """Everything that a node may know. A new name here is a design decision."""

    run_id: UUID
    step_id: str
    now: datetime
    business: Business
    contact: ContactFacts | None
    conversation: ConversationFacts | None
    turn: Turn
    trigger: Mapping[str, Any]  # what set the run off, as the trigger's Output
    llm: LanguageModel | None  # None = no model is connected
    embedder: Embedder
    read: Callable[[], Sql]  # a read-only transaction: a write fails in the database
    paused_since: datetime | None = None  # when this step paused the run, now that it is taken up again
    woken_by: Mapping[str, Any] | None = (
        None  # what ended the pause early: {"kind": "message", "text": ...}; None = time did
    )
    memory: Mapping[str, Any] = field(default_factory=dict)  # of this step's last pause
    crm: Crm | None = None  # reads the connected CRM; None = none is connected
    web: Web | None = None  # reads allowed addresses of other systems


O = TypeVar("O", bound=Values)


@dataclass(frozen=True)
class Result(Generic[O]):
    """An output with effects. `detail` is what a person may want to see of the step: the prompt, passages, tokens, cost."""

    output: O
    effects: tuple[Effect, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pause:
    """Take the run up again at `until`, with the same step and `ctx.paused_since` set, or earlier when something wakes it.

    `wakes_on`: "message" (the customer writes), "approval" (a person decides), "event:<name>" (an occasion of this contact).
    What woke it is `ctx.woken_by`; `memory` comes back as `ctx.memory`. `effects` are performed before the wait begins.
    """

    until: datetime
    reason: str
    effects: tuple[Effect, ...] = ()
    wakes_on: tuple[str, ...] = ()
    memory: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Occasion:
    """What a trigger judges before any run exists: a message that arrived, or something else that happened."""

    kind: Literal["message", "schedule", "webhook", "crm", "conversation", "automation"]
    channel: str = ""
    text: str = ""
    first_contact: bool = False
    now: datetime | None = None
    business: Business | None = None
    event: str = ""  # what happened, for kinds other than message: contact_tagged, handoff_resolved, ...
    data: Mapping[str, Any] = field(default_factory=dict)  # and with what: the tag, the stage, the body


@dataclass(frozen=True)
class NodeSpec:
    """A registered node. `key` is what documents say: name@version."""

    name: str
    version: int
    title: str
    description: str
    group: Group
    icon: str  # a Material symbol name, for example "chat"
    config: type[Settings]
    input: type[Values]
    output: type[Values]
    effects: frozenset[str]
    sample: Values
    costly: bool  # its result is kept in the journal at once, so that a run taken up again does not pay twice
    run: Callable[[Any, Any, Context], Values | Result[Any] | Pause]
    # Triggers only: '' when it fires, else the reason in words why it does not.
    refuses: Callable[[Any, Occasion], str] | None = None

    @property
    def key(self) -> str:
        return f"{self.name}@{self.version}"


def node(
    name: str,
    *,
    version: int = 1,
    title: str,
    group: Group,
    icon: str,
    sample: Values,
    effects: tuple[str, ...] = (),
    costly: bool = False,
    refuses: Callable[[Any, Occasion], str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare `run` as a node; the spec hangs on it as `run.spec`. Raises NodeDefinitionError at import."""

    def declare(run: Callable[..., Any]) -> Callable[..., Any]:
        config, given, output = _types(name, run)
        _check(name, config, given, output, sample, effects, group, refuses)
        description = (inspect.getdoc(inspect.getmodule(run)) or "").split("\n")[0]
        if not description.endswith("."):
            raise NodeDefinitionError(f"Node '{name}': the module needs a docstring whose first line is a sentence.")
        run.spec = NodeSpec(  # type: ignore[attr-defined]
            name,
            version,
            title,
            description,
            group,
            icon,
            config,
            given,
            output,
            frozenset(effects),
            sample,
            costly,
            run,
            refuses,
        )
        return run

    return declare


def _types(name: str, run: Callable[..., Any]) -> tuple[type[Settings], type[Values], type[Values]]:
    hints = typing.get_type_hints(run)
    if list(inspect.signature(run).parameters) != ["config", "input", "ctx"]:
        raise NodeDefinitionError(f"Node '{name}': run must take (config, input, ctx).")
    outputs = [kind for kind in _members(hints["return"]) if inspect.isclass(kind) and issubclass(kind, Values)]
    if len(outputs) != 1:
        raise NodeDefinitionError(
            f"Node '{name}': run must return its Output, Result[Output] or one of them and Pause."
        )
    return hints["config"], hints["input"], outputs[0]


def _members(hint: Any) -> list[Any]:
    origin = typing.get_origin(hint)
    if origin is Result:
        return [typing.get_args(hint)[0]]
    if origin is None:
        return [hint]
    return list({member for part in typing.get_args(hint) for member in _members(part)})


def _check(
    name: str,
    config: type[BaseModel],
    given: type[BaseModel],
    output: type[BaseModel],
    sample: Values,
    effects: tuple[str, ...],
    group: Group,
    refuses: Callable[[Any, Occasion], str] | None,
) -> None:
    if not re.fullmatch(r"[a-z][a-z_]*", name):
        raise NodeDefinitionError(f"Node '{name}': names are lower case words joined by '_'.")
    for model, root in ((config, Settings), (given, Values), (output, Values)):
        if not issubclass(model, root):
            raise NodeDefinitionError(f"Node '{name}': {model.__name__} must derive from {root.__name__}.")
        for field_name, info in model.model_fields.items():
            if not (info.description or "").endswith("."):
                raise NodeDefinitionError(
                    f"Node '{name}': {model.__name__}.{field_name} needs a description that ends with a period."
                )
    if not isinstance(sample, given):
        raise NodeDefinitionError(f"Node '{name}': sample must be an Input.")
    for kind in effects:
        if kind not in EFFECT_KINDS:
            raise NodeDefinitionError(
                f"Node '{name}': '{kind}' is not an effect (known: {', '.join(sorted(EFFECT_KINDS))})."
            )
    if (group == "trigger") != (refuses is not None):
        raise NodeDefinitionError(f"Node '{name}': a trigger, and only a trigger, says what it refuses.")
