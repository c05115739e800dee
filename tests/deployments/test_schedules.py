"""The served deployments: a schedule of a source fires, and what is asked for on the page begins at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db.embedded import EmbeddedPostgres
from flows import schedules, training
from flows.training import Website
from tests.fakes.site_twin import SiteTwin
from tests.flows.prefect_server import PrefectServer, running
from tests.flows.training_rig import TrainingRig
from tests.ports import until

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def prefect(cluster: EmbeddedPostgres, tmp_path: Path) -> Iterator[PrefectServer]:
    with running(cluster, tmp_path) as server:
        yield server


@pytest.fixture
def served(prefect: PrefectServer, database_url: str, home: Path) -> Iterator[Path]:
    """The process of the schedules; gives the path of its log."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "PREFECT_API_URL": prefect.api_url,
        "PREFECT_HOME": str(home / "prefect"),
    }
    log = home.parent / "schedules.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.schedules"], cwd=ROOT, env=environment, stderr=output, stdout=output
        )
    try:
        yield log
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_the_schedule_of_a_source_fires_and_its_run_is_one_of_the_deployment(
    prefect: PrefectServer, served: Path
) -> None:
    rig = TrainingRig()
    with SiteTwin() as site:
        site.page("/", "Corner Cycles", "<p>We repair bicycles of every make, usually on the same day.</p>")
        added = training.add_website(rig.workspace, rig.actor, Website(site.url("/"), "Shop"))
        until(lambda: rig.job(added.source).state == "done", 120, f"the first crawl is done; see {served}")
        schedules.set_schedule(rig.workspace, rig.actor, added.source, "* * * * *", datetime.now(UTC))
        until(lambda: rig.job(added.source).cause == "schedule", 150, f"the schedule fires; see {served}")
        until(lambda: rig.job(added.source).state == "done", 60, "the scheduled crawl is done")
        job = rig.job(added.source)
        assert (job.unchanged, job.embedded) == (1, 0)
        deployment = prefect.ask("/deployments/name/crawl-source/crawl-source")
        run = prefect.ask(f"/flow_runs/{job.prefect_run_id}")
        assert run["deployment_id"] == deployment["id"]
        assert [each["slug"] for each in prefect.ask(f"/deployments/{deployment['id']}/schedules")] == [
            str(added.source)
        ]
        until(lambda: prefect.ask(f"/flow_runs/{job.prefect_run_id}")["state_type"] == "COMPLETED", 30)
