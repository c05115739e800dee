"""Makes the schedules of a Prefect deployment those that our rows want, also after Prefect lost everything.

Importing this module does not import Prefect, so that pages stay light.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import DeploymentSchedule

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """A schedule as it should be; its slug is the key under which it is wanted."""

    cron: str
    timezone: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Agreed:
    """The ids of the schedules by slug, and how many had to be changed."""

    ids: Mapping[str, UUID]
    changed: int


def agree(client: SyncPrefectClient, deployment_name: str, wanted: Mapping[str, Wanted]) -> Agreed:
    """Delete what nobody wants, make what is missing; a deployment that is not served yet is left for the next time."""
    from prefect.exceptions import ObjectNotFound

    try:
        deployment = client.read_deployment_by_name(deployment_name)
    except ObjectNotFound:
        return Agreed({}, 0)
    there = {schedule.slug or "": schedule for schedule in client.read_deployment_schedules(deployment.id)}
    changed = 0
    for slug, schedule in list(there.items()):
        if slug not in wanted or not _is_same(schedule, wanted[slug]):
            client.delete_deployment_schedule(deployment.id, schedule.id)
            del there[slug]
            changed += 1
    for slug in wanted.keys() - there.keys():
        there[slug] = _create(client, deployment.id, slug, wanted[slug])
        changed += 1
    return Agreed({slug: schedule.id for slug, schedule in there.items()}, changed)


def _create(client: SyncPrefectClient, deployment: UUID, slug: str, wanted: Wanted) -> DeploymentSchedule:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule

    schedule = DeploymentScheduleCreate(
        schedule=CronSchedule(cron=wanted.cron, timezone=wanted.timezone),
        slug=slug,
        parameters=dict(wanted.parameters),
        active=True,
    )
    log.info("A schedule is set", extra={"action": "schedule.set", "slug": slug, "cron": wanted.cron})
    [made] = client.create_deployment_schedules(deployment, [schedule])
    return made


def _is_same(schedule: DeploymentSchedule, wanted: Wanted) -> bool:
    there: Any = schedule.schedule
    is_timed = (getattr(there, "cron", ""), getattr(there, "timezone", "")) == (wanted.cron, wanted.timezone)
    return bool(schedule.active and is_timed)
