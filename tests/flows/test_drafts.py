"""Drafts are saved as they are edited; two people on one draft hear of each other, and nothing is overwritten silently."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from db.engine import transaction
from db.views import automation_list
from flows import drafts
from flows.actions import ActionRefused
from flows.automation import Automation
from flows.drafts import DraftConflict
from flows.editing import add_step, set_name, set_title
from flows.publish import publish
from flows.templates import template
from tests.db.builders import a_run
from tests.flows.rig import Rig

DESK = template("front_desk").document


@pytest.fixture
def rig(database_url: str) -> Rig:
    return Rig()


@pytest.fixture
def draft(rig: Rig) -> UUID:
    return drafts.create(rig.workspace, None, name="Desk", document=DESK)


def names(rig: Rig) -> list[str]:
    with transaction(rig.workspace) as tx:
        return [line.name for line in automation_list(tx)]


def test_an_empty_draft_says_what_is_missing(rig: Rig) -> None:
    found = drafts.load(rig.workspace, drafts.create(rig.workspace, rig.user(), name=" New "))
    assert (found.document.name, found.revision, found.live_version, found.updated_by) == ("New", 1, None, "Ana Silva")
    assert [problem.field for problem in found.problems] == ["steps"]


def test_a_taken_name_gets_a_number(rig: Rig, draft: UUID) -> None:
    drafts.create(rig.workspace, None, name="Desk", document=DESK)
    drafts.copy(rig.workspace, None, draft)
    drafts.copy(rig.workspace, None, draft, "Night desk")
    assert names(rig) == ["Desk", "Desk (copy)", "Desk 2", "Night desk"]
    assert drafts.load(rig.workspace, draft).document.name == "Desk"


def test_a_save_counts_on_and_an_unchanged_one_does_not(rig: Rig, draft: UUID) -> None:
    document = set_title(drafts.load(rig.workspace, draft).document, "send", "Say it")
    saved = drafts.save(rig.workspace, rig.user(), draft, document, 1)
    assert (saved.revision, saved.problems) == (2, [])
    assert drafts.save(rig.workspace, None, draft, document, 1).revision == 2
    assert drafts.load(rig.workspace, draft).updated_by == "Ana Silva"


def test_a_draft_with_problems_is_kept_and_names_them(rig: Rig, draft: UUID) -> None:
    broken, _ = add_step(drafts.load(rig.workspace, draft).document, "send_message@1", after=None)
    broken = broken.model_copy(update={"steps": broken.steps[:1] + broken.steps[2:]})
    saved = drafts.save(rig.workspace, None, draft, broken, 1)
    assert saved.problems and drafts.load(rig.workspace, draft).problems == saved.problems


def test_the_second_of_two_builders_is_told_and_nothing_is_overwritten(rig: Rig, draft: UUID) -> None:
    seen = drafts.load(rig.workspace, draft)
    ana, ben = rig.user("Ana Silva"), rig.user("Ben Roth")
    drafts.save(rig.workspace, ana, draft, set_title(seen.document, "send", "Ana's"), seen.revision)
    with pytest.raises(DraftConflict, match="Ana Silva changed this automation meanwhile") as refused:
        drafts.save(rig.workspace, ben, draft, set_title(seen.document, "send", "Ben's"), seen.revision)
    assert (refused.value.revision, refused.value.by) == (2, "Ana Silva")
    assert [step.title for step in drafts.load(rig.workspace, draft).document.steps if step.id == "send"] == ["Ana's"]


def test_of_many_saves_at_once_exactly_one_gets_through(rig: Rig, draft: UUID) -> None:
    document = drafts.load(rig.workspace, draft).document

    def save(number: int) -> bool:
        try:
            drafts.save(rig.workspace, None, draft, set_title(document, "send", f"Number {number}"), 1)
        except DraftConflict:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(save, range(12))) == 1
    assert drafts.load(rig.workspace, draft).revision == 2


def test_two_automations_of_one_name_are_refused_in_words(rig: Rig, draft: UUID) -> None:
    other = drafts.create(rig.workspace, None, name="Other", document=DESK)
    with pytest.raises(ActionRefused, match="has this name already"):
        drafts.save(rig.workspace, None, other, set_name(DESK, "Desk"), 1)


def test_what_somebody_else_changed_meanwhile_is_not_published(rig: Rig, draft: UUID) -> None:
    drafts.save(
        rig.workspace, rig.user(), draft, set_title(drafts.load(rig.workspace, draft).document, "send", "New"), 1
    )
    with pytest.raises(ActionRefused, match="Ana Silva changed this automation meanwhile"):
        publish(rig.workspace, draft, None, seen_revision=1)
    assert publish(rig.workspace, draft, None, seen_revision=2) == 1


def test_switching_off_and_the_order_of_automations(rig: Rig, draft: UUID) -> None:
    second = drafts.create(rig.workspace, None, name="Zebra", document=DESK)
    third = drafts.create(rig.workspace, None, name="Apple", document=DESK)
    drafts.set_priorities(rig.workspace, None, [second, draft])
    assert names(rig) == ["Zebra", "Desk", "Apple"]
    drafts.set_enabled(rig.workspace, None, second, False)
    drafts.set_priorities(rig.workspace, None, [third, second, draft])
    assert names(rig) == ["Apple", "Zebra", "Desk"]
    assert [drafts.load(rig.workspace, id).enabled for id in (draft, second)] == [True, False]
    assert rig.query("SELECT action FROM audit_log WHERE action = 'automation.disabled'") != []


def test_an_automation_with_an_open_run_stays(rig: Rig, draft: UUID) -> None:
    publish(rig.workspace, draft, None)
    with transaction(rig.workspace) as tx:
        a_run(tx, rig.workspace, draft, state="waiting", finished_at=None)
    with pytest.raises(ActionRefused, match="1 of its runs is still under way"):
        drafts.delete(rig.workspace, None, draft)
    rig.query("UPDATE runs SET state = 'done' RETURNING id")
    drafts.delete(rig.workspace, None, draft)
    assert names(rig) == []


def test_what_is_not_there_is_refused_in_words(rig: Rig) -> None:
    for act in (
        lambda id: drafts.load(rig.workspace, id),
        lambda id: drafts.save(rig.workspace, None, id, Automation(name="x"), 1),
        lambda id: drafts.set_enabled(rig.workspace, None, id, True),
        lambda id: drafts.set_needs_review(rig.workspace, None, id, True),
        lambda id: drafts.delete(rig.workspace, None, id),
    ):
        with pytest.raises(ActionRefused, match="does not exist any more"):
            act(uuid4())
    with pytest.raises(ActionRefused, match="Give the automation a name"):
        drafts.create(rig.workspace, None, name=" ")
