"""A run's changes of the CRM are taken back field by field, once, and never over what somebody changed since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from db.engine import transaction
from flows import crm, undo
from flows.actions import ActionRefused
from nodes.effects import (
    AddNote,
    BookAppointment,
    ChangeTags,
    CreateTask,
    Effect,
    MoveOpportunity,
    UpdateContact,
)
from tests.fakes.ghl_twin import GhlTwin
from tests.flows.effects_rig import PHONE, EffectsRig

DUE = datetime(2030, 5, 6, 9, 0, tzinfo=UTC)


@pytest.fixture
def twin() -> Iterator[GhlTwin]:
    with GhlTwin() as twin:
        yield twin
        assert twin.refused == []


@pytest.fixture
def rig(database_url: str, twin: GhlTwin) -> EffectsRig:
    return EffectsRig(twin)


@pytest.fixture
def nora(twin: GhlTwin) -> dict[str, Any]:
    made = twin.add_contact(firstName="Nora", lastName="Quill", phone=PHONE, tags=["lead"], city="Bern")
    twin.add_opportunity(made["id"], stage=0)
    return made


def done(rig: EffectsRig, *effects: Effect) -> None:
    """The run did these."""
    rig.put_in_line(*effects)
    rig.deliver_until_settled()
    assert {each["state"] for each in rig.query("SELECT state FROM outbox")} == {"done"}


def undone(rig: EffectsRig) -> dict[str, tuple[str, str]]:
    """Undo the run, perform it, and give what became of each change by its kind."""
    undo.undo(rig.workspace, rig.run, user(rig))
    rig.deliver_until_settled(12)
    return {each.effect["kind"]: (each.state, each.reason) for each in looked(rig)}


def looked(rig: EffectsRig) -> list[undo.Undoable]:
    return undo.look(rig.workspace, rig.run)


def user(rig: EffectsRig) -> UUID:
    found = rig.query("SELECT user_id FROM memberships")
    return found[0]["user_id"] if found else rig.user()


def everything(twin: GhlTwin) -> list[Effect]:
    start = datetime.now(UTC) + timedelta(days=2)
    calendar, pipeline = twin.calendar_list[0]["id"], twin.pipeline_list[0]
    slot = next(twin.slots(calendar, start.timestamp(), start.timestamp() + 5 * 86_400))
    return [
        ChangeTags(add=("vip",), remove=("lead",)),
        UpdateContact(fields={"city": "Basel", "email": "nora@example.com"}),
        CreateTask(title="Call back", due_at=DUE),
        AddNote(body="Likes red."),
        MoveOpportunity(pipeline_id=pipeline["id"], stage_id=pipeline["stages"][1]["id"], value=900),
        BookAppointment(calendar_id=calendar, start=slot),
    ]


def test_everything_is_as_before_and_each_change_was_shown_first(
    rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]
) -> None:
    done(rig, *everything(twin))
    shown = looked(rig)
    assert [each.state for each in shown] == ["open"] * 6
    assert shown[0].effect["kind"] == "book_appointment", "the newest first"
    assert {state for state, _ in undone(rig).values()} == {"done"}
    assert nora["tags"] == ["lead"] and nora["city"] == "Bern" and not nora["email"]
    assert twin.task_lists[nora["id"]] == [] and twin.note_lists[nora["id"]] == []
    [deal], [appointment] = twin.opportunities.values(), twin.appointments.values()
    assert (deal["pipelineStageId"], deal["monetaryValue"]) == (twin.pipeline_list[0]["stages"][0]["id"], 0)
    assert appointment["appointmentStatus"] == "cancelled"
    person = rig.person()
    assert person["crm"]["tags"] == ["lead"] and person["email"] is None
    kinds = [
        each["detail"]["kind"] for each in rig.query("SELECT detail FROM audit_log WHERE action = 'effect.undone'")
    ]
    assert len(kinds) == 6
    assert rig.query("SELECT actor FROM audit_log WHERE action = 'run.undone'")[0]["actor"] == f"user:{user(rig)}"


def test_an_opportunity_that_the_run_made_is_deleted(rig: EffectsRig, twin: GhlTwin) -> None:
    done(rig, MoveOpportunity(pipeline_id=twin.pipeline_list[0]["id"], value=5))
    undone(rig)
    assert twin.opportunities == {}


def test_what_somebody_changed_since_is_refused_by_itself_and_the_rest_is_taken_back(
    rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]
) -> None:
    done(rig, *everything(twin))
    nora["tags"].remove("vip")
    nora["tags"].append("lead")
    nora["city"] = "Chur"
    twin.task_lists[nora["id"]][0]["completed"] = True
    twin.note_lists[nora["id"]][0]["body"] = "Likes blue."
    next(iter(twin.opportunities.values()))["pipelineStageId"] = twin.pipeline_list[0]["stages"][2]["id"]
    seen = {each.effect["kind"]: (each.state, each.reason) for each in looked(rig)}
    became = undone(rig)
    assert became["update_contact"] == ("done", "City was changed since, to 'Chur'.")
    assert (nora["city"], nora["email"]) == ("Chur", ""), "field by field"
    assert became["book_appointment"][0] == "done"
    for kind, reason in (
        ("create_task", "The task was completed since."),
        ("add_note", "The note was changed since."),
        ("move_opportunity", "The opportunity was moved or changed since."),
    ):
        assert seen[kind] == ("changed", reason) and became[kind] == ("refused", reason)
    assert len(twin.task_lists[nora["id"]]) == 1 and nora["tags"] == ["lead"]


def test_a_tag_that_somebody_took_away_and_one_that_is_gone_already(rig: EffectsRig, nora: dict[str, Any]) -> None:
    done(rig, ChangeTags(add=("vip",)))
    nora["tags"].remove("vip")
    [seen] = looked(rig)
    assert (seen.state, seen.reason) == ("changed", "The tag 'vip' was taken away since.")


def test_what_made_no_difference_is_nothing_to_undo(rig: EffectsRig, nora: dict[str, Any]) -> None:
    done(rig, ChangeTags(add=("lead",)))
    assert looked(rig) == []
    with pytest.raises(ActionRefused, match="changed nothing"):
        undo.undo(rig.workspace, rig.run, user(rig))


def test_a_run_is_undone_once(rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]) -> None:
    done(rig, ChangeTags(add=("vip",)))
    assert undo.undo(rig.workspace, rig.run, user(rig)) == 1
    with pytest.raises(ActionRefused, match="undone already"):
        undo.undo(rig.workspace, rig.run, user(rig))
    rig.deliver_until_settled()
    nora["tags"].append("vip")  # somebody gives it again
    with pytest.raises(ActionRefused, match="undone already"):
        undo.undo(rig.workspace, rig.run, user(rig))
    rig.deliver_until_settled()
    assert nora["tags"] == ["lead", "vip"]


def test_an_undo_waits_for_a_crm_that_is_away_and_happens_once(
    rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]
) -> None:
    done(rig, CreateTask(title="Call back", due_at=DUE))
    undo.undo(rig.workspace, rig.run, user(rig))
    twin.down()
    rig.deliver_until_settled(2)
    assert [each.state for each in undo_states(rig)] == ["asked"]
    twin.up()
    twin.break_with(drop=True, accepts=True, method="DELETE")
    rig.deliver_until_settled()
    assert [each.state for each in undo_states(rig)] == ["done"] and twin.task_lists[nora["id"]] == []


def undo_states(rig: EffectsRig) -> list[undo.Undoable]:
    with transaction(rig.workspace) as tx:
        return undo.changes(tx, rig.run)


def test_while_the_crm_cannot_be_asked_nothing_is_shown_as_possible(
    rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]
) -> None:
    done(rig, ChangeTags(add=("vip",)))
    twin.down()
    with pytest.raises(ActionRefused, match="could not be looked up"):
        looked(rig)
    twin.up()


def test_our_own_contact_is_put_back_where_no_crm_was_connected(database_url: str) -> None:
    rig = EffectsRig(None, crm={"tags": ["lead"]})
    done(rig, ChangeTags(add=("vip",)), UpdateContact(fields={"name": "Anne", "city": "Basel"}))
    assert (rig.person()["name"], rig.person()["crm"]["fields"]) == ("Anne", {"city": "Basel"})
    assert {state for state, _ in undone(rig).values()} == {"done"}
    person = rig.person()
    assert person["name"] == "Nora Quill" and (person["crm"]["tags"], person["crm"]["fields"]) == (["lead"], {})


def test_without_the_crm_that_was_changed_it_says_so(rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]) -> None:
    done(rig, ChangeTags(add=("vip",)))
    rig.query("UPDATE connections SET is_default = false WHERE kind = 'ghl' RETURNING 1")
    crm.forget(rig.workspace)
    with pytest.raises(ActionRefused, match="No CRM is connected"):
        looked(rig)
