"""A person takes over while the AI is answering: whatever moment it is, nothing of the AI leaves once `take_over` returned."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from db.settings import get_settings
from flows.actions import give_back, take_over
from flows.worker import Worker
from nodes.contract import ChatMessage, Completion
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModels, Rig
from tests.ports import until

CONVERSATIONS = 50
ROUNDS = 20
AT_ONCE = 6


@dataclass
class EchoModel:
    """Answers with the question after a moment of thought, so that every reply names what it answers."""

    name: str = "echo"
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        json_schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        threading.Event().wait(self.chance.uniform(0, 0.03))
        asked = [message.content for message in messages if message.role == "user"]
        return Completion(asked[-1], self.name)


@pytest.fixture
def twin() -> Iterator[TwilioTwin]:
    with TwilioTwin() as twin:
        twin.delay_seconds = 0.05  # long enough to be overtaken in
        yield twin


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setenv("FRONTDESK_LIMIT_CONTACT_SECONDS", "0")
    get_settings.cache_clear()
    rig = Rig(twin.base_url)
    rig.publish()
    worker = Worker(FakeModels(EchoModel()))
    worker.start()
    yield rig
    worker.stop()


class Race:
    """One conversation after the other, question by question, each overtaken at a random moment."""

    def __init__(self, rig: Rig, twin: TwilioTwin) -> None:
        self._rig, self._twin = rig, twin
        self._user = rig.user()
        self.returned: dict[str, float] = {}  # question -> when take_over returned
        self._usual_seconds = 0.1

    def run(self, number: int) -> None:
        """All rounds of one conversation."""
        sender, chance = f"+1415555{1000 + number}", random.Random(number)
        conversation = self._first_answer(sender, number)
        for place in range(ROUNDS):
            question = f"question-{number:03d}-{place:02d}"
            self._rig.receive_sms(question, sender)
            time.sleep(chance.uniform(0, 1.6 * self._usual_seconds))  # the moment of the take-over, not a wait
            take_over(self._rig.workspace, conversation, self._user)
            self.returned[question] = time.monotonic()
            until(lambda: not self._open_work(sender, conversation), 30)  # what arrives late is the person's as well
            give_back(self._rig.workspace, conversation, self._user)

    def _open_work(self, sender: str, conversation: UUID) -> int:
        [found] = self._rig.query(
            """SELECT (SELECT count(*) FROM events_queue WHERE order_key LIKE %(key)s AND state IN ('pending', 'processing'))
                    + (SELECT count(*) FROM runs WHERE conversation_id = %(id)s AND state IN ('pending', 'running', 'waiting'))
                    + (SELECT count(*) FROM outbox WHERE conversation_id = %(id)s AND state IN ('pending', 'sending')) AS n""",
            key=f"%{sender}",
            id=conversation,
        )
        return int(found["n"])

    def _first_answer(self, sender: str, number: int) -> UUID:
        """Make the conversation; also shows how long an answer takes here and now."""
        began, greeting = time.monotonic(), f"greeting-{number:03d}"
        self._rig.receive_sms(greeting, sender)
        until(lambda: self.arrived(greeting), 60)
        self._usual_seconds = 0.8 * self._usual_seconds + 0.2 * min(time.monotonic() - began, 0.5)
        [found] = self._rig.query("SELECT id FROM conversations WHERE address = %(address)s", address=sender)
        conversation: UUID = found["id"]
        return conversation

    def arrived(self, text: str) -> list[float]:
        """When replies to this question reached the twin."""
        return [message.monotonic for message in self._twin.sent if text in message.body]


def test_after_a_thousand_take_overs_no_ai_message_leaves_once_take_over_returned(rig: Rig, twin: TwilioTwin) -> None:
    race = Race(rig, twin)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(race.run, range(CONVERSATIONS)))
    arrivals: dict[str, list[float]] = {}
    for message in twin.sent:
        arrivals.setdefault(message.body, []).append(message.monotonic)
    late = [
        question
        for question, returned in race.returned.items()
        for body, times in arrivals.items()
        if question in body and any(at > returned for at in times)
    ]
    replied = sum(any(question in body for body in arrivals) for question in race.returned)
    print(
        f"{len(race.returned)} take-overs: {replied} after the reply, {len(race.returned) - replied} before it, {len(late)} late replies"
    )
    assert len(race.returned) == CONVERSATIONS * ROUNDS == 1000
    assert late == []
    assert 50 < replied < 950  # else it was no race
