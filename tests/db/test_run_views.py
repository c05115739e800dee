import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from db import views
from db.engine import read_only, run, system
from tests.db import builders as a
from tests.db.people import NOW, people


def test_runs_are_listed_by_automation_state_and_conversation(workspace: UUID) -> None:
    [conversation] = people(workspace, "Tom Becker")
    with system() as tx:
        front, other = a.an_automation(tx, workspace, name="Front desk"), a.an_automation(tx, workspace, name="Other")
        one = a.a_run(tx, workspace, front, conversation, started_at=NOW, finished_at=NOW + timedelta(seconds=2))
        two = a.a_run(tx, workspace, front, state="failed", outcome="The model did not answer.")
        three = a.a_run(tx, workspace, other)
    with read_only(workspace) as tx:
        newest = views.run_list(tx, limit=2)
        rest = views.run_list(tx, before_seq=newest[-1].seq)
        assert [line.id for line in [*newest, *rest]] == [three, two, one]
        assert [line.id for line in views.run_list(tx, automation_id=front)] == [two, one]
        assert [line.id for line in views.run_list(tx, state="failed")] == [two]
        assert [line.id for line in views.run_list(tx, automation_id=other, state="failed")] == []
        [line] = views.run_list(tx, conversation_id=conversation)
        assert (line.automation_name, line.version, line.contact_name, line.duration_ms) == (
            "Front desk",
            1,
            "Tom Becker",
            2000,
        )
        with pytest.raises(ValueError, match="Use one of pending, running"):
            views.run_list(tx, state="'; --")  # type: ignore[arg-type]


@pytest.mark.parametrize("few", [500, 0])
def test_runs_are_found_by_their_contact_and_by_what_they_ended_with(
    workspace: UUID, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.views.runs.FEW_CONTACTS", few)  # 0 = more are found than may be looked up
    monkeypatch.setattr("db.views.runs.FEW_RUNS", few)
    tom, mia = people(workspace, "Tom Becker", "Mia Wong")
    with system() as tx:
        front = a.an_automation(tx, workspace)
        one = a.a_run(tx, workspace, front, tom, outcome="Answered.")
        two = a.a_run(tx, workspace, front, mia, state="failed", outcome="The model 100% did not answer.")
        three = a.a_run(tx, workspace, front, tom, outcome="Asked for a person.")
        alone = a.a_contact(tx, workspace, name="Tom Alone", email="tom@example.com")
        four = a.a_run(tx, workspace, front, contact_id=alone, outcome="Answered.")

    def found(**filters: Any) -> list[UUID]:
        with read_only(workspace) as tx:
            return [line.id for line in views.run_list(tx, **filters)]

    assert found(search="tom") == [four, three, one]
    assert found(search="(415) 555-0101") == found(search="wong", state="failed") == [two]
    assert found(search="TOM@") == [four]
    assert found(search="wong", state="done") == found(search="nobody") == found(search="%") == []
    assert found(outcome="person") == [three]
    assert found(outcome="100%") == found(outcome="ANSWER", state="failed") == [two]
    assert found(outcome="answer") == [four, two, one]
    assert found(outcome="answered", search="becker") == [one]
    assert found(outcome="_") == []
    with read_only(workspace) as tx:
        newest = views.run_list(tx, search="tom", limit=2)
        rest = views.run_list(tx, search="tom", limit=2, before_seq=newest[-1].seq)
    assert [line.id for line in [*newest, *rest]] == [four, three, one]


def test_a_run_has_its_steps_in_order_and_its_outbox_rows(workspace: UUID) -> None:
    [conversation] = people(workspace, "Tom Becker")
    with system() as tx:
        run_id = a.a_run(tx, workspace, a.an_automation(tx, workspace), conversation, trigger={"text": "Hi"})
        a.a_step(
            tx,
            workspace,
            run_id,
            "reply",
            1,
            output={"text": "Hello"},
            effects=[{"kind": "send_message"}],
            duration_ms=3.5,
        )
        a.a_step(tx, workspace, run_id, "gate", 0)
        a.an_outbox_row(tx, workspace, conversation, run_id=run_id, state="done", provider_message_id="SM1")
    with read_only(workspace) as tx:
        found = views.run(tx, run_id)
        assert views.run(tx, uuid4()) is None
    assert found is not None and found.trigger == {"text": "Hi"}
    assert [(step.step_id, step.duration_ms) for step in found.steps] == [("gate", 0), ("reply", 3.5)]
    assert found.steps[1].effects == [{"kind": "send_message"}]
    assert [(row.state, row.provider_message_id) for row in found.outbox] == [("done", "SM1")]
    assert json.dumps(asdict(found), default=str)


def test_decisions_say_why_for_a_message_and_for_all(workspace: UUID) -> None:
    [conversation] = people(workspace, "Tom Becker")
    with system() as tx:
        message = a.a_message(tx, workspace, conversation, "Hi")
        front = a.an_automation(tx, workspace, name="Front desk")
        for automation, fired, reason in ((None, False, "A group message."), (front, True, "Fired.")):
            run(
                tx,
                "INSERT INTO decisions (workspace_id, message_id, automation_id, fired, reason) VALUES (%(w)s, %(m)s, %(a)s, %(f)s, %(r)s)",
                w=workspace,
                m=message,
                a=automation,
                f=fired,
                r=reason,
            )
    with read_only(workspace) as tx:
        lines = views.decisions_for_message(tx, message)
        newest = views.decision_list(tx, limit=1)
        older = views.decision_list(tx, before=newest[0].id)
    assert [(line.automation_name, line.fired, line.reason) for line in lines] == [
        (None, False, "A group message."),
        ("Front desk", True, "Fired."),
    ]
    assert [*older, *newest] == lines
    assert (lines[0].contact_name, lines[0].conversation_id, lines[0].text) == ("Tom Becker", conversation, "Hi")
