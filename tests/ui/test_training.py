"""The Training page: what it shows of each state, what it does, and for whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from streamlit.runtime import context
from streamlit.testing.v1 import AppTest

from db import document_states, documents, indexing, sources, training_changes, training_jobs, views
from db.engine import run, system, transaction
from db.passages import Piece
from db.records import Role
from flows import training
from tests.ui.conftest import Office
from ui import cookies

ROUTER = Path(__file__).parents[2] / "ui" / "router.py"
VIEWS = ("Sources", "Passages", "Changes", "Map", "Test a question")


@dataclass
class Browser:
    """What Streamlit knows of a browser; its tests cannot send cookies themselves."""

    cookies: dict[str, str]


@pytest.fixture
def visit(office: Office, monkeypatch: pytest.MonkeyPatch) -> Any:
    def go(view: str = "Sources", role: Role = "admin", state: dict[str, Any] | None = None, **query: str) -> AppTest:
        browser = Browser({cookies.SESSION: office.token(role)})
        monkeypatch.setattr(context, "_get_client_context", lambda: browser)
        test = AppTest.from_file(str(ROUTER), default_timeout=60).run()
        for name, value in query.items():
            test.query_params[name] = value
        for name, value in {"training_view": view, **(state or {})}.items():
            test.session_state[name] = value
        return test.switch_page("app_pages/training.py").run()

    return go


@dataclass(frozen=True)
class Shop:
    """A website with a learned and a failed page and two changes, and a text."""

    website: UUID
    text: UUID
    learned: UUID
    waiting: UUID


@pytest.fixture
def shop(office: Office) -> Shop:
    actor = f"user:{office.people['admin']}"
    site = training.Website("https://shop.example.com", "Shop", review=True)
    website = training.add_website(office.workspace, actor, site).source
    text = training.add_text(office.workspace, actor, "Hours", "## Hours\nNine to *six*.").source
    with transaction(office.workspace) as tx:
        job = training_jobs.open_of(tx, website)
        assert job is not None
        pages = [
            documents.put(tx, office.workspace, website, job.id, f"https://shop.example.com/{name}", name, "x", b"x")
            for name in ("prices", "broken")
        ]
        pieces = [
            Piece(text, "Prices", place, [1.0] * 1536, "m1")
            for place, text in enumerate(("A wash: $15.", "A tyre: $35."))
        ]
        indexing.put(tx, office.workspace, website, "website", "https://shop.example.com/prices", pieces)
        document = documents.get(tx, pages[0])
        assert document is not None
        document_states.set_indexed(tx, document, job.id, 2)
        document_states.set_failed(tx, pages[1], job.id, "The page answers 500. Try again later.", retryable=True)
        training_jobs.count(tx, job.id, found=40, indexed=10, failed=1)
        items = [
            {"kind": "price", "where": "Prices", "before": "$15", "after": "$16", "sentence_after": "A wash: $16."}
        ]
        waiting = training_changes.add(tx, office.workspace, website, pages[0], job.id, "changed", items, waiting=True, title="Prices", markdown="A wash: $16.", content_hash=b"y")  # fmt: skip
    return Shop(website, text, pages[0], waiting)


def told(test: AppTest) -> str:
    """Everything that the page says in words."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "warning", "info", "error", "success", "text")
    return "\n".join(str(getattr(element, "value", "")) for kind in kinds for element in test.get(kind))


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def finish(office: Office, source: UUID) -> None:
    with system() as tx:
        run(tx, "UPDATE training_jobs SET state = 'done', finished_at = now() WHERE source_id = %(s)s", s=source)
        run(tx, "UPDATE training_sources SET status = 'ready' WHERE id = %(s)s", s=source)


def test_every_view_and_every_form_of_an_empty_workspace_draws(visit: Any) -> None:
    for view in VIEWS:
        test = visit(view)
        assert not test.exception, view
        assert test.subheader[0].value == "Training"
    for kind in ("website", "file", "text", "qa", "urls"):
        assert not visit(add=kind).exception, kind


