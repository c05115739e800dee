"""The hub: who is told what, and that a slow reader costs nothing."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID, uuid4

import psycopg
from sqlmodel import Session

from db.engine import configure, system
from db.live import publish
from tests.ports import until
from ui.live import MAX_PENDING, Hub, Subscription, as_events, start_listener


def notice(workspace: UUID, **told: str) -> str:
    return json.dumps({"workspace": str(workspace), "topic": "message", **told})


async def next_batch(subscription: Subscription) -> list[dict[str, str]]:
    async for batch in subscription.batches(5):
        return [json.loads(text) for text in batch]
    return []


def test_a_stream_gets_the_notices_of_its_workspace_only() -> None:
    async def scene() -> list[dict[str, str]]:
        hub, ours = Hub(), uuid4()
        subscription = hub.subscribe(ours)
        hub.on_notice("live", notice(uuid4(), conversation="theirs"))
        hub.on_notice("live", notice(ours, conversation="ours"))
        return await next_batch(subscription)

    assert asyncio.run(scene()) == [{"topic": "message", "conversation": "ours"}]


def test_equal_notices_are_one() -> None:
    async def scene() -> int:
        hub, ours = Hub(), uuid4()
        subscription = hub.subscribe(ours)
        for _ in range(20):
            hub.on_notice("live", notice(ours, conversation="c"))
        return len(await next_batch(subscription))

    assert asyncio.run(scene()) == 1


def test_a_reader_that_fell_behind_is_told_to_read_everything_anew() -> None:
    async def scene() -> list[dict[str, str]]:
        hub, ours = Hub(), uuid4()
        subscription = hub.subscribe(ours)
        for number in range(MAX_PENDING + 1):
            hub.on_notice("live", notice(ours, conversation=str(number)))
        return await next_batch(subscription)

    assert asyncio.run(scene()) == [{"topic": "all"}]


def test_a_new_connection_to_postgres_tells_every_stream() -> None:
    async def scene() -> list[dict[str, str]]:
        hub = Hub()
        subscription = hub.subscribe(uuid4())
        hub.on_notice("live", "")
        return await next_batch(subscription)

    assert asyncio.run(scene()) == [{"topic": "all"}]


def test_closing_the_hub_ends_the_streams() -> None:
    async def scene() -> list[list[str]]:
        hub = Hub()
        subscription = hub.subscribe(uuid4())
        asyncio.get_running_loop().call_soon(hub.close)
        return [batch async for batch in subscription.batches(5)]

    assert asyncio.run(scene()) == []


def test_a_quiet_stream_has_a_heartbeat() -> None:
    async def scene() -> list[str]:
        subscription = Hub().subscribe(uuid4())
        async for batch in subscription.batches(0.01):
            return batch
        return ["ended"]

    assert asyncio.run(scene()) == []
    assert as_events([]).startswith(":")


def test_a_committed_change_reaches_the_hub(database_url: str) -> None:
    configure(database_url)
    heard: list[str] = []
    listener = start_listener(lambda _channel, payload: heard.append(payload))
    try:
        assert listener.connected.wait(10)
        workspace = uuid4()
        with system() as tx:
            publish(tx, workspace, "handoff", conversation="c")
            assert _no_notice_yet(heard, tx)
        until(lambda: any(json.loads(text)["topic"] == "handoff" for text in heard if text), what="the notice")
    finally:
        listener.stop()
        _ring(database_url)
        listener.join(5)


def _no_notice_yet(heard: list[str], _tx: Session) -> bool:
    return not any("handoff" in text for text in heard)


def _ring(url: str) -> None:
    """Wake the listener, so that it sees at once that it should stop."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_notify('frontdesk_live', '')")
