"""The trainer takes jobs at once, shows them in Prefect, keeps the schedules there, and may be killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db.settings import get_settings
from flows import schedules, training
from flows.trainer import Trainer
from flows.training import Website
from tests.fakes.site_twin import SiteTwin
from tests.flows.prefect_server import PrefectServer
from tests.flows.training_rig import TrainingRig
from tests.ports import until

WORDS = "<p>We are glad to help you with it in our workshop on Main Street, on every day of the week.</p>"
ROOT = Path(__file__).parent.parent.parent
NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


@pytest.fixture
def rig(database_url: str) -> TrainingRig:
    return TrainingRig()


@pytest.fixture
def site() -> Iterator[SiteTwin]:
    with SiteTwin() as twin:
        paths = [f"/page-{number}" for number in range(30)]
        for number, path in enumerate(paths):
            sections = "".join(
                f"<h2>Part {part}</h2><p>Number {number}-{part} costs ${number}{part}.</p>{WORDS}" for part in range(4)
            )
            twin.page(path, f"Page {number}", sections, links=[f"/page-{max(0, number - 1)}"])
        twin.page("/", "Home", WORDS, links=paths)
        yield twin


@contextmanager
def trainer_process(database_url: str, path: Path, last_call: int) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "DATABASE_URL": database_url}
    command = [sys.executable, "-m", "tests.flows.trainer_process", str(path), str(last_call)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_trainer_that_is_killed_in_mid_crawl_is_followed_by_one_that_embeds_nothing_twice(
    rig: TrainingRig, site: SiteTwin, database_url: str, tmp_path: Path
) -> None:
    embedded = tmp_path / "embedded"
    added = training.add_website(rig.workspace, rig.actor, Website(site.url("/"), "Shop"))
    rig.configure(added.source, pause_seconds=0.02)
    for last_call in (4, 3):
        with trainer_process(database_url, embedded, last_call) as process:
            assert process.wait(60) == -signal.SIGKILL
            assert rig.job(added.source).state == "working"  # for all anybody knows
    with trainer_process(database_url, embedded, 0):
        until(lambda: rig.job(added.source).state == "done", 60, "the crawl is done")
    texts = Counter(line.partition(" ")[2] for line in lines(embedded))
    twice = [text for text, times in texts.items() if times > 1]
    assert len({line.partition(" ")[0] for line in lines(embedded)}) == 3  # processes that embedded
    assert twice == []
    assert [line.reason for line in rig.documents(added.source).values() if line.state != "indexed"] == []
    assert rig.line(added.source).indexed == 31
    assert rig.line(added.source).passages == 1 + 30 * 4
    assert len(texts) == 1 + 30 * 4 + 5  # with the headings: Home, Part 0, Part 1 ...
    job = rig.job(added.source)
    assert (job.indexed, job.embedded) == (31, len(texts))
    pages = Counter(site.paths())
    assert (
        max(times for path, times in pages.items() if path != "/") <= 3
    )  # at most the page in hand at each kill is read again


@pytest.fixture
def shown(rig: TrainingRig, prefect: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trainer]:
    monkeypatch.setenv("PREFECT_API_URL", prefect.api_url)
    get_settings.cache_clear()
    trainer = Trainer(lambda: rig.tools)
    trainer.start()
    yield trainer
    trainer.stop()


def test_what_is_asked_for_begins_at_once_and_is_a_flow_run(
    rig: TrainingRig, shown: Trainer, prefect: PrefectServer
) -> None:
    added = training.add_text(rig.workspace, rig.actor, "Price list", "# Prices\n\nA wash costs $15.\n")
    until(lambda: rig.job(added.source).state == "done", 30, "the job is done")
    job = rig.job(added.source)
    assert job.started_at is not None
    assert (job.started_at - job.created_at).total_seconds() < 2
    until(
        lambda: prefect.flow_runs("Price list") and prefect.flow_runs("Price list")[0]["state_type"] == "COMPLETED", 30
    )
    [run] = prefect.flow_runs("Price list")
    until(lambda: str(rig.job(added.source).prefect_run_id) == run["id"], 10, "the job knows its flow run")
    assert run["state"]["message"] == "Looked at 1: 1 new or changed. Passages: 1 added, 0 removed."


def test_a_job_that_fails_shows_as_failed(
    rig: TrainingRig, shown: Trainer, prefect: PrefectServer, site: SiteTwin
) -> None:
    added = training.add_website(rig.workspace, rig.actor, Website(site.url("/nowhere"), "Lost shop"))
    until(lambda: rig.job(added.source).state == "failed", 30)
    until(lambda: prefect.flow_runs("Lost shop") and prefect.flow_runs("Lost shop")[0]["state_type"] == "FAILED", 30)
    assert "The page is not there" in prefect.flow_runs("Lost shop")[0]["state"]["message"]


def test_without_prefect_the_work_is_done_all_the_same(rig: TrainingRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    get_settings.cache_clear()
    trainer = Trainer(lambda: rig.tools)
    trainer.start()
    try:
        added = training.add_text(rig.workspace, rig.actor, "Price list", "# Prices\n\nA wash costs $15.\n")
        until(lambda: rig.job(added.source).state == "done", 30, "the job is done")
    finally:
        trainer.stop()


def test_a_trainer_that_stops_gives_its_job_back_for_the_next_one(rig: TrainingRig, site: SiteTwin) -> None:
    added = training.add_website(rig.workspace, rig.actor, Website(site.url("/"), "Shop"))
    rig.configure(added.source, pause_seconds=0.2)
    first = Trainer(lambda: rig.tools, show=False)
    first.start()
    until(lambda: rig.embedder.asked, 30, "the crawl is under way")
    first.stop()
    job = rig.job(added.source)
    assert job.state == "pending"
    rig.configure(added.source, pause_seconds=0)
    rig.work()
    assert rig.job(added.source).state == "done"
    assert len(rig.embedder.asked) == len(set(rig.embedder.asked))


def deployment(prefect: PrefectServer) -> str:
    """The deployment as the served process makes it."""
    flow = prefect.ask("/flows/", {"name": "crawl-source"})
    made = prefect.ask(
        "/deployments/",
        {"name": "crawl-source", "flow_id": flow["id"], "entrypoint": "flows.crawl_source.crawl_source"},
    )
    return str(made["id"])


def test_a_schedule_set_on_the_page_becomes_one_of_the_deployment_and_goes_with_its_source(
    rig: TrainingRig, shown: Trainer, prefect: PrefectServer, site: SiteTwin
) -> None:
    deployed = deployment(prefect)

    def there() -> list[dict[str, object]]:
        found: list[dict[str, object]] = prefect.ask(f"/deployments/{deployed}/schedules")
        return found

    added = training.add_website(rig.workspace, rig.actor, Website(site.url("/"), "Shop", max_pages=1))
    schedule = schedules.set_schedule(rig.workspace, rig.actor, added.source, "every Monday at 6:00", NOW)
    assert (schedule.words, schedule.next_run) == ("every Monday at 6:00", datetime(2026, 11, 23, 6, 0, tzinfo=UTC))
    until(lambda: len(there()) == 1, 20, "Prefect has the schedule")
    [made] = there()
    assert (made["slug"], made["active"], made["parameters"]) == (
        str(added.source),
        True,
        {"source": str(added.source)},
    )
    assert made["schedule"]["cron"] == "0 6 * * 1"  # type: ignore[index]
    until(
        lambda: (found := schedules.of(rig.line(added.source), NOW)) is not None and found.active, 20, "the page knows"
    )
    schedules.set_schedule(rig.workspace, rig.actor, added.source, "every day at 18:30", NOW)
    until(lambda: [each["schedule"]["cron"] for each in there()] == ["30 18 * * *"], 20, "the change is there")  # type: ignore[index]
    prefect.ask(f"/deployments/{deployed}/schedules")
    training.delete_source(rig.workspace, rig.actor, added.source)
    until(lambda: there() == [], 20, "it goes with its source")
