"""The schedule of a source: kept with the source, and made a schedule of the Prefect deployment `crawl-source`, which runs it.

The row is what the owner wants; `reconcile` makes Prefect agree with it, also after Prefect lost everything. Importing this
module does not import Prefect, so that pages stay light.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from db import audit, sources, workspaces
from db.engine import system, transaction
from db.live import ring
from db.sources import SourceSetup
from flows.actions import ActionRefused
from flows.cadence import WordsUnclear, next_time, to_cron, to_words
from flows.deployment_schedules import Wanted, agree

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

DEPLOYMENT = "crawl-source/crawl-source"  # flow / deployment, as in prefect.yaml


@dataclass(frozen=True)
class Schedule:
    """When a source is crawled again. `active`: Prefect has it; until then it waits for Prefect."""

    words: str
    cron: str
    timezone: str
    next_run: datetime | None
    active: bool


def set_schedule(workspace: UUID, actor: str, source: UUID, words: str, now: datetime) -> Schedule:
    """Crawl a source at these times from now on, by the clocks of the workspace. Raises ActionRefused."""
    cron = cron_of(words)
    with transaction(workspace) as tx:
        found = sources.get(tx, source)
        ours = workspaces.get(tx, workspace)
        if found is None or ours is None:
            raise ActionRefused("This source does not exist any more.")
        if found.type not in ("website", "urls"):
            raise ActionRefused("Only websites and lists of addresses can be crawled on a schedule.")
        if next_time(cron, ours.timezone, now) is None:
            raise ActionRefused("This time never comes. Choose another day.")
        sources.configure(tx, source, schedule={"cron": cron, "timezone": ours.timezone})
        audit.record(tx, workspace, actor, "training.scheduled", f"source:{source}", cron=cron)
        ring(tx, "training")
    schedule = of(
        SourceSetup(**{**vars(found), "config": {"schedule": {"cron": cron, "timezone": ours.timezone}}}), now
    )
    assert schedule is not None
    return schedule


def cron_of(words: str) -> str:
    """The cron line of a time in words. Raises ActionRefused."""
    try:
        return to_cron(words)
    except WordsUnclear as error:
        raise ActionRefused(str(error)) from error


def clear_schedule(workspace: UUID, actor: str, source: UUID) -> None:
    """Crawl a source only when somebody asks for it."""
    with transaction(workspace) as tx:
        sources.configure(tx, source, schedule=None)
        audit.record(tx, workspace, actor, "training.unscheduled", f"source:{source}")
        ring(tx, "training")


def of(source: SourceSetup, now: datetime) -> Schedule | None:
    """The schedule of a source with its next time, None where it has none."""
    wanted = source.config.get("schedule")
    if not wanted:
        return None
    cron, zone = wanted["cron"], wanted["timezone"]
    return Schedule(to_words(cron), cron, zone, next_time(cron, zone, now), bool(wanted.get("id")))


def reconcile(client: SyncPrefectClient) -> int:
    """Make the schedules of the deployment those of the sources; returns how many were changed."""
    with system() as tx:
        scheduled = {str(source.id): source for source in sources.scheduled(tx)}
    wanted = {slug: _wanted(source) for slug, source in scheduled.items()}
    agreed = agree(client, DEPLOYMENT, wanted)
    for slug, id in agreed.ids.items():
        _remember(scheduled[slug], id)
    return agreed.changed


def _wanted(source: SourceSetup) -> Wanted:
    schedule = source.config["schedule"]
    return Wanted(schedule["cron"], schedule["timezone"], {"source": str(source.id)})


def _remember(source: SourceSetup, schedule: UUID) -> None:
    """Note on the source that Prefect has its schedule, unless the owner changed it meanwhile."""
    wanted = source.config["schedule"]
    if wanted.get("id") != str(schedule):
        with transaction(source.workspace_id) as tx:
            sources.note_schedule(tx, source.id, wanted, {**wanted, "id": str(schedule)})
