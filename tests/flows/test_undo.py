"""A run's changes of the CRM are taken back field by field, once, and never over what somebody changed since."""

from __future__ import annotations

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
def nora(ghl: GhlTwin) -> dict[str, Any]:
    made = ghl.add_contact(firstName="Nora", lastName="Quill", phone=PHONE, tags=["lead"], city="Bern")
    ghl.add_opportunity(made["id"], stage=0)
    return made


def done(effects_rig: EffectsRig, *effects: Effect) -> None:
    """The run did these."""
    effects_rig.put_in_line(*effects)
    effects_rig.deliver_until_settled()
    assert {each["state"] for each in effects_rig.query("SELECT state FROM outbox")} == {"done"}


def undone(effects_rig: EffectsRig) -> dict[str, tuple[str, str]]:
    """Undo the run, perform it, and give what became of each change by its kind."""
    undo.undo(effects_rig.workspace, effects_rig.run, user(effects_rig))
    effects_rig.deliver_until_settled(12)
    return {each.effect["kind"]: (each.state, each.reason) for each in looked(effects_rig)}


def looked(effects_rig: EffectsRig) -> list[undo.Undoable]:
    return undo.look(effects_rig.workspace, effects_rig.run)


def user(effects_rig: EffectsRig) -> UUID:
    found = effects_rig.query("SELECT user_id FROM memberships")
    return found[0]["user_id"] if found else effects_rig.user()


def everything(ghl: GhlTwin) -> list[Effect]:
    start = datetime.now(UTC) + timedelta(days=2)
    calendar, pipeline = ghl.calendar_list[0]["id"], ghl.pipeline_list[0]
    slot = next(ghl.slots(calendar, start.timestamp(), start.timestamp() + 5 * 86_400))
    return [
        ChangeTags(add=("vip",), remove=("lead",)),
        UpdateContact(fields={"city": "Basel", "email": "nora@example.com"}),
        CreateTask(title="Call back", due_at=DUE),
        AddNote(body="Likes red."),
        MoveOpportunity(pipeline_id=pipeline["id"], stage_id=pipeline["stages"][1]["id"], value=900),
        BookAppointment(calendar_id=calendar, start=slot),
    ]


def test_everything_is_as_before_and_each_change_was_shown_first(
    effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]
) -> None:
    done(effects_rig, *everything(ghl))
    shown = looked(effects_rig)
    assert [each.state for each in shown] == ["open"] * 6
    assert shown[0].effect["kind"] == "book_appointment", "the newest first"
    assert {state for state, _ in undone(effects_rig).values()} == {"done"}
    assert nora["tags"] == ["lead"] and nora["city"] == "Bern" and not nora["email"]
    assert ghl.task_lists[nora["id"]] == [] and ghl.note_lists[nora["id"]] == []
    [deal], [appointment] = ghl.opportunities.values(), ghl.appointments.values()
    assert (deal["pipelineStageId"], deal["monetaryValue"]) == (ghl.pipeline_list[0]["stages"][0]["id"], 0)
    assert appointment["appointmentStatus"] == "cancelled"
    person = effects_rig.person()
    assert person["crm"]["tags"] == ["lead"] and person["email"] is None
    kinds = [
        each["detail"]["kind"]
        for each in effects_rig.query("SELECT detail FROM audit_log WHERE action = 'effect.undone'")
    ]
    assert len(kinds) == 6
    assert (
        effects_rig.query("SELECT actor FROM audit_log WHERE action = 'run.undone'")[0]["actor"]
        == f"user:{user(effects_rig)}"
    )


def test_an_opportunity_that_the_run_made_is_deleted(effects_rig: EffectsRig, ghl: GhlTwin) -> None:
    done(effects_rig, MoveOpportunity(pipeline_id=ghl.pipeline_list[0]["id"], value=5))
    undone(effects_rig)
    assert ghl.opportunities == {}


