"""The whole product crawls: on the schedule that was set on the page, and to the end though everything is killed in between."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from db import connections, sources, training_jobs
from db.engine import transaction
from db.training_jobs import Job
from flows import schedules, training
from flows.training import Website
from tests.bench.stack import Stack
from tests.fakes.openai_twin import API_KEY, OpenAITwin
from tests.fakes.site_twin import SiteTwin
from tests.ports import until

WORDS = "<p>We are glad to help you with it in our workshop on Main Street, on every day of the week.</p>"
PAGES, SECTIONS, BATCH = 60, 5, 64
pytestmark = pytest.mark.xdist_group("crawl")  # one stack for all of them


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    kept = dict(os.environ)
    with Stack({"FRONTDESK_LEASE_SECONDS": "6"}) as running:
        yield running
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture
def site() -> Iterator[SiteTwin]:
    with SiteTwin() as twin:
        paths = [f"/page-{number}" for number in range(PAGES)]
        for number, path in enumerate(paths):
            parts = "".join(f"<h2>Part {part}</h2><p>It costs ${number}{part}.</p>{WORDS}" for part in range(SECTIONS))
            twin.page(path, f"Page {number}", parts)
        twin.page("/", "Home", WORDS, links=paths)
        yield twin


@pytest.fixture
def model() -> Iterator[OpenAITwin]:
    with OpenAITwin() as twin:
        twin.delay_seconds = 0.4  # so that there is a middle of the crawl
        yield twin


class Shop:
    """A workspace with its own embedding model, and one website."""

    def __init__(self, stack: Stack, site: SiteTwin, model: OpenAITwin, **options: Any) -> None:
        self.workspace, self.site, self.model = stack.desk().workspace, site, model
        with transaction(self.workspace) as tx:
            config = {"base_url": model.base_url, "model": "text-embedding-3-small"}
            connections.create(tx, self.workspace, "embeddings", "Twin", config, {"api_key": API_KEY}, True)
        website = Website(site.url("/"), "Shop", pause_seconds=0.02, **options)
        self.source = training.add_website(self.workspace, "test", website).source

    def job(self) -> Job:
        with transaction(self.workspace) as tx:
            return training_jobs.recent(tx, self.source, limit=1)[0]

    def line(self) -> sources.SourceLine:
        with transaction(self.workspace) as tx:
            found = sources.line(tx, self.source)
        assert found is not None
        return found

    def asked(self) -> list[list[str]]:
        """The texts of every request to the model."""
        return [list(body["input"]) for body in list(self.model.embedded)]


def prefect(stack: Stack, path: str, body: dict[str, Any] | None = None) -> Any:
    url = f"http://127.0.0.1:{stack.prefect_port}/api{path}"
    answer = httpx.get(url, trust_env=False) if body is None else httpx.post(url, json=body, trust_env=False)
    answer.raise_for_status()
    return answer.json()


def upcoming(stack: Stack, source: UUID) -> list[dict[str, Any]]:
    """The flow runs that a schedule of the source made, the next one first."""
    wanted = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}, "sort": "EXPECTED_START_TIME_ASC"}
    found = prefect(stack, "/flow_runs/filter", wanted)
    return [run for run in found if run["parameters"] == {"source": str(source)} and run["auto_scheduled"]]


def test_a_schedule_set_on_the_page_fires_as_a_run_of_the_deployment(
    stack: Stack, site: SiteTwin, model: OpenAITwin
) -> None:
    shop = Shop(stack, site, model, max_pages=3)
    until(lambda: shop.job().state == "done", 120, "the first crawl is done")
    first = shop.job()
    schedules.set_schedule(shop.workspace, "test", shop.source, "every Monday at 6:00", datetime.now(UTC))
    until(lambda: upcoming(stack, shop.source), 120, "Prefect planned the runs of the schedule")
    run = upcoming(stack, shop.source)[0]
    assert prefect(stack, f"/deployments/{run['deployment_id']}")["name"] == "crawl-source"
    assert (schedule := schedules.of(shop.line(), datetime.now(UTC))) is not None and schedule.active
    # Its hour has come.
    prefect(stack, f"/flow_runs/{run['id']}/set_state", {"state": {"type": "SCHEDULED"}, "force": True})
    until(lambda: shop.job().id != first.id and shop.job().state == "done", 120, "the scheduled crawl is done")
    job = shop.job()
    assert (job.cause, str(job.prefect_run_id), job.unchanged, job.embedded) == ("schedule", run["id"], 3, 0)
    until(lambda: prefect(stack, f"/flow_runs/{run['id']}")["state_type"] == "COMPLETED", 60, "Prefect shows its end")
    shown = prefect(stack, f"/flow_runs/{run['id']}")
    assert shown["name"] == "Shop" and shown["state"]["message"].startswith("Looked at 3: 3 unchanged.")


def test_everything_is_killed_in_mid_crawl_and_nothing_is_embedded_twice_but_one_batch(
    stack: Stack, site: SiteTwin, model: OpenAITwin
) -> None:
    shop = Shop(stack, site, model)
    until(lambda: len(shop.asked()) >= 3, 120, "the crawl is under way")
    stack.kill()
    before = shop.asked()
    stack.start_again()
    until(lambda: shop.job().state == "done", 120, "the crawl is done")
    texts = Counter(text for batch in shop.asked() for text in batch)
    twice = {text for text, times in texts.items() if times > 1}
    assert len(before) < len(shop.asked())
    assert twice <= set(before[-1]) and len(twice) <= BATCH
    assert shop.line().passages == 1 + PAGES * SECTIONS <= len(texts)
    assert (shop.line().indexed, shop.line().failed) == (1 + PAGES, 0)
    pages = Counter(site.paths())
    assert max(times for path, times in pages.items() if path != "/") <= 2  # the one in hand is asked for again
