"""Versions: who, when and what changed in sentences; back to an earlier one; out to a file and in from one."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from db.engine import transaction
from flows import drafts, history
from flows.actions import ActionRefused
from flows.automation import Automation, When
from flows.editing import (
    add_step,
    duplicate_step,
    move_step,
    remove_step,
    set_config,
    set_disabled,
    set_input,
    set_name,
    set_step_options,
    set_title,
    set_when,
)
from flows.history import diff, export_file, import_file, roll_back
from flows.publish import publish
from flows.templates import TEMPLATES, template
from tests.db.builders import a_run
from tests.flows.rig import Rig

DESK = template("front_desk").document


@pytest.fixture
def rig(database_url: str) -> Rig:
    return Rig()


@pytest.fixture
def draft(rig: Rig) -> UUID:
    return drafts.create(rig.workspace, None, name="AI front desk", document=DESK)


def sentences(before: Automation, after: Automation) -> list[str]:
    return [difference.sentence for difference in diff(before, after)]


def test_the_same_document_has_no_difference() -> None:
    assert diff(DESK, DESK.model_dump(mode="json", by_alias=True)) == []


def test_every_kind_of_change_is_one_sentence_with_before_and_after() -> None:
    changed = set_config(DESK, "documents", "passages", 8)
    changed = set_config(changed, "reply", "tone", "Stern.")
    changed = set_title(changed, "reply", "Think hard")
    changed = set_step_options(changed, "reply", retries=3)
    changed = set_input(changed, "person", "reason", "")
    changed = set_when(changed, "contact", [When(value="gate.may_answer")])
    changed = set_disabled(changed, "memory", True)
    changed = set_name(changed, "Night desk")
    may = "only if nothing blocks (“May the AI answer?”)"
    wish = "unless a person is asked for now (“Wants a person?”)"
    assert sentences(DESK, changed) == [
        "Its name is now 'Night desk'; it was 'AI front desk'.",
        f"'Who is it?': when it runs is now {may}; it was {may} and {wish}.",
        "'What was said before': the step is now switched off; it was switched on.",
        "'What the documents say': “How many passages” is now 8; it was 5.",
        "'Think hard': the title is now 'Think hard'; it was 'Write the answer'.",
        "'Think hard': “Tone” is now “Stern.”; it was “Friendly, brief and clear.”",
        "'Think hard': the number of further tries is now 3; it was 1.",
        "'Ask a colleague': the input “Reason” is now not connected; it was from 'Write the answer: Reason'.",
    ]


def test_what_ends_with_a_quoted_sentence_gets_no_second_full_stop() -> None:
    before = set_config(DESK, "reply", "role", "Who are you?")
    after = set_config(DESK, "reply", "role", "You answer")
    told = "'Write the answer': “Who the AI is” is now"
    assert sentences(before, after) == [f"{told} “You answer”; it was “Who are you?”"]
    assert sentences(after, before) == [f"{told} “Who are you?”; it was “You answer”."]


def test_added_removed_and_moved_steps_are_named_by_their_neighbours() -> None:
    added, _ = add_step(DESK, "notify@1", after="person")
    assert sentences(DESK, added) == ["The step 'Notify colleagues' was added behind 'Ask a colleague'."]
    assert sentences(added, DESK) == ["The step 'Notify colleagues' was removed."]
    moved = move_step(DESK, "contact", "documents")
    [difference] = diff(DESK, moved)
    assert difference.what == "moved" and (difference.before, difference.after) in {
        ("place 4", "place 5"),
        ("place 5", "place 4"),
    }
    copied, _ = duplicate_step(DESK, "person")
    assert [each.what for each in diff(DESK, copied)] == ["added"]
    assert [each.what for each in diff(None, remove_step(DESK, "person"))] == ["added"] * 8


def test_versions_name_who_when_note_and_runs(rig: Rig, draft: UUID) -> None:
    publish(rig.workspace, draft, rig.user(), "First.")
    publish(rig.workspace, draft, None)
    with transaction(rig.workspace) as tx:
        a_run(tx, rig.workspace, draft)
        newest, first = history.versions(tx, draft)
        assert [line.number for line in history.versions(tx, draft, before_number=2)] == [1]
    assert (first.number, first.note, first.by, first.runs, first.live) == (1, "First.", "Ana Silva", 1, False)
    assert (newest.number, newest.runs, newest.live) == (2, 0, True)


def test_rolling_back_publishes_the_old_document_as_a_new_version_and_as_the_draft(rig: Rig, draft: UUID) -> None:
    publish(rig.workspace, draft, None)
    drafts.save(rig.workspace, None, draft, set_config(DESK, "documents", "passages", 9), 1)
    publish(rig.workspace, draft, None)
    drafts.save(rig.workspace, None, draft, set_config(DESK, "documents", "passages", 12), 2)
    assert roll_back(rig.workspace, rig.user(), draft, 1) == 3
    found = drafts.load(rig.workspace, draft)
    assert (found.live_version, found.revision, found.document.steps) == (3, 4, DESK.steps)
    with transaction(rig.workspace) as tx:
        assert history.version_document(tx, draft, 3).steps == DESK.steps
        assert history.versions(tx, draft)[0].note == "Back to version 1."
    with pytest.raises(ActionRefused, match="no version 9"):
        roll_back(rig.workspace, None, draft, 9)


@pytest.mark.parametrize("key", [each.key for each in TEMPLATES])
def test_what_was_exported_comes_in_again_the_same(rig: Rig, key: str) -> None:
    id = drafts.create(rig.workspace, None, name="Out", document=template(key).document)
    again = drafts.load(rig.workspace, import_file(rig.workspace, None, export_file(rig.workspace, id)))
    assert again.document.name == "Out 2" and again.document.steps == template(key).document.steps


def test_a_version_can_be_exported_too(rig: Rig, draft: UUID) -> None:
    publish(rig.workspace, draft, None)
    drafts.save(rig.workspace, None, draft, set_name(DESK, "Changed"), 1)
    assert json.loads(export_file(rig.workspace, draft, 1))["automation"]["name"] == "AI front desk"
    assert json.loads(export_file(rig.workspace, draft))["automation"]["name"] == "Changed"


def test_a_file_holds_no_secret(rig: Rig) -> None:
    config = {
        "method": "GET", "url": "https://example.com", "api_key": "hunter2", "max_tokens": 200,
        "headers": [{"name": "Authorization", "value": "hunter2"}, {"name": "X-Api-Key", "value": "hunter2"}, {"name": "Accept", "value": "text/plain"}],
    }  # fmt: skip
    step = {"id": "call", "node": "generate@1", "config": config}
    document = Automation.model_validate({"name": "Calls", "steps": [step]})
    written = export_file(rig.workspace, drafts.create(rig.workspace, None, name="Calls", document=document)).decode()
    assert "hunter2" not in written and "text/plain" in written and "max_tokens" in written


def _file(**changes: Any) -> bytes:
    told: dict[str, Any] = {"kind": "frontdesk automation", "format": 1, "automation": {"name": "In", "steps": []}}
    return json.dumps(told | changes).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x00\xff", "not JSON"),
        (b"[1]", "holds no automation"),
        (b'{"nodes": []}', "holds no automation"),
        (_file(format=2), "newer Frontdesk"),
        (_file(automation={"steps": []}), "cannot be read at 'name'"),
        (
            _file(automation={"name": "x", "steps": [{"id": "A B", "node": "gate@1"}]}),
            r"cannot be read at 'steps\.0\.id'",
        ),
        (
            _file(automation={"name": "x", "steps": [{"id": "a", "node": "teleport@1"}]}),
            "do not exist here: teleport@1",
        ),
        (b" " * 1_000_001, "too large"),
    ],
)
def test_what_is_no_automation_is_refused_in_words(rig: Rig, data: bytes, says: str) -> None:
    with pytest.raises(ActionRefused, match=says):
        import_file(rig.workspace, None, data)
    assert rig.query("SELECT FROM automations") == []