def test_what_somebody_changed_since_is_refused_by_itself_and_the_rest_is_taken_back(
    effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]
) -> None:
    done(effects_rig, *everything(ghl))
    nora["tags"].remove("vip")
    nora["tags"].append("lead")
    nora["city"] = "Chur"
    ghl.task_lists[nora["id"]][0]["completed"] = True
    ghl.note_lists[nora["id"]][0]["body"] = "Likes blue."
    next(iter(ghl.opportunities.values()))["pipelineStageId"] = ghl.pipeline_list[0]["stages"][2]["id"]
    seen = {each.effect["kind"]: (each.state, each.reason) for each in looked(effects_rig)}
    became = undone(effects_rig)
    assert became["update_contact"] == ("done", "City was changed since, to 'Chur'.")
    assert (nora["city"], nora["email"]) == ("Chur", ""), "field by field"
    assert became["book_appointment"][0] == "done"
    for kind, reason in (
        ("create_task", "The task was completed since."),
        ("add_note", "The note was changed since."),
        ("move_opportunity", "The opportunity was moved or changed since."),
    ):
        assert seen[kind] == ("changed", reason) and became[kind] == ("refused", reason)
    assert len(ghl.task_lists[nora["id"]]) == 1 and nora["tags"] == ["lead"]


def test_a_tag_that_somebody_took_away_and_one_that_is_gone_already(
    effects_rig: EffectsRig, nora: dict[str, Any]
) -> None:
    done(effects_rig, ChangeTags(add=("vip",)))
    nora["tags"].remove("vip")
    [seen] = looked(effects_rig)
    assert (seen.state, seen.reason) == ("changed", "The tag 'vip' was taken away since.")


def test_what_made_no_difference_is_nothing_to_undo(effects_rig: EffectsRig, nora: dict[str, Any]) -> None:
    done(effects_rig, ChangeTags(add=("lead",)))
    assert looked(effects_rig) == []
    with pytest.raises(ActionRefused, match="changed nothing"):
        undo.undo(effects_rig.workspace, effects_rig.run, user(effects_rig))


def test_a_run_is_undone_once(effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]) -> None:
    done(effects_rig, ChangeTags(add=("vip",)))
    assert undo.undo(effects_rig.workspace, effects_rig.run, user(effects_rig)) == 1
    with pytest.raises(ActionRefused, match="undone already"):
        undo.undo(effects_rig.workspace, effects_rig.run, user(effects_rig))
    effects_rig.deliver_until_settled()
    nora["tags"].append("vip")  # somebody gives it again
    with pytest.raises(ActionRefused, match="undone already"):
        undo.undo(effects_rig.workspace, effects_rig.run, user(effects_rig))
    effects_rig.deliver_until_settled()
    assert nora["tags"] == ["lead", "vip"]


def test_an_undo_waits_for_a_crm_that_is_away_and_happens_once(
    effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]
) -> None:
    done(effects_rig, CreateTask(title="Call back", due_at=DUE))
    undo.undo(effects_rig.workspace, effects_rig.run, user(effects_rig))
    ghl.down()
    effects_rig.deliver_until_settled(2)
    assert [each.state for each in undo_states(effects_rig)] == ["asked"]
    ghl.up()
    ghl.break_with(drop=True, accepts=True, method="DELETE")
    effects_rig.deliver_until_settled()
    assert [each.state for each in undo_states(effects_rig)] == ["done"] and ghl.task_lists[nora["id"]] == []


def undo_states(effects_rig: EffectsRig) -> list[undo.Undoable]:
    with transaction(effects_rig.workspace) as tx:
        return undo.changes(tx, effects_rig.run)


def test_while_the_crm_cannot_be_asked_nothing_is_shown_as_possible(
    effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]
) -> None:
    done(effects_rig, ChangeTags(add=("vip",)))
    ghl.down()
    with pytest.raises(ActionRefused, match="could not be looked up"):
        looked(effects_rig)
    ghl.up()


def test_our_own_contact_is_put_back_where_no_crm_was_connected(database_url: str) -> None:
    effects_rig = EffectsRig(None, crm={"tags": ["lead"]})
    done(effects_rig, ChangeTags(add=("vip",)), UpdateContact(fields={"name": "Anne", "city": "Basel"}))
    assert (effects_rig.person()["name"], effects_rig.person()["crm"]["fields"]) == ("Anne", {"city": "Basel"})
    assert {state for state, _ in undone(effects_rig).values()} == {"done"}
    person = effects_rig.person()
    assert person["name"] == "Nora Quill" and (person["crm"]["tags"], person["crm"]["fields"]) == (["lead"], {})


def test_without_the_crm_that_was_changed_it_says_so(
    effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]
) -> None:
    done(effects_rig, ChangeTags(add=("vip",)))
    effects_rig.query("UPDATE connections SET is_default = false WHERE kind = 'ghl' RETURNING 1")
    crm.forget(effects_rig.workspace)
    with pytest.raises(ActionRefused, match="No CRM is connected"):
        looked(effects_rig)
