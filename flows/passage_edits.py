"""What a person corrects in single passages."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from db import audit, indexing, sources, training_jobs
from db.engine import transaction
from db.indexing import PassageLine
from flows.actions import ActionRefused
from flows.models import training_embedders
from nodes.contract import Embedder
from nodes.errors import ClientError

MOST_PASSAGE = 4000  # characters
MOST_HEADING = 500


def edit_passage(workspace: UUID, user: UUID | None, passage: UUID, heading: str, text: str) -> None:
    """Correct a passage by hand. It stays corrected as long as the document says at that place what it says now."""
    if not text.strip():
        raise ActionRefused("A passage needs a text. Switch it off if it should not be found.")
    if len(text) > MOST_PASSAGE or len(heading) > MOST_HEADING:
        raise ActionRefused(f"A passage has at most {MOST_PASSAGE} characters, its heading {MOST_HEADING}.")
    with transaction(workspace) as tx:
        source = sources.get(tx, _passage(tx, passage).source_id)
        twins = indexing.twins(tx, passage)
        embedders = training_embedders(tx)
    assert source is not None
    embedding_text = heading if source.type == "qa" else f"{heading}\n{text}".strip()
    models = {embedder.model: embedder for embedder in embedders}
    # A passage of a model that is connected no more goes over to the one that is.
    chosen = {twin.id: models.get(twin.model, embedders[0]) for twin in twins}
    vectors = {model.model: _vector(model, embedding_text) for model in chosen.values()}
    with transaction(workspace) as tx:
        before = _passage(tx, passage)
        for twin in twins:
            model = chosen[twin.id].model
            indexing.rewrite(tx, twin, heading.strip(), text.strip(), vectors[model], model, user)
        audit.record(tx, workspace, f"user:{user}", "training.passage_edited", f"passage:{passage}")
        training_jobs.tell(tx, workspace, before.source_id, "changed")


def _vector(model: Embedder, text: str) -> list[float]:
    try:
        return model.embed([text])[0]
    except ClientError as error:
        raise ActionRefused(
            f"The embedding model did not answer, so the passage was not changed: {error.reason}"
        ) from error


def restore_passage(workspace: UUID, user: UUID | None, passage: UUID) -> None:
    """Undo the edits of a passage: it says again what its document says."""
    with transaction(workspace) as tx:
        original = indexing.original(tx, passage)
    if original is None:
        raise ActionRefused("This passage was not edited.")
    edit_passage(workspace, user, passage, *original)
    with transaction(workspace) as tx:
        indexing.forget_edit(tx, passage)


def disable_passage(workspace: UUID, user: UUID | None, passage: UUID, *, enabled: bool = False) -> None:
    """Let no search find a passage any more, or let it again."""
    with transaction(workspace) as tx:
        found = _passage(tx, passage)
        indexing.switch(tx, passage, enabled=enabled)
        audit.record(tx, workspace, f"user:{user}", "training.passage_switched", f"passage:{passage}", enabled=enabled)
        training_jobs.tell(tx, workspace, found.source_id, "changed")


def _passage(tx: Session, passage: UUID) -> PassageLine:
    found = indexing.get(tx, passage)
    if found is None:
        raise ActionRefused("This passage does not exist any more: its document changed.")
    return found
