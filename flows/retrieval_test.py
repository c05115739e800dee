"""A question tried out on the training material, without a conversation: what the retrieval test of the pages shows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from db.engine import read_only, transaction
from flows import models
from nodes.contract import Embedder, LanguageModel
from nodes.rerank import reranked
from nodes.search import PRODUCTION, Hit, SearchSettings, ask, find, with_subject


@dataclass(frozen=True)
class Tried:
    """What a search found. `took_ms`: all of it, with the embedding of the question."""

    hits: list[Hit]
    embedder_model: str
    took_ms: float


def try_retrieval(
    workspace: UUID, text: str, settings: SearchSettings = PRODUCTION, embedder: Embedder | None = None
) -> Tried:
    """Search as the node does. `embedder`: None = the workspace's own. Raises ClientError where a connected model does not answer."""
    llm: LanguageModel | None = None
    with transaction(workspace) as tx:
        if settings.rerank:
            llm = models.chat_model(tx, workspace)
        if embedder is None:
            builtin = models.builtin_embedder()
            embedder = models.serving_embedder(tx, models.embedder(tx) or builtin, builtin)
    began = time.perf_counter()
    with read_only(workspace) as tx:
        settings = with_subject(tx, settings)
    question = ask(embedder, text, settings)
    with read_only(workspace) as tx:
        hits = find(tx, question, settings)
    if llm is not None:
        hits = reranked(llm, text, hits)[: settings.limit]
    return Tried(hits[: settings.limit], embedder.model, (time.perf_counter() - began) * 1000)
