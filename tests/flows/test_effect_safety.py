"""Nothing can leave a test: a step that returns every effect there is, tried in every way, performs none of them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, Field

from db.engine import run as execute
from db.engine import transaction
from db.views import results
from flows import backtest, drafts
from flows.automation import Automation
from flows.publish import publish
from flows.reach import reach
from flows.trial import PastMessage, Sample, Typed, trial
from nodes import registry
from nodes.contract import Context, Pause, Result, Settings, Values, node
from nodes.effects import EFFECT_KINDS, Effect, SendMessage, Template
from tests.db.builders import a_contact, a_conversation, a_message
from tests.flows.rig import FakeModels, Rig

TABLES = (
    "messages",
    "outbox",
    "runs",
    "run_steps",
    "handoffs",
    "contacts",
    "conversations",
    "events_queue",
    "decisions",
)
# What a field of an effect may be; an effect with another field needs a line here.
_SAMPLES: dict[str, Any] = {
    "text": "Hello", "reason_code": "other", "reason": "Because.", "via": "email", "subject": "Look",
    "fields": {"name": "Lena"}, "title": "Call back", "due_at": datetime(2030, 1, 1, tzinfo=UTC), "body": "Noted.",
    "pipeline_id": "p1", "calendar_id": "c1", "start": datetime(2030, 1, 1, tzinfo=UTC), "method": "POST",
    "url": "http://127.0.0.1:9/", "automation_id": str(uuid4()),
}  # fmt: skip


def _made(kind: type[BaseModel]) -> Any:
    wanted = [name for name, info in kind.model_fields.items() if info.is_required() and name != "kind"]
    return kind.model_validate({name: _SAMPLES[name] for name in wanted})


TEMPLATE = Template(id="HX1", name="hello", text="Hello again")
EVERYTHING: tuple[Effect, ...] = (
    *(_made(kind) for kind in EFFECT_KINDS.values()),
    SendMessage(text="Hello", template=TEMPLATE),
)


class Config(Settings):
    wait_first: bool = Field(default=False, description="Pause before, with the same effects.")


class Input(Values):
    """It takes nothing."""


class Output(Values):
    done: bool = Field(description="Whether it ran.")


@node("everything", title="Everything", group="out", icon="bomb", sample=Input(), effects=tuple(EFFECT_KINDS))
def run(config: Config, input: Input, ctx: Context) -> Result[Output] | Pause:
    if config.wait_first and ctx.paused_since is None:
        return Pause(ctx.now.replace(year=ctx.now.year + 1), "Waits a year.", EVERYTHING)
    return Result(Output(done=True), EVERYTHING)


DOCUMENT: dict[str, Any] = {
    "name": "Everything",
    "steps": [
        {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
        {"id": "wait", "node": "everything@1", "config": {"wait_first": True}},
        {"id": "all", "node": "everything@1"},
    ],
}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._SPECS, "everything@1", run.spec)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """No connection is opened but that of the database driver, which does not use Python's sockets."""
    opened: list[Any] = []

    def refuse(self: socket.socket, address: Any) -> None:
        opened.append(address)
        raise AssertionError(f"Something wanted to connect to {address}.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    yield opened
    assert opened == []


@pytest.fixture
def rig(database_url: str) -> Rig:
    return Rig()


@pytest.fixture
def message(rig: Rig) -> UUID:
    with transaction(rig.workspace) as tx:
        conversation = a_conversation(tx, rig.workspace, a_contact(tx, rig.workspace, name="Lena Vogt"), rig.webchat)
        made = a_message(tx, rig.workspace, conversation, "Hello")
        execute(tx, "UPDATE conversations SET last_inbound_at = now() WHERE id = %(id)s", id=conversation)
    return made


def counted(rig: Rig) -> dict[str, int]:
    return {name: rig.query(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in TABLES}


def test_every_effect_is_covered() -> None:
    assert {effect.kind for effect in EVERYTHING} == set(EFFECT_KINDS)


@pytest.mark.parametrize("way", ["sample", "typed", "typed as a contact", "past"])
def test_a_trial_performs_none_and_tells_of_each(rig: Rig, message: UUID, way: str) -> None:
    [contact] = rig.query("SELECT id FROM contacts")
    cases: dict[str, Sample | Typed | PastMessage] = {
        "sample": Sample(),
        "typed": Typed("Hello"),
        "typed as a contact": Typed("Hello", "webchat", contact["id"]),
        "past": PastMessage(message),
    }
    before = counted(rig)
    found = trial(rig.workspace, Automation.model_validate(DOCUMENT), cases[way], models=FakeModels())
    assert found.outcome == "done", found.sentence
    assert [would.kind for would in found.would] == [effect.kind for effect in EVERYTHING] * 3
    assert all(would.sentence.startswith("Would ") for would in found.would)
    assert counted(rig) == before


def test_a_comparison_performs_none(rig: Rig, message: UUID) -> None:
    id = drafts.create(rig.workspace, None, name="Everything", document=Automation.model_validate(DOCUMENT))
    publish(rig.workspace, id, None)
    before = counted(rig)
    started = backtest.start(rig.workspace, None, id, days=7)
    assert backtest.work(started, models=FakeModels()) == ("done", "1 turn of 1 conversation: 1 the same.")
    with transaction(rig.workspace) as tx:
        [line] = results(tx, started)
    assert len(line.draft["changes"]) == 3 * (len(EFFECT_KINDS) - 3)  # beside messages, handoffs and notices
    assert counted(rig) == before


def test_a_look_at_the_reach_performs_none(rig: Rig, message: UUID) -> None:
    before = counted(rig)
    assert reach(rig.workspace, Automation.model_validate(DOCUMENT), step_id="all").caught == 1
    assert counted(rig) == before


def test_a_live_run_of_the_same_would_have_done_it(rig: Rig) -> None:
    """The other half of the claim: it is the test that holds it back, not the step."""
    document = {**DOCUMENT, "steps": [DOCUMENT["steps"][0], DOCUMENT["steps"][2]]}
    rig.publish(document)
    rig.receive_sms("Hello")
    rig.take_in()
    rig.execute()
    kinds = {row["kind"] for row in rig.query("SELECT effect->>'kind' AS kind FROM outbox")}
    assert {"send_message", "notify_people"} <= kinds
    assert len(rig.query("SELECT FROM handoffs")) == 1
