"""Another embedding model: every passage gets a vector of it in the background, while searches go on with the former one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from db import indexing, reembedding, vectors
from db.engine import system, transaction
from db.workspaces import all_workspaces
from flows import models
from flows.headings import embed_headings
from nodes.contract import Embedder
from nodes.errors import ClientError

log = logging.getLogger(__name__)

PASSAGES_AT_ONCE = 64


def reembed(workspace: UUID, embedder: Embedder, stop: Callable[[], bool] = lambda: False) -> int:
    """Give every passage of a workspace a vector of this model; returns how many were made.

    New vectors stand beside the old ones, which a search does not mix. When every passage has its new one the old ones go, in one
    transaction, and searches change over. Broken off at any line it goes on where it was. Raises ClientError where the model refuses.
    """
    made = 0
    while not stop():
        with transaction(workspace) as tx:
            old = reembedding.without_vector_of(tx, embedder.model, PASSAGES_AT_ONCE)
            texts = [passage.embedding_text for passage in old]
            known = vectors.known(tx, embedder.model, texts, datetime.now(UTC))
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known |= dict(zip(new, embedder.embed(new), strict=True)) if new else {}
        with transaction(workspace) as tx:
            vectors.keep(tx, workspace, embedder.model, {text: known[text] for text in new}, datetime.now(UTC))
            made += reembedding.copy_for(
                tx, embedder.model, [(passage.id, known[passage.embedding_text]) for passage in old]
            )
            if not old and reembedding.change_over(tx, embedder.model):
                log.info(
                    "Searches use another embedding model",
                    extra={"action": "training.model_changed", "model": embedder.model},
                )
        if not old:
            break
    return made


def reembed_all() -> int:
    """Bring every workspace whose model changed up to date; returns how many vectors were made."""
    with system() as tx:
        every = [workspace.id for workspace in all_workspaces(tx)]
    return sum(_reembed_one(workspace) for workspace in every)


def _reembed_one(workspace: UUID) -> int:
    with transaction(workspace) as tx:
        target: Any = models.embedder(tx) or models.builtin_embedder()
        changed = not set(indexing.models_in_use(tx)) <= {target.model}
    try:
        made = reembed(workspace, target) if changed else 0
        embed_headings(workspace, target)
        return made
    except ClientError as error:
        log.warning(
            "Passages keep their former embedding model for now",
            extra={"action": "training.reembed_later", "workspace": str(workspace), "error": error.reason[:300]},
        )
        return 0
