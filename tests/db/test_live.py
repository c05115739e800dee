import json
import queue
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from db.engine import run, system, transaction
from db.live import LIVE, WORK, Listener, publish, ring

PATIENCE = 15.0  # seconds; a notice takes milliseconds


class Heard:
    """Remembers what a listener was told; `failing` makes the next calls raise."""

    def __init__(self) -> None:
        self.notices: queue.Queue[tuple[str, str]] = queue.Queue()
        self.failing = 0

    def __call__(self, channel: str, payload: str) -> None:
        self.notices.put((channel, payload))
        if self.failing:
            self.failing -= 1
            raise RuntimeError("the handler is broken")

    def next(self) -> tuple[str, str]:
        return self.notices.get(timeout=PATIENCE)


@pytest.fixture
def heard(database: str) -> Iterator[Heard]:
    heard = Heard()
    listener = Listener([WORK, LIVE], heard)
    listener.start()
    assert [heard.next(), heard.next()] == [(WORK, ""), (LIVE, "")]
    yield heard
    listener.stop()
    listener.join(PATIENCE)
    assert not listener.is_alive()


def test_notices_come_when_the_transaction_commits_and_equal_ones_once(heard: Heard, workspace: UUID) -> None:
    conversation = uuid4()
    with transaction(workspace) as tx:
        ring(tx, "event")
        ring(tx, "event")
        publish(tx, workspace, "message", conversation=conversation)
        assert heard.notices.empty()
    assert heard.next() == (WORK, "event")
    channel, payload = heard.next()
    assert channel == LIVE
    assert json.loads(payload) == {"workspace": str(workspace), "topic": "message", "conversation": str(conversation)}


def test_nothing_is_heard_of_what_was_rolled_back(heard: Heard, workspace: UUID) -> None:
    with pytest.raises(RuntimeError), transaction(workspace) as tx:
        ring(tx, "lost")
        raise RuntimeError
    with transaction(workspace) as tx:
        ring(tx, "kept")
    assert heard.next() == (WORK, "kept")


def test_after_its_connection_was_ended_it_listens_again_and_says_so(heard: Heard) -> None:
    with system() as tx:
        assert run(tx, _END_LISTENERS) == 1
    assert [heard.next(), heard.next()] == [(WORK, ""), (LIVE, "")]
    with system() as tx:
        ring(tx, "event")
    assert heard.next() == (WORK, "event")


def test_a_handler_that_fails_does_not_make_the_process_deaf(heard: Heard) -> None:
    heard.failing = 1
    for kind in ("first", "second"):
        with system() as tx:
            ring(tx, kind)
    assert [heard.next(), heard.next()] == [(WORK, "first"), (WORK, "second")]


_END_LISTENERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%%' AND pid <> pg_backend_pid()
"""
