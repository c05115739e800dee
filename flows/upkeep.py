"""The regular clean-up: what is too old is forgotten, and flow runs whose worker died no longer show as running.

Prefect prunes its own history (`PREFECT_SERVER_SERVICES_DB_VACUUM_*`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed
from sqlmodel import Session

from db import audit, limits, retention, tag_history, vectors
from db.engine import system
from flows import forgetting
from flows.mirror import TAG
from flows.reembed import reembed_all

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 2000  # per transaction, so that nobody waits behind the broom
VECTORS_KEPT = timedelta(days=90)  # that no crawl asked for since
LIMITS_KEPT = timedelta(days=2)  # the longest window is a day
NOBODY_REPORTS_AFTER = timedelta(hours=2)  # no step may take as long
FLOW_RUNS_AT_ONCE = 200
FORGOTTEN_LATELY = timedelta(days=2)  # Prefect may have been away for a while
LEFT_BEHIND = "The worker ended before it could tell. The run went on in Frontdesk: see its Runs page."
# Decisions first: they hang on events.
AGEING = {
    "decisions": retention.decisions,
    "events": retention.events,
    "journal_details": retention.journal_details,
    "former_tags": tag_history.forget,
}


@flow(name="upkeep", persist_result=False)
def upkeep() -> dict[str, int]:
    """Clean up once; returns how many of each kind were forgotten or closed."""
    now = datetime.now(UTC)
    counts = forget(now)
    with get_client(sync_client=True) as client:
        counts["flow_runs_closed"] = close_left_behind(client, now)
        counts["flow_runs_forgotten"] = forget_flow_runs(client, now)
    counts["reembedded"] = reembed_all()
    log.info("Upkeep done", extra={"action": "upkeep.done", **counts})
    return counts


def forget(now: datetime) -> dict[str, int]:
    """Delete what is too old; messages, contacts and handoffs are kept."""
    with system() as tx:
        counts = {"limits": limits.prune(tx, now - LIMITS_KEPT)}
        kept_days = retention.days_of_workspaces(tx)
    counts["vectors"] = _all(partial(vectors.prune, before=now - VECTORS_KEPT, most=ROWS_AT_ONCE))
    counts["sign_ins"] = _all(partial(retention.sign_ins, now=now, most=ROWS_AT_ONCE))
    counts |= dict.fromkeys(AGEING, 0)
    for workspace, days in kept_days.items():
        if days == 0:
            continue
        before = now - timedelta(days=days)
        for kind, forget_some in AGEING.items():
            counts[kind] += _all(partial(forget_some, workspace=workspace, before=before, most=ROWS_AT_ONCE))
    return counts


def close_left_behind(client: SyncPrefectClient, now: datetime) -> int:
    """Flow runs of a worker that was killed would show as running for ever: say that it died. Some at a time."""
    left = client.read_flow_runs(flow_run_filter=_left_behind(now), limit=FLOW_RUNS_AT_ONCE)
    for flow_run in left:
        client.set_flow_run_state(flow_run.id, Crashed(message=LEFT_BEHIND), force=True)
    return len(left)


def forget_flow_runs(client: SyncPrefectClient, now: datetime) -> int:
    """Delete what Prefect shows of contacts that were forgotten; returns how many flow runs were still there."""
    with system() as tx:
        asked = audit.of_action(tx, forgetting.ACTION, now - FORGOTTEN_LATELY)
    flow_runs = list(dict.fromkeys(UUID(id) for entry in asked for id in entry.detail["flow_runs"]))
    if not flow_runs:
        return 0
    shown = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=flow_runs))  # tables of batches, with names in them
    for artifact in client.read_artifacts(artifact_filter=shown):
        client.delete_artifact(artifact.id)
    return sum(_deleted(client, flow_run) for flow_run in flow_runs)


def _deleted(client: SyncPrefectClient, flow_run: UUID) -> bool:
    """False = an earlier clean-up did it, or Prefect's own."""
    try:
        client.delete_flow_run(flow_run)
    except ObjectNotFound:
        return False
    return True


def _left_behind(now: datetime) -> FlowRunFilter:
    return FlowRunFilter(
        tags=FlowRunFilterTags(all_=[TAG]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])),
        expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"before_": now - NOBODY_REPORTS_AFTER}),
    )


def _all(forget_some: Callable[[Session], int]) -> int:
    """Repeat in short transactions until nothing is left; returns how many rows it was."""
    total = 0
    while True:
        with system() as tx:
            number = forget_some(tx)
        total += number
        if number < ROWS_AT_ONCE:
            return total
