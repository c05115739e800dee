"""Serves the deployments of prefect.yaml: Prefect says when, this process runs them.

    python -m deployments.schedules

Runs start within ten seconds of their time, each in a process of its own. Stopping does not pause the schedules.
"""

import os
from pathlib import Path
from typing import Any

import yaml
from prefect import Flow, serve
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.flows import load_flow_from_entrypoint

from deployments.environment import CODE

RUNS_AT_ONCE = 2  # each takes a process and about 150 MB


def main() -> None:
    """Register every deployment, then run what is due until SIGTERM."""
    os.chdir(CODE)  # entrypoints are relative to it, here and in the process of each run
    serve(*read(CODE / "prefect.yaml"), pause_on_shutdown=False, limit=RUNS_AT_ONCE, print_starting_message=False)


def read(path: Path) -> list[RunnerDeployment]:
    """The deployments of a prefect.yaml."""
    document = yaml.safe_load(path.read_text())
    return [_deployment(entry, path.parent) for entry in document["deployments"]]


def _deployment(entry: dict[str, Any], folder: Path) -> RunnerDeployment:
    flow: Flow[..., Any] = load_flow_from_entrypoint(str(folder / entry["entrypoint"]))
    made = flow.to_deployment(
        name=entry["name"],
        description=entry.get("description"),
        tags=entry.get("tags"),
        parameters=entry.get("parameters"),
        concurrency_limit=entry.get("concurrency_limit"),
        schedules=[_schedule(schedule) for schedule in entry.get("schedules", [])],
    )
    assert isinstance(made, RunnerDeployment)
    made.entrypoint = entry["entrypoint"]
    return made


def _schedule(entry: dict[str, Any]) -> DeploymentScheduleCreate:
    cron = CronSchedule(cron=entry["cron"], timezone=entry.get("timezone", "UTC"))
    return DeploymentScheduleCreate(schedule=cron, slug=entry.get("slug"), active=entry.get("active", True))


if __name__ == "__main__":
    main()
