"""The builder keeps every change at once, never overwrites a colleague's, and shows others what they may see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from db import sources
from db.engine import transaction
from flows import drafts, editing
from flows.automation import Automation, When
from flows.check import check
from flows.drafts import DraftConflict
from flows.publish import publish
from flows.templates import TEMPLATES
from tests.db.builders import a_conversation, a_message
from tests.ui.conftest import Office
from tests.ui.test_pages import told, visit  # noqa: F401
from ui import builder_steps, canvas, pickers
from ui.builder_desk import KEY, Desk


@pytest.fixture
def draft(office: Office) -> UUID:
    """Message received -> May the AI answer? -> Search documents."""
    document = Automation(name="Front desk")
    for node in ("message_received@1", "gate@1", "retrieve@1"):
        document, _ = editing.add_step(document, node, after=None)
    return drafts.create(office.workspace, office.people["admin"], name="Front desk", document=document)


def kept(office: Office, automation: UUID) -> Automation:
    return drafts.load(office.workspace, automation).document


def step(document: Automation, id: str) -> Any:
    return next(step for step in document.steps if step.id == id)


def choose(test: AppTest, id: str) -> AppTest:
    """Tap a card: the component itself is tried in a browser."""
    desk: Desk = test.session_state[KEY]
    desk.selected = id
    return test.run()


def labelled(elements: Any, label: str) -> Any:
    return next(element for element in elements if element.label == label)


def test_the_list_says_what_answers_and_what_is_wrong(visit: Any, office: Office, draft: UUID) -> None:  # noqa: F811
    publish(office.workspace, draft, office.people["admin"])
    broken, _ = editing.add_step(Automation(name="Half done"), "message_received@1", after=None)
    broken, _ = editing.add_step(broken, "condition@1", after=None)
    drafts.create(office.workspace, None, name="Half done", document=broken)
    test = visit("automations")
    badges = [element.value for element in test.get("markdown")]
    assert any("Live, version 1" in text for text in badges)
    assert any("Never published" in text for text in badges)
    assert any("problem" in text for text in badges)


def test_an_automation_is_switched_off_in_the_list_and_a_report_without_a_change_does_nothing(
    visit: Any,  # noqa: F811
    office: Office,
    draft: UUID,
) -> None:
    publish(office.workspace, draft, office.people["admin"])
    test = visit("automations")
    labelled(test.toggle, "On").set_value(True).run()
    assert drafts.load(office.workspace, draft).enabled
    labelled(test.toggle, "On").set_value(False).run()
    assert not drafts.load(office.workspace, draft).enabled


def test_a_changed_setting_is_kept_at_once(visit: Any, office: Office, draft: UUID) -> None:  # noqa: F811
    test = choose(visit("automations", id=str(draft)), "documents")
    labelled(test.number_input, "How many passages").set_value(3).run()
    assert step(kept(office, draft), "documents").config == {"passages": 3}
    assert "Saved" in told(test)
    next(button for button in test.button if button.label == "Undo").click().run()
    assert step(kept(office, draft), "documents").config == {}
    assert labelled(test.number_input, "How many passages").value == 5


def test_an_entry_that_is_changed_while_another_is_added_stays_changed(
    visit: Any,  # noqa: F811
    office: Office,
    draft: UUID,
) -> None:
    document, made = editing.add_step(kept(office, draft), "set_values@1", after=None)
    document = editing.set_config(document, made, "values", [{"name": "colour", "value": "red"}])
    drafts.save(office.workspace, None, draft, document, drafts.load(office.workspace, draft).revision)
    test = choose(visit("automations", id=str(draft)), made)
    next(field for field in test.text_input if field.value == "colour").set_value("shade")
    next(button for button in test.button if button.label == "Add").click().run()
    assert [entry["name"] for entry in step(kept(office, draft), made).config["values"]] == ["shade", ""]


def test_a_condition_is_chosen_in_words(visit: Any, office: Office, draft: UUID) -> None:  # noqa: F811
    test = choose(visit("automations", id=str(draft)), "documents")
    menu = labelled(test.selectbox, "Add a condition")
    assert "Only if it is within opening hours (May the AI answer?)" in menu.options
    menu.select("gate.open_now").run()
    assert step(kept(office, draft), "documents").when[-1] == When(value="gate.open_now")
    assert not test.exception


def test_a_colleagues_change_is_never_overwritten(visit: Any, office: Office, draft: UUID) -> None:  # noqa: F811
    test = choose(visit("automations", id=str(draft)), "documents")
    labelled(test.number_input, "How many passages").set_value(3).run()
    theirs = drafts.load(office.workspace, draft)
    named = editing.set_title(theirs.document, "gate", "Nobody else?")
    drafts.save(office.workspace, office.people["agent"], draft, named, theirs.revision)
    labelled(test.number_input, "How many passages").set_value(9).run()
    assert kept(office, draft) == named
    assert "your last change is not saved" in told(test)
    next(button for button in test.button if button.label == "Load theirs").click().run()
    assert labelled(test.number_input, "How many passages").value == 3
    labelled(test.number_input, "How many passages").set_value(9).run()
    assert step(kept(office, draft), "documents").config == {"passages": 9}
    assert step(kept(office, draft), "gate").title == "Nobody else?"


def test_while_two_drafts_differ_the_page_says_it_once_and_takes_no_further_change(
    visit: Any,  # noqa: F811
    office: Office,
    draft: UUID,
) -> None:
    test = choose(visit("automations", id=str(draft)), "documents")
    desk: Desk = test.session_state[KEY]
    desk.conflict = DraftConflict("Eva changed this draft too.", 2, "Eva", datetime.now(UTC))
    labelled(test.number_input, "How many passages").set_value(3).run()  # typed before the field was locked
    assert [each.value for each in test.error] == ["Eva changed this draft too."]
    assert not test.toast
    assert labelled(test.number_input, "How many passages").value == 5
    assert step(kept(office, draft), "documents").config == {}


def test_a_viewer_sees_all_and_can_change_nothing(visit: Any, draft: UUID) -> None:  # noqa: F811
    test = choose(visit("automations", "viewer", id=str(draft)), "documents")
    assert not test.exception
    assert all(field.disabled for field in test.number_input)
    assert not {"Publish", "Undo", "New automation"} & {button.label for button in test.button}


def test_the_start_shows_how_much_it_would_have_caught(visit: Any, office: Office, draft: UUID) -> None:  # noqa: F811
    with transaction(office.workspace) as tx:
        for _ in range(3):
            a_message(
                tx,
                office.workspace,
                a_conversation(tx, office.workspace, last_inbound_at=datetime.now(UTC)),
                "When do you open?",
            )
    test = choose(visit("automations", id=str(draft)), "message")
    assert "Would have caught **3** of last week's **3** conversations" in told(test)


def test_an_automation_that_is_gone_is_said_to_be(visit: Any, office: Office, draft: UUID) -> None:  # noqa: F811
    drafts.delete(office.workspace, None, draft)
    assert "does not exist" in told(visit("automations", id=str(draft)))


def test_a_template_becomes_a_draft_with_one_click(visit: Any, office: Office) -> None:  # noqa: F811
    test = visit("automations", new="1")
    next(button for button in test.button if button.key == f"use:{TEMPLATES[0].key}").click().run()
    assert kept(office, UUID(test.query_params["id"])).steps == TEMPLATES[0].document.steps


def test_every_step_of_every_template_has_a_card_in_words() -> None:
    for template in TEMPLATES:
        cards = builder_steps.cards(template.document, check(template.document))
        assert [card["problems"] for card in cards] == [0] * len(cards), template.key
        assert all(card["title"] and card["sentence"] and "{{" not in card["sentence"] for card in cards), template.key


def test_the_palette_has_every_step_but_the_starts_once() -> None:
    offered = [node["key"] for group in builder_steps.palette() for node in group["nodes"]]
    assert len(offered) == len(set(offered))
    assert {node for node in offered if builder_steps.spec_of(node)} == set(offered)
    assert "message_received@1" not in offered


def test_the_diagram_beside_the_steps_marks_what_is_wrong() -> None:
    document, _ = editing.add_step(Automation(name="New"), "message_received@1", after=None)
    drawn = canvas.drawing(document, compact=True, wrong={"message"})
    assert (drawn["compact"], drawn["wrong"]) == (True, ["message"])


def test_the_sources_to_search_in_are_chosen_by_name(office: Office) -> None:
    with transaction(office.workspace) as tx:
        sources.create(tx, office.workspace, "text", "prices")
        sources.create(tx, office.workspace, "qa", "Opening hours")
    found = pickers.options(office.workspace, "sources", {})
    assert [option.label for option in found or ()] == ["Opening hours", "prices"]


def test_without_a_crm_a_picker_lets_one_write_anything(office: Office) -> None:
    pickers.forget()
    assert pickers.options(office.workspace, "tags", {}) is None
    assert pickers.options(office.workspace, "channels", {}) is None
    fields = pickers.options(office.workspace, "contact_field", {})
    assert fields is not None
    assert pickers.Option("email", "Email") in fields