def test_every_view_of_a_busy_workspace_draws(visit: Any, shop: Shop) -> None:
    for view in VIEWS[:4]:
        assert not visit(view).exception, view


def test_a_new_owner_is_told_what_to_do_first_and_a_viewer_whom_to_ask(visit: Any) -> None:
    assert "Most begin with their website" in told(visit())
    assert len([button for button in visit().button if button.label == "Add"]) == 5
    viewer = visit(role="viewer")
    assert "A builder or an admin can add" in told(viewer)
    assert "Add" not in [button.label for button in viewer.button]


def test_a_source_says_how_far_it_is_and_why_pages_failed(visit: Any, shop: Shop, office: Office) -> None:
    working = told(visit(s=str(shop.website)))
    assert "1 page failed" in working
    assert "The page answers 500" in working
    assert "Cancel" in [button.label for button in visit(s=str(shop.website)).button]
    finish(office, shop.website)
    ready = visit(s=str(shop.website))
    assert {"Read again now", "Try the 1 failed again"} <= {button.label for button in ready.button}


def test_who_may_only_look_gets_no_buttons_to_change_anything(visit: Any, shop: Shop, office: Office) -> None:
    finish(office, shop.website)
    for role in ("viewer", "agent"):
        buttons = {
            button.label
            for view, state in (("Sources", {}), ("Passages", {"passages:chosen": passage(office)}), ("Changes", {}))
            for button in visit(view, role, state, s=str(shop.website)).button
        }
        assert not buttons & {"Add", "Read again now", "Yes, delete", "Save", "Switch off", "Approve", "Reject"}, role
        assert "may" in told(visit(role=role, add="text")) or "Your role" in told(visit(role=role, add="text"))


def passage(office: Office) -> str:
    with transaction(office.workspace) as tx:
        return str(views.passage_list(tx)[0].id)


def test_a_text_is_saved_and_opened(visit: Any, office: Office) -> None:
    test = visit(add="text")
    test.text_input(key="add_text:name").set_value("Prices")
    test.text_area(key="add_text:text").set_value("## Wash\nA wash costs $15.").run()
    assert "1 passage" in told(test)
    press(test, "Save the text")
    with transaction(office.workspace) as tx:
        [line] = views.training_list(tx)
    assert (line.name, line.type) == ("Prices", "text")
    assert test.query_params["s"] == str(line.id)


def test_what_is_refused_is_said_beside_the_form(visit: Any, office: Office) -> None:
    test = press(visit(add="text"), "Save the text")
    assert "Give it a name" in test.error[0].value
    with transaction(office.workspace) as tx:
        assert views.training_list(tx) == []


def test_a_website_gets_its_limits_and_its_schedule(visit: Any, office: Office) -> None:
    test = visit(add="website")
    test.text_input(key="site:url").set_value("shop.example.com")
    test.number_input(key="site:pages").set_value(20)
    test.text_input(key="site:when").set_value("every Monday at 6").run()
    assert "Every Monday at 6:00" in told(test).replace("\\", "")
    press(test, "Start reading")
    with transaction(office.workspace) as tx:
        [line] = views.training_list(tx)
    assert (line.url, line.config["max_pages"]) == ("https://shop.example.com/", 20)
    assert line.config["schedule"]["cron"] == "0 6 * * 1"


def test_unclear_words_start_nothing(visit: Any, office: Office) -> None:
    test = visit(add="website")
    test.text_input(key="site:url").set_value("shop.example.com")
    test.text_input(key="site:when").set_value("now and then").run()
    assert "is no time that repeats" in told(test)
    press(test, "Start reading")
    with transaction(office.workspace) as tx:
        assert views.training_list(tx) == []


def test_pairs_are_written_one_by_one_or_pasted(visit: Any, office: Office) -> None:
    test = visit(add="qa")
    test.text_area(key="pairs:q0").set_value("Open on Sunday?")
    test.text_area(key="pairs:a0").set_value("No.").run()
    press(test, "Save the pairs")
    test = visit(add="qa", state={"pairs:way": "Paste many"})
    test.text_area(key="pairs:text").set_value("Do you rent?\nYes.\n\nDo you sell?\nNo.").run()
    press(test, "Save the pairs")
    with transaction(office.workspace) as tx:
        [line] = views.training_list(tx)
        assert [each.address for each in documents.listing(tx, line.id)] == [
            "Open on Sunday?",
            "Do you rent?",
            "Do you sell?",
        ]


