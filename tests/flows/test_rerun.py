"""A failed run goes on where it failed: kept results stay, nothing is said twice, and a person who came meanwhile keeps the word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from db.engine import run, system
from flows import actions
from flows.actions import ActionRefused
from flows.engine import Engine
from flows.rerun import rerun, rerun_many
from nodes.errors import NotSent, Rejected
from tests.db.builders import a_run, a_user, a_workspace, an_automation
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModel, FakeModels, Rig
from tests.flows.test_waiting_runs import ASKING, hurry


@dataclass
class BrokenEmbedder:
    """Refuses as often as told, and remembers how often it was asked."""

    refusals: int = 1
    model: str = "fake-embedder"
    asked: int = 0
    texts: list[str] = field(default_factory=list)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += 1
        if self.refusals:
            self.refusals -= 1
            raise Rejected("no_credit", "The account has no credit.")
        return [[1.0] + [0.0] * 1535 for _ in texts]


TWO_WORDS: dict[str, Any] = {
    "format": 1,
    "name": "Looks it up",
    "steps": [
        {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
        {"id": "first", "node": "send_message@1", "config": {"text": "One moment."}},
        {"id": "reply", "node": "generate@1", "input": {"message": "message.text"}},
        {"id": "maybe", "node": "retrieve@1", "input": {"message": "message.text"}, "on_error": "continue"},
        {"id": "search", "node": "retrieve@1", "input": {"message": "message.text"}},
        {"id": "second", "node": "send_message@1", "input": {"text": "reply.text"}},
    ],
}


@pytest.fixture
def embedder() -> BrokenEmbedder:
    return BrokenEmbedder(refusals=2)


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin, embedder: BrokenEmbedder, model: FakeModel) -> Rig:
    """A run that said a first word and failed while it looked something up."""
    made = Rig(twin.base_url, model)
    model.meanwhile = [made.deliver]
    made.engine = Engine(made.owner, FakeModels(model, embedder))
    made.publish(TWO_WORDS)
    made.receive_sms("Do you have blue ones?")
    made.settle()
    return made


@pytest.fixture
def ana(rig: Rig) -> UUID:
    return rig.user()


def the_run(rig: Rig) -> UUID:
    [found] = rig.query("SELECT id FROM runs")
    id: UUID = found["id"]
    return id


def texts(twin: TwilioTwin) -> list[str]:
    return [message.body for message in twin.sent]


def states(rig: Rig) -> list[str]:
    return [row["state"] for row in rig.query("SELECT state FROM runs ORDER BY seq")]


def test_it_goes_on_from_the_failed_step_and_repeats_nothing(
    rig: Rig, ana: UUID, twin: TwilioTwin, model: FakeModel, embedder: BrokenEmbedder
) -> None:
    assert (texts(twin), states(rig)) == (["One moment."], ["failed"])
    rerun(rig.workspace, ana, the_run(rig))
    rig.settle()
    assert texts(twin) == ["One moment.", "We open at nine."]
    assert (len(model.asked), embedder.asked) == (1, 3)
    journal = rig.query("SELECT step_id, state FROM run_steps ORDER BY position")
    assert [(row["step_id"], row["state"]) for row in journal][-3:] == [
        ("maybe", "failed"),
        ("search", "done"),
        ("second", "done"),
    ]
    assert states(rig) == ["done"]


def test_the_request_for_a_person_stays_and_the_thread_says_who_did_it(rig: Rig, ana: UUID) -> None:
    rerun(rig.workspace, ana, the_run(rig))
    rig.settle()
    assert rig.query("SELECT state FROM handoffs") == [{"state": "pending"}]
    assert rig.conversation()["owner"] == "human"
    [note] = rig.query("SELECT content FROM messages WHERE direction = 'note' ORDER BY seq DESC LIMIT 1")
    assert note["content"] == "Ana Silva let the automation 'Looks it up' go on where it failed."
    assert {"action": "run.rerun"} in rig.query("SELECT action FROM audit_log")


def test_it_may_fail_again_and_go_on_again(rig: Rig, ana: UUID, twin: TwilioTwin, embedder: BrokenEmbedder) -> None:
    embedder.refusals = 1
    rerun(rig.workspace, ana, the_run(rig))
    rig.settle()
    assert states(rig) == ["failed"]
    assert len(rig.query("SELECT FROM handoffs")) == 1
    rerun(rig.workspace, ana, the_run(rig))
    rig.settle()
    assert texts(twin) == ["One moment.", "We open at nine."]


def test_a_run_without_a_failed_step_goes_on_too(rig: Rig, ana: UUID, twin: TwilioTwin, model: FakeModel) -> None:
    model.raises = [NotSent("No connection.")] * 3
    model.meanwhile = [rig.deliver]
    rig.receive_sms("Hello?", sender="+14155550177")
    rig.take_in()
    for _ in range(3):
        rig.execute()
        with system() as tx:
            run(tx, "UPDATE runs SET due_at = now() WHERE state = 'waiting'")
    [failed] = rig.query("SELECT id FROM runs WHERE outcome LIKE '%%No connection%%'")
    rerun(rig.workspace, ana, failed["id"])
    rig.settle()
    assert texts(twin)[1:] == ["One moment.", "We open at nine."]


def test_after_a_person_took_over_it_is_refused_in_words(rig: Rig, ana: UUID, twin: TwilioTwin) -> None:
    actions.take_over(rig.workspace, rig.conversation()["id"], ana)
    with pytest.raises(ActionRefused, match="Ana Silva has this conversation since"):
        rerun(rig.workspace, ana, the_run(rig))
    actions.give_back(rig.workspace, rig.conversation()["id"], ana)
    with pytest.raises(ActionRefused, match="changed hands since"):
        rerun(rig.workspace, ana, the_run(rig))
    rig.settle()
    assert (texts(twin), states(rig)) == (["One moment."], ["failed"])


def test_a_person_who_takes_over_while_it_goes_on_has_the_word(rig: Rig, ana: UUID, twin: TwilioTwin) -> None:
    rerun(rig.workspace, ana, the_run(rig))
    actions.take_over(rig.workspace, rig.conversation()["id"], ana)
    rig.settle()
    assert (texts(twin), states(rig)) == (["One moment."], ["cancelled"])


@pytest.mark.parametrize(
    ("state", "said"),
    [("done", "This one is done"), ("running", "at work"), ("superseded", "newer message")],
)
def test_only_a_failed_run_goes_on(rig: Rig, ana: UUID, state: str, said: str) -> None:
    with system() as tx:
        run(tx, "UPDATE runs SET state = %(state)s, epoch = (SELECT owner_epoch FROM conversations)", state=state)
    with pytest.raises(ActionRefused, match=said):
        rerun(rig.workspace, ana, the_run(rig))


def test_results_that_were_removed_are_not_taken_for_empty_ones(rig: Rig, ana: UUID) -> None:
    with system() as tx:
        run(tx, "UPDATE run_steps SET output = '{}'")
    with pytest.raises(ActionRefused, match="for a limited time"):
        rerun(rig.workspace, ana, the_run(rig))


def test_an_answer_that_comes_after_a_newer_one_is_refused(rig: Rig, ana: UUID) -> None:
    with system() as tx:
        run(tx, "UPDATE conversations SET answered_seq = 1000000")
        run(tx, "DELETE FROM outbox")
    with pytest.raises(ActionRefused, match="newer answer"):
        rerun(rig.workspace, ana, the_run(rig))


def test_a_step_that_failed_after_it_had_asked_goes_on_where_it_waited(
    database_url: str, twin: TwilioTwin, embedder: BrokenEmbedder
) -> None:
    rig = Rig(twin.base_url, FakeModel())
    rig.publish(ASKING)
    rig.receive_sms("Hello")
    rig.settle()
    rig.receive_sms("ana@example.com")
    rig.take_in()
    broken = {**ASKING, "steps": [dict(step, config={"question": " "}) if step["id"] == "mail" else step for step in ASKING["steps"]]}  # fmt: skip
    for document in (broken, ASKING):
        with system() as tx:
            run(tx, "UPDATE automation_versions SET document = %(document)s", document=Jsonb(document))
        rig.engine = Engine(rig.owner, FakeModels(rig.model))
        if document is ASKING:
            assert states(rig) == ["failed"]
            rerun(rig.workspace, rig.user(), the_run(rig))
        hurry(rig)
    assert texts(twin) == ["Your e-mail address?", "Thanks, ana@example.com."]


def test_several_at_once_each_stand_for_themselves(rig: Rig, ana: UUID) -> None:
    with system() as tx:
        done = a_run(tx, rig.workspace, an_automation(tx, rig.workspace))
    [failed] = rig.query("SELECT id FROM runs WHERE state = 'failed'")
    told = rerun_many(rig.workspace, ana, [done, failed["id"]])
    assert told.gone_on == (failed["id"],)
    assert told.sentence == "1 run goes on. 1 not: Only a run that failed can go on. This one is done."
    with pytest.raises(ActionRefused, match="at most 200"):
        rerun_many(rig.workspace, ana, [done] * 201)


def test_strangers_and_viewers_let_nothing_go_on(rig: Rig) -> None:
    with system() as tx:
        elsewhere = a_workspace(tx)
        stranger, viewer = a_user(tx, elsewhere), a_user(tx, rig.workspace, role="viewer")
    for person in (stranger, viewer):
        with pytest.raises(ActionRefused, match="may not answer"):
            rerun(rig.workspace, person, the_run(rig))
    with pytest.raises(ActionRefused, match="does not exist in this workspace"):
        rerun(elsewhere, stranger, the_run(rig))
