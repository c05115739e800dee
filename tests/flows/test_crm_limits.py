"""The limit of a location, over several processes and with a provider whose answers come early and late."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from db import engine, slots
from db.engine import system
from db.settings import get_settings
from flows.crm_limits import SharedLimit
from nodes.errors import Throttled
from tests.fakes.ghl_twin import GhlTwin
from tests.flows.crm_desk import Desk, by_token
from tests.ports import until

ROOT = Path(__file__).parents[2]


@contextmanager
def processes(
    database: str, desk: Desk, what: str, times: int, count: int = 3
) -> Iterator[list[subprocess.Popen[str]]]:
    """That many processes, ready to begin."""
    command = [sys.executable, "-m", "tests.flows.crm_process", database, str(desk.workspace), str(desk.connection)]
    started = [
        subprocess.Popen(
            [*command, what, str(times)], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(count)
    ]
    try:
        for each in started:
            assert each.stdout is not None and each.stdout.readline() == "ready\n"
        yield started
    finally:
        for each in started:
            each.kill()
            each.wait(10)


def begin(started: list[subprocess.Popen[str]], line: str = "") -> list[str]:
    """Let them all begin; what each said at its end."""
    for each in started:
        assert each.stdin is not None
        each.stdin.write(f"{line}\n")
        each.stdin.flush()
    return [each.communicate(timeout=100)[0].strip() for each in started]


def test_a_thousand_writes_from_three_processes_never_exceed_the_limit_in_any_window(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The true limit is 100 in 10 s, and 1,000 writes would take 100 s. Here both sides count 100 in 1.5 s instead: the
    same code, seven times as fast, which is harder to keep, since the machine's own delays are not seven times as short."""
    monkeypatch.setenv("FRONTDESK_LIMIT_GHL_BURST_SECONDS", "1.5")
    with GhlTwin(limit=100, window_seconds=1.5) as twin:
        desk, ana = by_token(twin), twin.add_contact(phone="+14155550123")["id"]
        with processes(database_url, desk, "tags", 334) as started:
            ends = begin(started, ana)
        writes = twin.calls("POST", f"/contacts/{ana}/tags")
    assert (ends, len(writes), twin.over_limit, twin.refused) == (["0"] * 3, 1002, 0, [])
    assert twin.busiest() <= 100


def test_close_to_the_whole_limit_gets_through(database_url: str) -> None:
    """The true window of 10 s: the first 100 calls leave at once, the others when the window has passed."""
    with GhlTwin(limit=100, window_seconds=10) as twin:
        client, ana = by_token(twin).client(), twin.add_contact(phone="+14155550123")["id"]
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda number: client.add_tags(ana, [f"tag {number}"]), range(110)))
        moments = [each.monotonic for each in twin.asked]
    assert (len(moments), twin.over_limit, twin.busiest()) == (110, 0, 100)
    assert 10 <= moments[100] - moments[0] < 12


def take(key: str, window: float, longest: float = 60) -> tuple[int | None, float]:
    with system() as tx:
        return slots.take(tx, key, 1, window, longest)


def test_a_call_counts_while_it_runs_and_a_whole_window_longer(database_url: str) -> None:
    """A provider that is slow receives a call late: only its answer says that the window has begun at the latest."""
    first = take("slow", 1000)[0]
    assert first is not None and take("slow", 1000)[0] is None
    with system() as tx:
        slots.give_back(tx, first, 1000)
    slot, wait = take("slow", 1000)
    assert slot is None and 900 < wait <= 1000


def test_a_slot_is_free_when_the_window_has_passed(database_url: str) -> None:
    first = take("quick", 0.02)[0]
    assert first is not None
    with system() as tx:
        slots.give_back(tx, first, 0.02)
    until(lambda: take("quick", 0.02)[0] is not None, what="the slot is free")


def test_a_slot_that_is_never_given_back_is_free_after_its_longest_time(database_url: str) -> None:
    assert take("lost", 0.01, 0.05)[0] is not None
    until(lambda: take("lost", 0.01)[0] is not None, what="the slot is free")


def test_after_a_429_all_processes_wait(database_url: str) -> None:
    with GhlTwin() as twin:
        desk = by_token(twin)
        twin.break_with(status=429, retry_after="30")
        with pytest.raises(Throttled):
            desk.client().location()
        with pytest.raises(Throttled) as caught:
            desk.client(patience_seconds=0).location()
        assert len(twin.asked) == 1
        assert 25 < caught.value.retry_after_seconds <= 30


def test_the_day_has_a_limit_too(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_LIMIT_GHL_PER_DAY", "2")
    with GhlTwin() as twin:
        client = by_token(twin).client(patience_seconds=0)
        client.location()
        client.location()
        with pytest.raises(Throttled) as caught:
            client.location()
        assert len(twin.asked) == 2 and caught.value.retry_after_seconds > 80_000


def test_zero_is_no_limit(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_LIMIT_GHL_BURST", "0")
    with GhlTwin(limit=10_000) as twin:
        client = by_token(twin).client(patience_seconds=0)
        for _ in range(105):
            client.location()
        assert len(twin.asked) == 105


def test_what_was_done_counts_though_the_database_went_away_meanwhile(database_url: str) -> None:
    with GhlTwin() as twin:
        desk = by_token(twin)
        limit = SharedLimit(desk.workspace, twin.location_id, 0)
        assert get_settings().limit_ghl_burst == 100
        with limit.one_call():
            engine.dispose()
            engine.configure("postgresql://nobody@127.0.0.1:9/none")
        engine.configure(database_url)
