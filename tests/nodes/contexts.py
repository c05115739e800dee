"""Builders of what a node is given, and fakes of the model and the embedder that remember what they were asked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlmodel import Session

from nodes.contract import (
    Business,
    ChatMessage,
    Completion,
    ContactFacts,
    Context,
    ConversationFacts,
    Result,
    Turn,
    TurnMessage,
    Values,
)
from nodes.words import plain
from tests.fakes.models import RememberingModel

MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BUSINESS = Business("Lindner Cycles", ZoneInfo("Europe/Zurich"))


@contextmanager
def no_database() -> Iterator[Session]:
    raise AssertionError("This node read from the database, and the test gave it none.")
    yield


@dataclass
class WordEmbedder:
    """Texts that share words are close, long words before small ones. `asked` holds every text that was embedded."""

    model: str = "words"
    asked: list[str] = field(default_factory=list)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += texts
        return [_direction(text) for text in texts]


def _direction(text: str) -> list[float]:
    vector = [0.0] * 1536
    for word in plain(text).split():
        vector[sum(ord(letter) * 31**place for place, letter in enumerate(word)) % 1536] += len(word) ** 2
    length = math.sqrt(sum(number * number for number in vector)) or 1.0
    return [number / length for number in vector]


@dataclass
class RecordingModel(RememberingModel):
    """Gives `gives`, or raises it."""

    name: str = field(default="recording-model", kw_only=True)
    gives: str | Exception = '{"reply": "Yes.", "needs_person": false, "reason": "", "used_passages": []}'

    def answer(self, messages: Sequence[ChatMessage]) -> Completion:
        if isinstance(self.gives, Exception):
            raise self.gives
        return Completion(self.gives, self.name, tokens_in=120, tokens_out=30, cost_usd=0.001)


def turn(*texts: str, first_contact: bool = False, seq: int = 1000) -> Turn:
    messages = tuple(TurnMessage(uuid4(), seq + place, text, MONDAY_NOON) for place, text in enumerate(texts))
    return Turn(messages, first_contact)


def contact(**facts: Any) -> ContactFacts:
    return ContactFacts(**{"id": uuid4(), "name": "Nora Weiss", **facts})


def conversation(**facts: Any) -> ConversationFacts:
    return ConversationFacts(**{"id": uuid4(), "channel": "sms", **facts})


def business(settings: Mapping[str, Any] | None = None, limit: float = 10.0) -> Business:
    return Business(BUSINESS.name, BUSINESS.timezone, settings or {}, limit)


def context(**changes: Any) -> Context:
    """A context in which everything is as usual; name what is not."""
    given: dict[str, Any] = {
        "run_id": uuid4(),
        "step_id": "step",
        "now": MONDAY_NOON,
        "business": BUSINESS,
        "contact": contact(),
        "conversation": conversation(),
        "turn": turn("Hello"),
        "trigger": {},
        "llm": None,
        "embedder": WordEmbedder(),
        "read": no_database,
    }
    return Context(**(given | changes))


def carry_out(module: Any, ctx: Context, config: Mapping[str, Any] | None = None, **given: Any) -> Result[Any]:
    """Run a node that does not pause, with settings and inputs as a document would hold them."""
    result = module.run(module.Config.model_validate(config or {}), module.Input.model_validate(given), ctx)
    done = result if isinstance(result, Result) else Result(result)
    assert isinstance(done.output, Values)
    return done
