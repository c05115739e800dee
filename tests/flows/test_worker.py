"""Workers: woken by the database, each thing done once however many there are, everything given back at the end."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from db import deliveries, events, runs
from db.engine import run, system
from flows.worker import Worker
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModel, FakeModels, Rig
from tests.waiting import until


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin) -> Rig:
    rig = Rig(twin.base_url)
    rig.publish()
    return rig


@pytest.fixture
def start() -> Iterator[Callable[[FakeModel], Worker]]:
    started: list[Worker] = []

    def start(model: FakeModel) -> Worker:
        worker = Worker(FakeModels(model))
        worker.start()
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.stop()


def test_two_workers_answer_every_message_once(
    rig: Rig, twin: TwilioTwin, start: Callable[[FakeModel], Worker]
) -> None:
    model = FakeModel()
    start(model)
    start(model)
    senders = [f"+1415555{number:04d}" for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda sender: rig.receive_sms("Hello?", sender=sender), senders))
    until(lambda: len(twin.sent) >= 60, seconds=60)
    until(lambda: rig.query("SELECT FROM outbox WHERE state <> 'done'") == [])
    assert Counter(sent.to for sent in twin.sent) == Counter(senders)


def test_a_stopping_worker_finishes_what_it_began(
    rig: Rig, twin: TwilioTwin, start: Callable[[FakeModel], Worker]
) -> None:
    thinking, think_on = threading.Event(), threading.Event()

    def think() -> None:
        thinking.set()
        think_on.wait(20)

    model = FakeModel(meanwhile=[think])
    worker = start(model)
    rig.receive_sms("Hello?")
    assert thinking.wait(20)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    think_on.set()
    stopping.join(20)
    assert rig.query("SELECT state FROM runs") == [{"state": "done"}]
    assert rig.query("SELECT FROM events_queue WHERE state = 'processing'") == []


def test_what_a_stopping_worker_cannot_finish_is_given_back(rig: Rig, start: Callable[[FakeModel], Worker]) -> None:
    thinking, never = threading.Event(), threading.Event()

    def think() -> None:
        thinking.set()
        never.wait(30)

    model = FakeModel(meanwhile=[think])
    worker = start(model)
    rig.receive_sms("Hello?")
    assert thinking.wait(20)
    worker.stop()
    [given_back] = rig.query("SELECT state, attempts, lease_until FROM runs")
    never.set()
    assert given_back == {"state": "waiting", "attempts": 0, "lease_until": None}


def test_effects_that_were_not_begun_go_back_in_line_when_a_worker_stops(
    rig: Rig, twin: TwilioTwin, start: Callable[[FakeModel], Worker]
) -> None:
    twin.delay_seconds = 0.7
    worker = start(FakeModel())
    for number in range(30):
        rig.receive_sms("Hello?", sender=f"+1415555{number:04d}")
    until(lambda: len(rig.query("SELECT FROM outbox WHERE state = 'sending'")) > 6, seconds=60)
    worker.stop()
    states = {row["state"] for row in rig.query("SELECT DISTINCT state FROM outbox")}
    assert states <= {"done", "pending"}
    assert rig.query("SELECT FROM messages WHERE state IN ('sending', 'unknown')") == []


def test_one_event_of_a_conversation_at_a_time_and_in_order(rig: Rig) -> None:
    for text in ("one", "two", "three"):
        rig.receive_sms(text)
    rig.receive_sms("other", sender="+14155559999")
    with system() as first:
        mine = events.claim(first, "a", 60, 10)
        with system() as second:
            theirs = events.claim(second, "b", 60, 10)
    assert len(mine) == 2, "the first of each sender"
    assert theirs == []


def test_two_connections_never_claim_the_same_effect(rig: Rig) -> None:
    for number in range(20):
        rig.receive_sms("Hello?", sender=f"+1415555{number:04d}")
    rig.engine = type(rig.engine)(rig.owner, FakeModels(FakeModel()))
    rig.take_in()
    rig.execute()
    claimed: list[object] = []

    def claim(owner: str) -> None:
        while True:
            with system() as tx:
                rows = deliveries.claim(tx, owner, 60, 3)
            if not rows:
                return
            claimed.extend(row.id for row in rows)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(claim, "abcd"))
    assert len(claimed) == len(set(claimed)) == 20


def test_runs_of_one_conversation_and_automation_never_overlap(rig: Rig) -> None:
    rig.receive_sms("Hello?")
    rig.take_in()
    [working] = rig.claim_runs()
    rig.receive_sms("Are you there?")
    rig.take_in()
    assert rig.claim_runs() == []
    with system() as tx:
        runs.finish(tx, working.id, "done", "")
    assert len(rig.claim_runs()) == 1


def test_a_worker_goes_on_after_postgres_threw_it_out(
    rig: Rig, twin: TwilioTwin, start: Callable[[FakeModel], Worker]
) -> None:
    start(FakeModel())
    rig.receive_sms("Hello?")
    # What is on its way just then waits for its lease, and what follows it in its line waits too.
    until(lambda: rig.query("SELECT 1 FROM outbox WHERE state = 'done'"), seconds=30)
    with system() as tx:
        run(
            tx,
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()""",
        )
    with system() as tx:
        run(tx, "UPDATE conversations SET last_ai_reply_at = NULL")
    rig.receive_sms("And on Sunday?")
    until(lambda: len(twin.sent) == 2, seconds=30)
