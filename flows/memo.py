"""Ask once: models that give the same answer to the same question, for as long as a comparison lasts.

Two versions that ask the model the same thing then get the same answer, so that a difference between them is one that the
automation makes and not the dice. It also halves the bill.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from flows.crm_context import CrmContexts, CrmReader
from nodes.contract import ChatMessage, Completion, ContactFacts, Embedder, LanguageModel
from nodes.ports import Crm, Web, WebReply

T = TypeVar("T")


class Once(Generic[T]):
    """Results by question. Whoever asks while the answer is on its way waits for it; a failure is not kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Hashable, Future[T]] = {}

    def get(self, question: Hashable, ask: Callable[[], T]) -> T:
        with self._lock:
            known = self._known.get(question)
            if known is None:
                mine = self._known[question] = Future()
        if known is not None:
            return known.result()
        try:
            answer = ask()
        except BaseException as error:
            with self._lock:
                del self._known[question]
            mine.set_exception(error)
            raise
        mine.set_result(answer)
        return answer


@dataclass(frozen=True)
class _Answer:
    completion: Completion
    seconds: float


class OnceModel:
    """What the answers of a language model are kept in. `asked` counts the real questions."""

    def __init__(self, model: LanguageModel) -> None:
        self.asked = 0
        self.model = model
        self.once: Once[_Answer] = Once()

    def ask(self, messages: Sequence[ChatMessage], **options: Any) -> _Answer:
        begun = time.perf_counter()
        self.asked += 1
        completion = self.model.complete(messages, **options)
        return _Answer(completion, time.perf_counter() - begun)


class AskingOnce:
    """The model as one walk sees it. `saved_seconds`: how long the walk would have taken more, had it asked by itself."""

    def __init__(self, shared: OnceModel) -> None:
        self.name = shared.model.name
        self.saved_seconds = 0.0
        self._shared = shared

    def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        json_schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        schema = json.dumps(json_schema, sort_keys=True, default=str) if json_schema is not None else ""
        said = tuple((message.role, message.content) for message in messages)
        begun = time.perf_counter()
        answer = self._shared.once.get(
            (said, temperature, max_tokens, schema),
            lambda: self._shared.ask(messages, temperature=temperature, max_tokens=max_tokens, json_schema=json_schema),
        )
        self.saved_seconds += max(0.0, answer.seconds - (time.perf_counter() - begun))
        return answer.completion


class OnceEmbedder:
    """An embedder that works each text out once."""

    def __init__(self, embedder: Embedder) -> None:
        self.model = embedder.model
        self._embedder = embedder
        self._once: Once[list[float]] = Once()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._once.get(text, lambda text=text: self._embedder.embed([text])[0]) for text in texts]  # type: ignore[misc]


class OnceWeb:
    """Other systems, each address read once."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._once: Once[WebReply] = Once()

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> WebReply:
        return self._once.get((url, tuple(sorted((headers or {}).items()))), lambda: self._web.get(url, headers))


class OnceCrm:
    """The CRM of a workspace, each list and each search for free times read once. Contacts are as they are known here."""

    def __init__(self, workspace: UUID) -> None:
        self._workspace = workspace
        self._contexts = CrmContexts()
        self._slots: Once[Sequence[datetime]] = Once()

    def reader(self, contact: ContactFacts | None) -> Callable[[Callable[[], None]], Crm]:
        def make(before_asking: Callable[[], None]) -> Crm:
            known = contact.crm if contact else {}
            plain = CrmReader(self._contexts, self._workspace, None, known, None, before_asking)
            return _SlotsOnce(**vars(plain), slots=self._slots)

        return make


@dataclass(frozen=True)
class _SlotsOnce(CrmReader):
    slots: Once[Sequence[datetime]]

    def free_slots(self, calendar_id: str, start: datetime, end: datetime, timezone: str) -> Sequence[datetime]:
        asked = super().free_slots
        return self.slots.get((calendar_id, start, end, timezone), lambda: asked(calendar_id, start, end, timezone))
