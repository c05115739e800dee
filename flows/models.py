"""The language model and the embedder of a workspace, made from its connections and counted against its limits."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from db import connections, indexing, limits, models, vectors
from db.engine import transaction
from db.settings import Settings, get_settings
from nodes.clients.embeddings import BuiltinEmbedder, OpenAIEmbedder
from nodes.clients.llm import OpenAIChat
from nodes.contract import ChatMessage, Completion, Embedder, LanguageModel
from nodes.errors import Rejected, Throttled

FRESH_SECONDS = 5.0  # how long a change of a connection may go unnoticed by a running worker


class Models(Protocol):
    """Where the engine gets a workspace's models from."""

    def of(self, workspace: UUID) -> tuple[LanguageModel | None, Embedder]: ...

    def warm(self) -> None:
        """A message came in: get ready what takes long to load, without holding up the caller."""


@dataclass(frozen=True)
class Usual:
    """What a model is asked with where a step does not say otherwise."""

    temperature: float | None = None
    max_tokens: int | None = None


class LimitedModel:
    """A model that keeps the workspace's AI limit: over it, Throttled is raised before anything is asked."""

    def __init__(self, model: LanguageModel, workspace: UUID, per_minute: int, usual: Usual) -> None:
        self.name = model.name
        self._model = model
        self._workspace = workspace
        self._per_minute = per_minute
        self._usual = usual

    def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        json_schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        self._take_one()
        return self._model.complete(
            messages,
            temperature=self._usual.temperature if temperature is None else temperature,
            max_tokens=max_tokens or self._usual.max_tokens,
            json_schema=json_schema,
        )

    def without_limit(self) -> LimitedModel:
        """The same for work that a person asked for and that has its own bound; the limit guards against floods of messages."""
        return LimitedModel(self._model, self._workspace, 0, self._usual)

    def _take_one(self) -> None:
        if not self._per_minute:
            return
        with transaction(self._workspace) as tx:
            wait = limits.take(tx, f"ai:{self._workspace}", self._per_minute, 60, datetime.now(UTC))
        if wait:
            raise Throttled(f"The limit of {self._per_minute} AI answers per minute is reached.", wait)


class ConnectedModels:
    """Models by workspace, looked up again every few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[UUID, tuple[float, LanguageModel | None, Embedder]] = {}
        self._builtin = builtin_embedder()
        self._warming: threading.Thread | None = None

    def of(self, workspace: UUID) -> tuple[LanguageModel | None, Embedder]:
        now = time.monotonic()
        with self._lock:
            known = self._known.get(workspace)
        if known is None or now - known[0] > FRESH_SECONDS:
            known = (now, *self._look_up(workspace))
            with self._lock:
                self._known[workspace] = known
        return known[1], known[2]

    def warm(self) -> None:
        """Load the built-in embedder while the quiet window runs; an idle worker does without its memory."""
        with self._lock:
            if self._warming is None:
                self._warming = threading.Thread(target=self._builtin.embed, args=[["Good morning"]], daemon=True)
                self._warming.start()

    def _look_up(self, workspace: UUID) -> tuple[LanguageModel | None, Embedder]:
        with transaction(workspace) as tx:
            return chat_model(tx, workspace), serving_embedder(tx, embedder(tx) or self._builtin, self._builtin)


class FittedEmbedder:
    """A model whose vectors have the length that this installation keeps (FRONTDESK_EMBEDDING_DIMENSIONS)."""

    def __init__(self, whole: Embedder) -> None:
        self.model, self._whole = whole.model, whole

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        try:
            return [vectors.fitted(vector, self.model) for vector in self._whole.embed(texts)]
        except ValueError as error:
            reason = (
                f"The {error}, which is what FRONTDESK_EMBEDDING_DIMENSIONS keeps. Choose a smaller embedding model."
            )
            raise Rejected("too_many_dimensions", reason) from error


def _fitted(embedder: Embedder) -> Embedder:
    return (
        embedder
        if vectors.dimensions() == Settings.model_fields["embedding_dimensions"].default
        else FittedEmbedder(embedder)
    )


_embedder: Embedder | None = None
_embedder_lock = threading.Lock()


def builtin_embedder() -> Embedder:
    """The one built-in embedder of this process; nothing is loaded before its first use."""
    global _embedder
    with _embedder_lock:
        if _embedder is None:
            _embedder = _fitted(BuiltinEmbedder(get_settings().home / "cache"))
        return _embedder


def chat_model(tx: Any, workspace: UUID) -> LanguageModel | None:
    """The workspace's chat model, or None where no model is connected."""
    chosen = _connection(tx, "llm")
    if chosen is None:
        return None
    connection, secrets = chosen
    row = models.default(tx, "chat")
    model = OpenAIChat(
        base_url=connection.config.get("base_url") or "https://api.openai.com/v1",
        api_key=secrets.get("api_key", ""),
        model=(row.model_name if row else "") or connection.config.get("model") or "gpt-4o-mini",
        price_in_per_million=_price(row.price_in_per_million) if row else None,
        price_out_per_million=_price(row.price_out_per_million) if row else None,
        site_url=str(get_settings().public_url or ""),
    )
    usual = Usual(row.temperature, row.max_tokens) if row else Usual()
    return LimitedModel(model, workspace, get_settings().limit_ai_per_minute, usual)


def _price(price: Decimal | None) -> float | None:
    return None if price is None else float(price)


def embedder(tx: Any) -> Embedder | None:
    """The workspace's own embedding model, or None where the built-in one serves."""
    chosen = _connection(tx, "embeddings")
    if chosen is None:
        return None
    return _openai_embedder(*chosen)


def serving_embedder(tx: Any, target: Embedder, builtin: Embedder) -> Embedder:
    """The model that searches use: the chosen one, or the former one until every passage has a vector of the chosen one."""
    if indexing.models_in_use(tx) in ([], [target.model]):
        return target
    passages = indexing.passages_by_model(tx)
    former = max(passages, key=lambda model: (passages[model], model == target.model), default=target.model)
    if former == target.model:
        return target  # what only another model has is left over, and gets its vector soon
    if former == builtin.model:
        return builtin
    chosen = _connection(tx, "embeddings")
    return target if chosen is None else _openai_embedder(*chosen, model=former)


def training_embedders(tx: Any) -> list[Embedder]:
    """The models to make passages with: the chosen one, then the former one while it still serves, so that both find what is new."""
    target = embedder(tx) or builtin_embedder()
    serving = serving_embedder(tx, target, builtin_embedder())
    return [target] if serving.model == target.model else [target, serving]


def _openai_embedder(connection: Any, secrets: dict[str, str], model: str = "") -> Embedder:
    made = OpenAIEmbedder(
        connection.config.get("base_url") or "https://api.openai.com/v1",
        secrets.get("api_key", ""),
        model or connection.config.get("model") or "text-embedding-3-small",
        30.0,
    )
    return _fitted(made)


def _connection(tx: Any, kind: str) -> tuple[Any, dict[str, str]] | None:
    chosen = connections.default(tx, kind)
    if chosen is None or chosen.state != "active":
        return None
    return connections.with_secrets(tx, chosen.id)
