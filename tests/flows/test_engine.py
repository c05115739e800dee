"""A run goes as far as it can, remembers what it paid for, and never leaves a customer without anybody."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db import events, runs
from db.engine import run, system
from flows.observe import Execution
from nodes.errors import AuthFailed, NotSent, Throttled
from tests.flows.rig import ANSWER, FakeModel, Rig


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def rig(database_url: str, model: FakeModel) -> Rig:
    rig = Rig(model=model)
    rig.publish()
    return rig


def the_run(rig: Rig) -> dict[str, Any]:
    [found] = rig.query("SELECT * FROM runs ORDER BY seq DESC LIMIT 1")
    return found


def due_now() -> None:
    with system() as tx:
        run(tx, "UPDATE runs SET due_at = now()")


def test_a_busy_model_is_asked_again_when_it_said_and_it_does_not_count(rig: Rig, model: FakeModel) -> None:
    model.raises = [Throttled("Busy.", 30)]
    rig.receive_sms("Hello?")
    rig.take_in()
    assert [outcome.state for outcome in rig.execute()] == ["waiting"]
    waiting = the_run(rig)
    assert (waiting["state"], waiting["attempts"]) == ("waiting", 0)
    assert waiting["due_at"] - datetime.now(UTC) > timedelta(seconds=20)
    due_now()
    assert [outcome.state for outcome in rig.execute()] == ["done"]


def test_a_model_out_of_reach_is_tried_three_times_and_then_a_person_is_asked_for(rig: Rig, model: FakeModel) -> None:
    model.raises = [NotSent("No connection.")] * 3
    rig.receive_sms("Hello?")
    rig.take_in()
    for _ in range(3):
        rig.execute()
        due_now()
    assert the_run(rig)["state"] == "failed"
    [handoff] = rig.query("SELECT reason_code, reason FROM handoffs")
    assert handoff["reason_code"] == "tool_failure"
    assert "No connection." in handoff["reason"]
    assert rig.conversation()["owner"] == "human"


def test_a_model_that_refuses_the_key_means_a_person(rig: Rig, model: FakeModel) -> None:
    model.raises = [AuthFailed("The key is not valid.")]
    rig.receive_sms("Hello?")
    rig.settle()
    [handoff] = rig.query("SELECT reason FROM handoffs")
    assert "key is not valid" in handoff["reason"]


def test_a_run_taken_up_again_does_not_ask_the_model_twice(rig: Rig, model: FakeModel) -> None:
    document: dict[str, Any] = deepcopy(ANSWER) | {"name": "Slow"}
    document["steps"].insert(3, {"id": "pause", "node": "wait@1", "config": {"minutes": 5}})
    with system() as tx:
        run(tx, "UPDATE automations SET enabled = false")
    rig.publish(document)
    rig.receive_sms("Hello?")
    rig.take_in()
    assert [outcome.state for outcome in rig.execute()] == ["waiting"]
    due_now()
    rig.engine = type(rig.engine)(rig.owner, rig.engine.models, clock=lambda: datetime.now(UTC) + timedelta(minutes=6))
    assert [outcome.state for outcome in rig.execute()] == ["done"]
    assert len(model.asked) == 1
    assert len(rig.query("SELECT FROM outbox")) == 1


def test_a_run_whose_worker_died_is_taken_over_and_keeps_its_journal(rig: Rig, model: FakeModel) -> None:
    rig.receive_sms("Hello?")
    rig.take_in()
    [first] = rig.claim_runs()
    with system() as tx:
        run(tx, "UPDATE runs SET lease_until = now() - interval '1 second'")
        assert runs.release_expired(tx) == 1
    [second] = rig.claim_runs()
    assert second.id == first.id
    assert rig.engine.execute(second, Execution(second.id)).state == "done"
    assert len(rig.query("SELECT FROM outbox")) == 1


def test_the_dead_worker_that_was_not_dead_cannot_commit_any_more(rig: Rig) -> None:
    rig.receive_sms("Hello?")
    rig.take_in()
    [stale] = rig.claim_runs()
    with system() as tx:
        run(tx, "UPDATE runs SET lease_owner = 'somebody else'")
    assert rig.engine.execute(stale, Execution(stale.id)).state == "lost"
    assert rig.query("SELECT FROM outbox") == []


def test_a_run_that_kills_every_worker_ends_and_a_person_is_asked_for(rig: Rig) -> None:
    rig.receive_sms("Hello?")
    rig.take_in()
    for _ in range(runs.MAX_DEATHS):
        [_] = rig.claim_runs()
        with system() as tx:
            run(tx, "UPDATE runs SET lease_until = now() - interval '1 second'")
            runs.release_expired(tx)
    assert the_run(rig)["attempts"] == 0, "a death is no attempt"
    assert [outcome.state for outcome in rig.execute()] == ["failed"]
    assert len(rig.query("SELECT FROM handoffs")) == 1


def test_a_step_that_may_fail_does_not_stop_the_run(rig: Rig, model: FakeModel) -> None:
    document = {
        "format": 1,
        "name": "Brave",
        "steps": [
            {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
            {"id": "reply", "node": "generate@1", "on_error": "continue"},
            {
                "id": "send",
                "node": "send_message@1",
                "config": {"text": "A colleague will write."},
                "when": [{"value": "reply.failed"}],
            },
        ],
    }
    with system() as tx:
        run(tx, "UPDATE automations SET enabled = false")
    rig.publish(document)
    model.raises = [NotSent("No connection.")]
    rig.receive_sms("Hello?")
    rig.take_in()
    assert [outcome.state for outcome in rig.execute()] == ["done"]
    [effect] = rig.query("SELECT effect->>'text' AS text FROM outbox")
    assert effect["text"] == "A colleague will write."


def test_every_step_is_in_the_journal_with_what_it_got_and_gave(rig: Rig) -> None:
    rig.receive_sms("Hello?")
    rig.take_in()
    rig.execute()
    journal = {row["step_id"]: row for row in rig.query("SELECT * FROM run_steps")}
    assert [journal[name]["state"] for name in ("message", "gate", "reply", "send", "person")] == ["done"] * 4 + [
        "skipped"
    ]
    assert journal["reply"]["input"]["message"] == "Hello?"
    assert journal["reply"]["output"]["text"] == "We open at nine."
    assert journal["reply"]["detail"]["model"] == "fake-1"
    assert journal["person"]["note"] == "Only if reply.needs_person is yes."


def test_an_observer_sees_the_plan_every_step_and_the_end(rig: Rig) -> None:
    import asyncio

    rig.receive_sms("Hello?")
    rig.take_in()
    [claimed] = rig.claim_runs()
    execution = Execution(claimed.id)
    rig.engine.execute(claimed, execution)

    async def watch() -> tuple[list[str], tuple[str, str]]:
        await execution.wait_plan()
        return [(await execution.wait_step(step.id)).state for step in execution.steps], await execution.wait_end()

    states, end = asyncio.run(watch())
    assert states == ["done"] * 4 + ["skipped"]
    assert end == ("done", "Answered.")


def test_within_the_contact_limit_the_next_answer_waits_instead_of_being_lost(rig: Rig, model: FakeModel) -> None:
    rig.receive_sms("Hello?")
    rig.settle()
    rig.receive_sms("Another thing")
    rig.take_in()
    assert rig.execute() == []
    assert the_run(rig)["due_at"] - datetime.now(UTC) > timedelta(seconds=8)
    with system() as tx:
        run(tx, "UPDATE conversations SET last_ai_reply_at = now() - interval '11 seconds'")
    due_now()
    assert [outcome.state for outcome in rig.execute()] == ["done"]
    assert len(model.asked) == 2


def test_an_event_that_cannot_be_processed_is_parked_and_can_be_put_back(rig: Rig) -> None:
    rig.receive_sms("Hello?")
    with system() as tx:
        run(tx, "UPDATE events_queue SET payload = '{}'")
    for _ in range(events.MAX_ATTEMPTS):
        with system() as tx:
            run(tx, "UPDATE events_queue SET due_at = now()")
            [event] = events.claim(tx, rig.owner, 60, 1)
        with pytest.raises(KeyError):
            rig.intake.accept(event)
        with system() as tx:
            events.fail(tx, event, rig.owner, "KeyError")
    [parked] = rig.query("SELECT id, state, note FROM events_queue")
    assert (parked["state"], parked["note"]) == ("parked", "KeyError")
    with system() as tx:
        assert events.retry(tx, parked["id"])
    assert rig.query("SELECT state FROM events_queue") == [{"state": "pending"}]
