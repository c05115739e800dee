"""What the language models of the tests have in common: each answers by a rule of its own, and remembers what it was asked."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nodes.contract import ChatMessage, Completion


@dataclass
class RememberingModel(ABC):
    name: str = field(default="fake-1", kw_only=True)
    asked: list[Sequence[ChatMessage]] = field(default_factory=list, kw_only=True)
    options: list[dict[str, Any]] = field(default_factory=list, kw_only=True)

    def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        json_schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        self.asked.append(messages)
        self.options.append({"temperature": temperature, "max_tokens": max_tokens, "json_schema": json_schema})
        return self.answer(messages)

    @abstractmethod
    def answer(self, messages: Sequence[ChatMessage]) -> Completion: ...


def verdict(reply: str, *, reason: str = "") -> str:
    """The words of a model that was asked to answer a customer; without a reply it asks for a person."""
    return json.dumps({"reply": reply, "needs_person": not reply, "reason": reason, "used": []})
