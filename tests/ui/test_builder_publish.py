"""Publishing says in its own place what stands in the way, with the way there, and what is live once it is done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from flows import drafts, editing
from flows.automation import Automation
from flows.publish import publish
from tests.ui.conftest import Office
from tests.ui.test_pages import told, visit  # noqa: F401
from ui.builder_desk import KEY, Desk
from ui.text import plain


@pytest.fixture
def draft(office: Office) -> UUID:
    """Message received -> May the AI answer?"""
    document = Automation(name="Front desk")
    for node in ("message_received@1", "gate@1"):
        document, _ = editing.add_step(document, node, after=None)
    return drafts.create(office.workspace, office.people["admin"], name="Front desk", document=document)


def ask(test: AppTest, automation: UUID, live: int | None = None) -> AppTest:
    """Open what the button opens."""
    test.session_state[f"publish:{automation}:{live}"] = True
    return test.run()


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def labels(test: AppTest) -> set[str]:
    return {button.label for button in test.button}


def change(office: Office, automation: UUID, edit: Any) -> None:
    now = drafts.load(office.workspace, automation)
    drafts.save(office.workspace, office.people["admin"], automation, edit(now.document), now.revision)


def test_what_is_live_and_what_comes_next_is_said_until_it_is_put_away(visit: Any, office: Office, draft: UUID) -> None:  # noqa: F811
    test = press(ask(visit("automations", id=str(draft)), draft), "Publish now")
    assert drafts.load(office.workspace, draft).live_version == 1
    assert "it is switched off" not in told(test).lower()
    assert "**Version 1 is live**" in told(test) and "handled by it" in told(test)
    assert [toast.value for toast in test.toast] == []
    test = press(test, "Close")
    assert "Version 1 is live" not in told(test)


def test_an_automation_that_is_switched_off_can_be_switched_on_there(visit: Any, office: Office, draft: UUID) -> None:  # noqa: F811
    drafts.set_enabled(office.workspace, None, draft, False)
    test = press(ask(visit("automations", id=str(draft)), draft), "Publish now")
    assert "is published, but the automation is switched off" in told(test)
    test = press(test, "Switch it on")
    assert drafts.load(office.workspace, draft).enabled
    assert "**Version 1 is live**" in told(test)


def test_every_problem_has_its_remedy_there_and_the_way_to_its_step(visit: Any, office: Office, draft: UUID) -> None:  # noqa: F811
    for node in ("tag@1", "send_message@1"):
        change(office, draft, lambda document, node=node: editing.add_step(document, node, after=None)[0])
    test = ask(visit("automations", id=str(draft)), draft)
    assert "Not yet: 2 things are open" in told(test)
    for problem in drafts.load(office.workspace, draft).problems:
        assert plain(problem.remedy) in told(test)
    assert "Publish now" not in labels(test)
    test = next(button for button in test.button if button.key == "obstacle:1").click().run()
    desk: Desk = test.session_state[KEY]
    assert desk.selected == "send"
    assert "Not yet" not in told(test)


def test_a_review_that_is_asked_for_stands_there_too(visit: Any, office: Office, draft: UUID) -> None:  # noqa: F811
    publish(office.workspace, draft, None)
    drafts.set_needs_review(office.workspace, None, draft, True)
    change(office, draft, lambda document: editing.set_title(document, "gate", "Nobody else?"))
    test = ask(visit("automations", id=str(draft)), draft, 1)
    assert "asks for a comparison with past conversations" in told(test)
    test = press(test, "Go to the backtest")
    assert "Compare" in labels(test)


def test_a_refusal_at_the_last_moment_stands_beside_the_button(visit: Any, office: Office, draft: UUID) -> None:  # noqa: F811
    test = ask(visit("automations", id=str(draft)), draft)
    desk: Desk = test.session_state[KEY]
    desk.saved_at = drafts.load(office.workspace, draft).updated_at  # a change was made here, so theirs is not taken
    change(office, draft, lambda document: editing.set_title(document, "gate", "Nobody else?"))
    test = press(test, "Publish now")
    assert drafts.load(office.workspace, draft).live_version is None
    assert "changed this" in told(test) and "Show the newest" in labels(test)
    assert [toast.value for toast in test.toast] == []
