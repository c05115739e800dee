"""Headings get vectors of their own, which a search weighs beside those of the passages under them."""

from __future__ import annotations

from uuid import UUID

from db import heading_vectors
from db.engine import transaction
from nodes.contract import Embedder

HEADINGS_AT_ONCE = 256


def embed_headings(workspace: UUID, embedder: Embedder) -> int:
    """Give every heading of the workspace's passages a vector of this model; returns how many were made. Raises ClientError.

    A crawl does this for its own documents; this is for what came another way, and for a changed model.
    """
    with transaction(workspace) as tx:
        wanted = heading_vectors.missing(tx, embedder.model, heading_vectors.headings_in_use(tx, embedder.model))
    for start in range(0, len(wanted), HEADINGS_AT_ONCE):
        some = wanted[start : start + HEADINGS_AT_ONCE]
        made = dict(zip(some, embedder.embed(some), strict=True))
        with transaction(workspace) as tx:
            heading_vectors.keep(tx, workspace, embedder.model, made)
    return len(wanted)