def test_a_schedule_is_changed_and_taken_away(visit: Any, shop: Shop, office: Office) -> None:
    test = visit(state={"source_tab:website": "Schedule and limits"}, s=str(shop.website))
    test.text_input(key=f"when:{shop.website}").set_value("every day at 18:30").run()
    press(test, "Save the schedule")
    with transaction(office.workspace) as tx:
        assert sources.get(tx, shop.website).config["schedule"]["cron"] == "30 18 * * *"  # type: ignore[union-attr]
    press(test, "No schedule")
    with transaction(office.workspace) as tx:
        assert "schedule" not in sources.get(tx, shop.website).config  # type: ignore[union-attr]


def test_deleting_asks_first(visit: Any, shop: Shop, office: Office) -> None:
    test = visit(s=str(shop.text))
    assert any("Delete **Hours**" in part.value for part in test.markdown)
    press(test, "Yes, delete")
    with transaction(office.workspace) as tx:
        assert [line.name for line in views.training_list(tx)] == ["Shop"]


def test_the_text_of_a_source_is_opened_to_change_it(visit: Any, shop: Shop) -> None:
    test = press(visit(s=str(shop.text)), "Change the text")
    assert test.text_input(key="add_text:name").value == "Hours"
    assert "Nine to *six*." in (test.text_area(key="add_text:text").value or "")


def test_passages_are_searched_and_switched_off(visit: Any, shop: Shop, office: Office) -> None:
    chosen = passage(office)
    test = visit("Passages", state={"passages:chosen": chosen})
    press(test, "Switch off")
    with transaction(office.workspace) as tx:
        assert [str(line.id) for line in views.passage_list(tx, shown="off")] == [chosen]
    assert "Switch on" in [button.label for button in test.button]


def test_a_change_is_read_as_facts_and_decided(visit: Any, shop: Shop, office: Office) -> None:
    test = visit("Changes")
    assert "$15" in told(test).replace("\\", "") and "→" in told(test)
    press(test, "Reject")
    with transaction(office.workspace) as tx:
        change = training_changes.get(tx, shop.waiting)
    assert change is not None and change.state == "rejected"


def test_all_changes_are_decided_at_once(visit: Any, shop: Shop, office: Office) -> None:
    press(visit("Changes"), "Yes, approve all")
    with transaction(office.workspace) as tx:
        assert views.waiting_changes(tx) == 0


def test_a_site_that_vanished_asks_before_it_is_forgotten(visit: Any, shop: Shop, office: Office) -> None:
    with transaction(office.workspace) as tx:
        sources.configure(tx, shop.website, vanished={"gone": 9, "of": 10})
        training_changes.add(tx, office.workspace, shop.website, shop.learned, None, "removed", [], waiting=True)
    test = visit(s=str(shop.website))
    assert "9 of 10 pages are gone" in told(test)
    press(test, "Keep them for now")
    with transaction(office.workspace) as tx:
        assert "vanished" not in sources.get(tx, shop.website).config  # type: ignore[union-attr]
        assert len(views.passage_list(tx, source=shop.website)) == 2


def test_when_it_was_read_last_is_told_by_the_clocks_of_the_workspace(visit: Any, shop: Shop, office: Office) -> None:
    finish(office, shop.website)
    with system() as tx:
        run(tx, "UPDATE workspaces SET timezone = 'Asia/Tokyo'")
        moment = datetime(2026, 3, 14, 20, 30, tzinfo=UTC)
        run(tx, "UPDATE training_jobs SET finished_at = %(at)s WHERE source_id = %(s)s", at=moment, s=shop.website)
    assert "15 Mar, 05:30" in told(visit(s=str(shop.website))).replace("\\", "")
