"""Serves the deployments of prefect.yaml: Prefect says when, this process runs them.

    python -m deployments.schedules

Runs start within ten seconds of their time, each in a process of its own. Stopping does not pause the schedules.
The trainer and the backtester live here too: they do at once what somebody asks for on a page.
"""

import asyncio
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from prefect import Flow
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.flows import load_flow_from_entrypoint
from prefect.runner import Runner

from db import logs
from db.settings import get_settings
from deployments import ask
from deployments.environment import CODE
from flows.backtester import Backtester
from flows.trainer import Trainer

RUNS_AT_ONCE = 2  # each takes a process and about 150 MB


def main() -> None:
    """Register every deployment, then run what is due until SIGTERM or Ctrl-C."""
    os.chdir(CODE)  # modules are found from there, here and in the process of each run
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    logs.setup("schedules")
    trainer, backtester = Trainer(), Backtester()
    trainer.start()
    backtester.start()
    # In a thread of its own, because in the main thread Prefect's runner puts its own handler in place, which does not end its runs.
    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(asyncio.run, _serve_until(stopped))
        serving.add_done_callback(lambda _: stopped.set())
        stopped.wait()
        with ThreadPoolExecutor(2) as stopping:  # each may take some seconds to give back what it holds
            stopping.submit(trainer.stop)
            stopping.submit(backtester.stop)
        serving.result()


async def _serve_until(stopped: threading.Event) -> None:
    while not ask.http_ok(
        f"{get_settings().prefect_api_url}/health"
    ):  # imported meanwhile, so it is quick once Prefect is there
        if stopped.is_set():
            return
        await asyncio.sleep(0.5)
    runner = Runner(pause_on_shutdown=False, limit=RUNS_AT_ONCE)
    for deployment in await read(CODE / "prefect.yaml"):
        await runner.aadd_deployment(deployment)
    serving = asyncio.create_task(runner.start())
    stopping = asyncio.create_task(asyncio.to_thread(stopped.wait))
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def read(path: Path) -> list[RunnerDeployment]:
    """The deployments of a prefect.yaml."""
    document = yaml.safe_load(path.read_text())
    return [await _deployment(entry) for entry in document["deployments"]]


async def _deployment(entry: dict[str, Any]) -> RunnerDeployment:
    flow: Flow[..., Any] = load_flow_from_entrypoint(entry["entrypoint"])
    made = await flow.ato_deployment(
        name=entry["name"],
        description=entry.get("description"),
        tags=entry.get("tags"),
        parameters=entry.get("parameters"),
        concurrency_limit=entry.get("concurrency_limit"),
        schedules=[_schedule(schedule) for schedule in entry.get("schedules", [])],
    )
    made.entrypoint = entry["entrypoint"]
    return made


def _schedule(entry: dict[str, Any]) -> DeploymentScheduleCreate:
    cron = CronSchedule(cron=entry["cron"], timezone=entry.get("timezone", "UTC"))
    return DeploymentScheduleCreate(schedule=cron, slug=entry.get("slug"), active=entry.get("active", True))


if __name__ == "__main__":
    main()
