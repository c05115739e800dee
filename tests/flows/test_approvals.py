"""A text waits for a colleague: approved as it is, with changes, refused, once, and by people of this workspace only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from db import views
from db.engine import read_only, run, system
from flows import actions, approvals
from flows.actions import ActionRefused
from tests.db.builders import a_user, a_workspace
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModel, Rig

OFFER = "We can offer you 10 %."
APPROVING: dict[str, Any] = {
    "format": 1,
    "name": "Offers",
    "steps": [
        {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
        {"id": "ok", "node": "approve@1", "config": {"title": "An offer", "text": OFFER, "timeout_minutes": 60}},
        {
            "id": "send",
            "node": "send_message@1",
            "input": {"text": "ok.text"},
            "when": [{"value": "ok.approved", "is": True}],
        },
    ],
}


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin) -> Rig:
    made = Rig(twin.base_url, FakeModel())
    made.publish(APPROVING)
    made.receive_sms("How much for two?")
    made.settle()
    return made


@pytest.fixture
def ana(rig: Rig) -> UUID:
    return rig.user()


def waiting(rig: Rig) -> list[views.ApprovalLine]:
    with read_only(rig.workspace) as tx:
        return views.approval_list(tx)


def texts(twin: TwilioTwin) -> list[str]:
    return [message.body for message in twin.sent]


def test_what_waits_is_listed_with_its_text_and_until_when(rig: Rig, twin: TwilioTwin) -> None:
    [line] = waiting(rig)
    assert (line.title, line.text, line.channel, line.pen_moved) == ("An offer", OFFER, "sms", False)
    assert (line.until - line.since).total_seconds() == pytest.approx(3600, abs=5)
    assert texts(twin) == []
    with read_only(rig.workspace) as tx:
        assert views.counts(tx).waiting_approvals == 1


def test_an_approved_text_is_sent_and_nothing_waits_any_more(rig: Rig, ana: UUID, twin: TwilioTwin) -> None:
    approvals.decide(rig.workspace, ana, waiting(rig)[0].run_id, True)
    assert waiting(rig) == []
    rig.settle()
    assert texts(twin) == [OFFER]
    [step] = rig.query("SELECT output FROM run_steps WHERE step_id = 'ok'")
    assert (step["output"]["decided_by"], step["output"]["edited"]) == ("Ana Silva", False)
    assert {"action": "approval.approved"} in rig.query("SELECT action FROM audit_log")


def test_a_changed_text_is_sent_as_the_colleague_wrote_it(rig: Rig, ana: UUID, twin: TwilioTwin) -> None:
    approvals.decide(rig.workspace, ana, waiting(rig)[0].run_id, True, "We can offer you 5 %.", "Too much.")
    rig.settle()
    assert texts(twin) == ["We can offer you 5 %."]
    [step] = rig.query("SELECT output FROM run_steps WHERE step_id = 'ok'")
    assert (step["output"]["edited"], step["output"]["note"]) == (True, "Too much.")


def test_a_refused_text_is_not_sent(rig: Rig, ana: UUID, twin: TwilioTwin) -> None:
    approvals.decide(rig.workspace, ana, waiting(rig)[0].run_id, False)
    rig.settle()
    assert texts(twin) == []
    assert rig.query("SELECT state FROM runs") == [{"state": "done"}]


@pytest.mark.parametrize("settled", [False, True])
def test_the_second_decision_names_the_first_colleague(rig: Rig, ana: UUID, settled: bool) -> None:
    run_id = waiting(rig)[0].run_id
    approvals.decide(rig.workspace, ana, run_id, False)
    if settled:
        rig.settle()
    with pytest.raises(ActionRefused, match="Ana Silva has decided"):
        approvals.decide(rig.workspace, rig.user("Ben Ochoa"), run_id, True)


def test_after_the_time_is_over_nobody_decides(rig: Rig, ana: UUID) -> None:
    run_id = waiting(rig)[0].run_id
    with system() as tx:
        run(tx, "UPDATE runs SET due_at = now()")
        run(tx, """UPDATE run_steps SET detail = jsonb_set(detail, '{memory,asked_at}', '"2020-01-01T00:00:00+00:00"')
                   WHERE state = 'waiting'""")  # fmt: skip
    rig.settle()
    with pytest.raises(ActionRefused, match="Nobody decided in time"):
        approvals.decide(rig.workspace, ana, run_id, True)


def test_a_conversation_that_changed_hands_says_so(rig: Rig, ana: UUID, twin: TwilioTwin) -> None:
    actions.take_over(rig.workspace, rig.conversation()["id"], ana)
    [line] = waiting(rig)
    assert line.pen_moved
    approvals.decide(rig.workspace, ana, line.run_id, True)
    rig.settle()
    assert texts(twin) == []


def test_strangers_and_viewers_decide_nothing(rig: Rig) -> None:
    run_id = waiting(rig)[0].run_id
    with system() as tx:
        elsewhere = a_workspace(tx)
        stranger, viewer = a_user(tx, elsewhere), a_user(tx, rig.workspace, role="viewer")
    for person in (stranger, viewer):
        with pytest.raises(ActionRefused, match="may not answer"):
            approvals.decide(rig.workspace, person, run_id, True)
    with pytest.raises(ActionRefused, match="does not exist in this workspace"):
        approvals.decide(elsewhere, stranger, run_id, True)
    assert len(waiting(rig)) == 1
