"""Versions are switched every second while 20 messages a second come in: each is handled by exactly one version, none is lost."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from uuid import UUID

import pytest

from flows import drafts
from flows.automation import Automation
from flows.publish import publish
from flows.worker import Worker
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModel, FakeModels, Rig
from tests.waiting import until

SECONDS, PER_SECOND, VERSIONS = 6, 20, 6

DOCUMENT = {
    "format": 1,
    "name": "Answer",
    "description": "",
    "steps": [
        {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
        {"id": "send", "node": "send_message@1", "config": {"text": "Version 1 heard: {{message.text}}"}},
    ],
}


@pytest.fixture
def twin() -> Iterator[TwilioTwin]:
    with TwilioTwin() as twin:
        yield twin


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin) -> Rig:
    return Rig(twin.base_url)


@pytest.fixture
def worker() -> Iterator[Worker]:
    started = Worker(FakeModels(FakeModel()))
    started.start()
    yield started
    started.stop()


def switch(rig: Rig, automation: UUID, number: int) -> None:
    """Publish another text."""
    document = deepcopy(DOCUMENT)
    document["steps"][1]["config"]["text"] = f"Version {number} heard: {{{{message.text}}}}"  # type: ignore[index]
    seen = drafts.load(rig.workspace, automation).revision
    drafts.save(rig.workspace, None, automation, Automation.model_validate(document), seen)
    assert publish(rig.workspace, automation, None, f"Number {number}") == number


def test_each_message_is_answered_once_by_one_version_and_none_is_lost(
    rig: Rig, twin: TwilioTwin, worker: Worker
) -> None:
    automation = rig.publish(DOCUMENT)
    began = time.monotonic()

    def write() -> None:
        for number in range(SECONDS * PER_SECOND):
            until(lambda number=number: time.monotonic() - began >= number / PER_SECOND, SECONDS * 4)  # type: ignore[misc]
            rig.receive_sms(f"Message {number}", sender=f"+1415556{number:04d}")

    writing = threading.Thread(target=write)
    writing.start()
    for number in range(2, VERSIONS + 1):
        until(lambda number=number: time.monotonic() - began >= number - 1, SECONDS * 4)  # type: ignore[misc]
        switch(rig, automation, number)
    writing.join()
    expected = SECONDS * PER_SECOND
    until(lambda: len(twin.sent) >= expected, seconds=60)
    until(lambda: rig.query("SELECT FROM outbox WHERE state IN ('pending', 'sending')") == [], seconds=60)
    until(lambda: rig.query("SELECT FROM runs WHERE state IN ('pending', 'running', 'waiting')") == [], seconds=60)

    heard = Counter(sent.body.split("heard: ")[1] for sent in twin.sent)
    assert heard == Counter(f"Message {number}" for number in range(expected))  # each once, none lost
    told = rig.query(
        """SELECT v.number, m.content FROM runs r JOIN automation_versions v ON v.id = r.version_id
           JOIN messages m ON m.run_id = r.id AND m.direction = 'out'"""
    )
    assert len(told) == expected
    assert all(
        row["content"].startswith(f"Version {row['number']} heard") for row in told
    )  # the run's own version spoke
    used = Counter(row["number"] for row in told)
    assert len(used) >= VERSIONS - 1, used
    assert rig.query("SELECT FROM events_queue WHERE state <> 'done'") == []
    # A later message is never handled by an earlier version than the one that was live before it came.
    by_arrival = rig.query(
        """SELECT v.number FROM runs r JOIN automation_versions v ON v.id = r.version_id JOIN events_queue e ON e.id = r.event_id
           ORDER BY e.seq"""
    )
    assert _falls_back([row["number"] for row in by_arrival]) <= 1


def _falls_back(numbers: list[int]) -> int:
    """By how many versions at most a message is behind one that came before it: two threads may cross each other at a switch."""
    highest, worst = 0, 0
    for number in numbers:
        highest = max(highest, number)
        worst = max(worst, highest - number)
    return worst
