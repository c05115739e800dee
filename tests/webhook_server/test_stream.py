import asyncio
import json
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from db import api_keys
from db.engine import system, transaction
from db.live import publish
from tests.db.builders import a_workspace
from tests.webhook_server.conftest import Site
from webhook_server.errors import Refusal
from webhook_server.hub import CLOSED, MOST_PER_WATCHER, QUEUE_LENGTH, RESYNC, Hub


class HandBell:
    """Rings when the test says so."""

    def __init__(self) -> None:
        self.ring: Callable[[str, str], None] = lambda channel, payload: None
        self.stopped = False

    def __call__(self, on_notice: Callable[[str, str], None]) -> "HandBell":
        self.ring = on_notice
        return self

    def start(self) -> None: ...

    def stop(self) -> None:
        self.stopped = True

    def notice(self, workspace: object, **ids: str) -> None:
        self.ring("frontdesk_live", json.dumps({"workspace": str(workspace), "topic": "message", **ids}))


def test_a_watcher_hears_its_workspace_only() -> None:
    async def scenario() -> None:
        bell, mine = HandBell(), uuid4()
        hub = Hub(bell)
        with hub.watch(mine, "key") as watch:
            bell.notice(uuid4(), conversation="theirs")
            bell.notice(mine, conversation="mine")

            heard = await watch.next(5)
            assert heard is not None and heard.ids == {"conversation": "mine"}
            assert await watch.next(0.01) is None
        assert hub.count() == 0

    asyncio.run(scenario())


def test_a_slow_watcher_is_dropped_with_a_resync() -> None:
    async def scenario() -> None:
        bell, workspace = HandBell(), uuid4()
        with Hub(bell).watch(workspace, "key") as watch:
            for _ in range(QUEUE_LENGTH + 1):
                bell.notice(workspace)
            await asyncio.sleep(0)  # the loop hands the notices out

            assert await watch.next(5) == RESYNC
            assert watch.over and await watch.next(5) == CLOSED

    asyncio.run(scenario())


def test_a_listener_that_connects_again_makes_everybody_read_again() -> None:
    async def scenario() -> None:
        bell = HandBell()
        with Hub(bell).watch(uuid4(), "key") as watch:
            bell.ring("frontdesk_live", "")
            assert await watch.next(5) == RESYNC
            bell.ring("frontdesk_live", "not json")
            assert await watch.next(0.01) is None and not watch.over

    asyncio.run(scenario())


def test_one_key_cannot_hold_every_stream() -> None:
    async def scenario() -> None:
        hub, workspace = Hub(HandBell()), uuid4()
        open_ones = [hub.watch(workspace, "key") for _ in range(MOST_PER_WATCHER)]
        for each in open_ones:
            each.__enter__()
        with pytest.raises(Refusal):
            hub.check_room("key")
        hub.check_room("another key")
        open_ones[0].__exit__(None, None, None)
        hub.check_room("key")

    asyncio.run(scenario())


def test_closing_ends_every_stream_and_the_listener() -> None:
    async def scenario() -> None:
        bell = HandBell()
        hub = Hub(bell)
        with hub.watch(uuid4(), "key") as watch:
            hub.close()
            assert await watch.next(5) == CLOSED
        assert bell.stopped

    asyncio.run(scenario())


def test_a_key_holder_sees_what_changes_in_its_workspace(site: Site) -> None:
    with system() as tx:
        other = a_workspace(tx)
    with site.http.stream("GET", "/api/stream", headers={"X-API-Key": site.key}) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: ready"
        _until(lines, "event: resync")  # the listener listens from here on
        with transaction(other) as tx:
            publish(tx, other, "message", conversation="theirs")
        with transaction(site.workspace) as tx:
            publish(tx, site.workspace, "handoff", handoff="h1")

        seen = _until(lines, "h1")
        assert 'data: {"handoff": "h1"}' in seen and not any("theirs" in line for line in seen)
        site.state.hub.close_soon()


def test_a_stream_needs_a_key(site: Site) -> None:
    with system() as tx:
        api_keys.make(tx, site.workspace, "another", "viewer")
    assert site.http.get("/api/stream").status_code == 401


def _until(lines: Iterator[str], text: str) -> list[str]:
    seen: list[str] = []
    for line in lines:
        assert not line.startswith(":"), f"a heartbeat came before {text!r}: {seen}"
        seen.append(line)
        if text in line:
            return seen
    raise AssertionError(f"the stream ended before {text!r}: {seen}")
