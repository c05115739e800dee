"""What a builder takes from what is connected: a draft from the model, and tags, pipelines, calendars and people from the CRM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from db import connections
from db.engine import configure, rows, transaction
from flows import drafts, editing
from flows.automation import Automation, Step
from tests.browser.window import CHROMIUM, an_office, pages, window
from tests.fakes.ghl_twin import GhlTwin
from tests.fakes.openai_twin import OpenAITwin
from tests.flows.crm_desk import by_token
from tests.ports import until

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install it, or name it in CHROMIUM_PATH")
SENTENCE = "When somebody asks for a price, thank them and mark them as a lead."
WRITTEN = {
    "name": "Price questions",
    "description": "Thanks who asks for a price.",
    "steps": [
        {"id": "message", "node": "message_received@1", "title": "Somebody writes", "config": {"keywords": ["price"]}},
        {"id": "thanks", "node": "send_message@1", "title": "Say thanks", "config": {"text": "Thank you!"}},
        {"id": "mark", "node": "tag@1", "title": "Mark as lead", "config": {"add": ["lead"]}},
    ],
}


@pytest.fixture
def workspace(database_url: str) -> UUID:
    configure(database_url)
    return an_office("builder")


@pytest.fixture
def ghl(workspace: UUID) -> Iterator[GhlTwin]:
    with GhlTwin() as twin:
        twin.tag_list += [{"id": tag, "name": tag, "locationId": twin.location_id} for tag in ("lead", "vip")]
        by_token(twin, workspace)
        yield twin
        assert twin.refused == []


@pytest.fixture
def model(workspace: UUID) -> Iterator[OpenAITwin]:
    with OpenAITwin(reply=lambda body: json.dumps(WRITTEN)) as twin:
        config = {"base_url": twin.base_url, "model": "twin-chat"}
        with transaction(workspace) as tx:
            connections.create(tx, workspace, "llm", "Model", config, {"api_key": twin.api_key}, is_default=True)
        yield twin
        assert twin.refused == []


@pytest.fixture
def page(
    chromium: Browser, database_url: str, home: Path, workspace: UUID, ghl: GhlTwin, model: OpenAITwin
) -> Iterator[Page]:
    with pages(database_url, home) as address, window(chromium, address, "/automations?new=1") as page:
        expect(page.get_by_role("button", name="Use this").first).to_be_visible(timeout=90_000)
        yield page


def test_a_sentence_becomes_a_draft_and_its_choices_come_from_the_crm(
    page: Page, workspace: UUID, ghl: GhlTwin, model: OpenAITwin
) -> None:
    page.get_by_role("tab", name="Describe it").click()
    page.get_by_label("What should happen?").fill(SENTENCE)
    page.get_by_role("button", name="Write a draft").click()
    expect(page.locator("li.item")).to_have_count(3, timeout=30_000)
    assert SENTENCE in [said["content"] for said in model.chats[0]["messages"]]
    [automation] = _drafts(workspace)
    assert [step.node for step in _steps(workspace, automation)] == [each["node"] for each in WRITTEN["steps"]]  # type: ignore[index]

    document = drafts.load(workspace, automation).document
    for node in ("move_opportunity@1", "book_appointment@1", "create_task@1"):
        document, _ = editing.add_step(document, node, after=None)
    _save(workspace, automation, document)
    page.reload()
    expect(page.locator("li.item")).to_have_count(6, timeout=30_000)

    _card(page, "Mark as lead", "Tag contact")
    _choose(page, "Tags to give", "vip")
    _card(page, "Move opportunity")
    _choose(page, "Pipeline", "Patients")
    until(lambda: "pipeline_id" in _kept(workspace, automation)["move_opportunity@1"], what="the pipeline is kept")
    page.reload()  # the stages are those of the pipeline for certain now
    expect(page.locator("li.item")).to_have_count(6, timeout=30_000)
    _card(page, "Move opportunity")
    _choose(page, "Stage", "Patients: Booked")
    _card(page, "Book appointment")
    _choose(page, "Calendar", "Check-up")
    _card(page, "Create task")
    _choose(page, "Colleague", "Ana Silva")
    pipeline = ghl.pipeline_list[0]
    until(lambda: _kept(workspace, automation).get("create_task@1") == {"assigned_to": ghl.user_list[0]["id"]}, what="the last choice is kept")  # fmt: skip
    kept = _kept(workspace, automation)
    assert kept["tag@1"]["add"] == ["lead", "vip"]
    assert kept["move_opportunity@1"] == {"pipeline_id": pipeline["id"], "stage_id": pipeline["stages"][1]["id"]}
    assert kept["book_appointment@1"]["calendar_id"] == ghl.calendar_list[0]["id"]


def _card(page: Page, title: str, kind: str = "") -> None:
    page.locator("li.item button.main", has_text=title).click()
    name = page.locator(".st-key-step_form").get_by_role("textbox", name="Name of the step")
    expect(name).to_have_attribute(
        "placeholder", kind or title, timeout=30_000
    )  # the form of the step before may have the same fields
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def _choose(page: Page, label: str, option: str) -> None:
    """Pick from the menu of a field, as it is named in the form."""
    field = page.locator("[data-testid=stSelectbox], [data-testid=stMultiSelect]").filter(
        has=page.get_by_text(label, exact=True)
    )
    page.locator(".st-key-step_form").locator(field).first.get_by_role("combobox").click()
    page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")
    _at_rest(page)


def _at_rest(page: Page) -> None:
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def _drafts(workspace: UUID) -> list[UUID]:
    with transaction(workspace) as tx:
        return [row["id"] for row in rows(tx, "SELECT id FROM automations")]


def _steps(workspace: UUID, automation: UUID) -> list[Step]:
    return list(drafts.load(workspace, automation).document.steps)


def _kept(workspace: UUID, automation: UUID) -> dict[str, Any]:
    return {step.node: step.config for step in _steps(workspace, automation)}


def _save(workspace: UUID, automation: UUID, document: Automation) -> None:
    drafts.save(workspace, None, automation, document, drafts.load(workspace, automation).revision)
