"""What a person decides about the changes that a crawl found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db import audit, document_states, documents, indexing, sources, training_changes, training_jobs
from db.engine import transaction
from db.training_changes import Change
from flows.actions import ActionRefused


def approve_change(workspace: UUID, user: UUID | None, change: UUID) -> None:
    """Use the version that waits: the AI answers from it as soon as it is indexed."""
    with transaction(workspace) as tx:
        found = _decide(tx, change, "approved", user)
        document = documents.get(tx, found.document_id)
        assert document is not None, "the change would have gone with it"
        if found.kind == "removed":
            indexing.delete_document(tx, found.source_id, document.address)
            document_states.set_gone(
                tx, document.id, None, "removed", "The page is gone, and its removal was approved."
            )
        else:
            job = _approval_job(tx, workspace, found.source_id)
            document_states.adopt(tx, document.id, job, found.title, found.markdown, found.content_hash)
            training_jobs.count(tx, job, found=1)
        audit.record(
            tx, workspace, f"user:{user}", "training.change_approved", f"source:{found.source_id}", change=str(change)
        )
        training_jobs.tell(tx, workspace, found.source_id, "changed")


def reject_change(workspace: UUID, user: UUID | None, change: UUID) -> None:
    """Keep answering from the former text; this version is not proposed again."""
    with transaction(workspace) as tx:
        found = _decide(tx, change, "rejected", user)
        refused = documents.KEPT_THOUGH_GONE if found.kind == "removed" else found.content_hash
        document_states.refuse(tx, found.document_id, refused or b"")
        audit.record(
            tx, workspace, f"user:{user}", "training.change_rejected", f"source:{found.source_id}", change=str(change)
        )
        training_jobs.tell(tx, workspace, found.source_id, "changed")


def approve_removals(workspace: UUID, user: UUID | None, source: UUID) -> int:
    """The pages that are gone may go, all that wait for it; returns how many."""
    return _decide_removals(workspace, user, source, approve_change)


def keep_removed(workspace: UUID, user: UUID | None, source: UUID) -> int:
    """Keep answering from the text of all pages that are gone and wait for a decision; returns how many."""
    return _decide_removals(workspace, user, source, reject_change)


def _decide_removals(
    workspace: UUID, user: UUID | None, source: UUID, decide: Callable[[UUID, UUID | None, UUID], None]
) -> int:
    with transaction(workspace) as tx:
        waiting = training_changes.removals_waiting(tx, source)
    if not waiting:
        raise ActionRefused("No page of this source waits to be removed.")
    for change in waiting:
        decide(workspace, user, change)
    with transaction(workspace) as tx:
        sources.configure(tx, source, vanished=None)
    return len(waiting)


def decide_waiting(workspace: UUID, user: UUID | None, *, approve: bool, source: UUID | None = None) -> int:
    """Approve or reject every change that waits now, of one source or of all; returns how many."""
    decided, before = 0, None
    while True:
        with transaction(workspace) as tx:
            waiting = training_changes.recent(tx, source, "waiting", before)
        for change in waiting:
            before = change.seq
            try:
                (approve_change if approve else reject_change)(workspace, user, change.id)
            except ActionRefused:
                continue  # a colleague, or a crawl, was quicker: it waits no more, which is what was wanted
            decided += 1
        if not waiting:
            return decided


def _decide(tx: Session, change: UUID, state: Literal["approved", "rejected"], user: UUID | None) -> Change:
    found = training_changes.decide(tx, change, state, user)
    if found is None:
        raise ActionRefused("This change does not wait any more: somebody decided, or the page changed again.")
    return found


def _approval_job(tx: Session, workspace: UUID, source: UUID) -> UUID:
    job, _ = training_jobs.add(tx, workspace, source, "approved", "some")
    return job
