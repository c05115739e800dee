"""The Runs and Handoffs pages: filters, runs that go on, what waits for approval, what a run took."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import Session
from streamlit.runtime import context
from streamlit.testing.v1 import AppTest

from db import decisions, views
from db.decisions import Decision
from db.engine import read_only, rows, run, system, transaction
from db.records import Role
from tests.db.builders import a_contact, a_conversation, a_message, a_run, a_step, an_automation, an_event
from tests.ui.conftest import Office
from ui import cookies, run_filters, runs

ROUTER = Path(__file__).parents[2] / "ui" / "router.py"
DOCUMENT = {
    "format": 1,
    "name": "Front desk",
    "steps": [
        {"id": "message", "node": "message_received@1"},
        {"id": "ok", "node": "approve@1"},
        {"id": "send", "node": "send_message@1", "input": {"text": "ok.text"}},
    ],
}


@dataclass
class Browser:
    """What Streamlit knows of a browser; its tests cannot send cookies themselves."""

    cookies: dict[str, str]


@pytest.fixture
def visit(office: Office, monkeypatch: pytest.MonkeyPatch) -> Any:
    def go(page: str, role: Role = "agent", **query: str) -> AppTest:
        browser = Browser({cookies.SESSION: office.token(role)})
        monkeypatch.setattr(context, "_get_client_context", lambda: browser)
        test = AppTest.from_file(str(ROUTER), default_timeout=60).run()
        for name, value in query.items():
            test.query_params[name] = value
        return test.switch_page(f"app_pages/{page}.py").run()

    return go


@pytest.fixture
def two(office: Office) -> dict[str, UUID]:
    """A run that failed, and one that waits for approval."""
    with transaction(office.workspace) as tx:
        contact = a_contact(tx, office.workspace, name="Nora Quill")
        conversation = a_conversation(tx, office.workspace, contact)
        a_message(tx, office.workspace, conversation, "Do you have *blue* ones?")
        [said] = rows(tx, "SELECT seq FROM messages")
        automation = an_automation(tx, office.workspace, DOCUMENT, name="Front desk")
        common = {"contact_id": contact, "first_seq": said["seq"], "last_seq": said["seq"]}
        failed = a_run(tx, office.workspace, automation, conversation, state="failed", outcome="It broke.", **common)
        a_step(tx, office.workspace, failed, "message", 0, node="message_received@1", output={"text": "Hi"})
        a_step(tx, office.workspace, failed, "ok", 1, node="approve@1", state="failed", note="It broke.", attempts=3)
        waiting = a_run(tx, office.workspace, automation, conversation, state="waiting", finished_at=None, **common)
        until = datetime.now(UTC) + timedelta(hours=1)
        detail = {"until": until.isoformat(), "wakes_on": ["approval"], "pauses": 1}
        detail["memory"] = {"text": "10 % off", "title": "An offer", "asked_at": datetime.now(UTC).isoformat()}
        a_step(tx, office.workspace, waiting, "ok", 1, node="approve@1", state="waiting", detail=detail)
        run(tx, "UPDATE runs SET waiting_for = '{approval}', due_at = %(until)s WHERE state = 'waiting'", until=until)
    return {"failed": failed, "waiting": waiting}


def told(test: AppTest) -> str:
    """Everything that the page says in words."""
    kinds = ("title", "subheader", "markdown", "caption", "warning", "info", "error")
    return "\n".join(str(getattr(element, "value", "")) for kind in kinds for element in test.get(kind))


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def states(office: Office) -> dict[str, Any]:
    with transaction(office.workspace) as tx:
        return {str(row["id"]): row for row in rows(tx, "SELECT * FROM runs")}


def test_a_failed_run_goes_on_by_a_button(visit: Any, office: Office, two: dict[str, UUID]) -> None:
    test = visit("runs", run=str(two["failed"]))
    assert "Tried 3 times." in told(test)
    test = press(test, "Go on from the failed step")
    assert [toast.value for toast in test.toast] == ["It goes on."]
    assert states(office)[str(two["failed"])]["state"] == "waiting"


def test_a_viewer_lets_nothing_go_on(visit: Any, two: dict[str, UUID]) -> None:
    labels = [button.label for button in visit("runs", "viewer", run=str(two["failed"])).button]
    assert "Go on from the failed step" not in labels


def test_a_stopped_run_that_may_not_go_on_says_why(visit: Any, office: Office, two: dict[str, UUID]) -> None:
    with transaction(office.workspace) as tx:
        run(tx, "UPDATE runs SET state = 'cancelled' WHERE state = 'failed'")
        run(tx, "UPDATE conversations SET owner = 'human'")
    test = press(visit("runs", run=str(two["failed"])), "Go on where it was stopped")
    assert states(office)[str(two["failed"])]["state"] == "cancelled"
    assert "or answer yourself" in " ".join(toast.value for toast in test.toast) + told(test)


def test_several_go_on_together(visit: Any, office: Office, two: dict[str, UUID]) -> None:
    with transaction(office.workspace) as tx:
        run(tx, "UPDATE runs SET state = 'failed', waiting_for = '{}' WHERE state = 'waiting'")
    test = press(visit("runs"), "Let 2 go on")
    assert "2 runs go on" in told(test)


def test_a_waiting_run_says_what_for(visit: Any, two: dict[str, UUID]) -> None:
    text = told(visit("runs", run=str(two["waiting"])))
    assert "Goes on at once with a colleague's approval" in text
    assert "10 % off" in text
    assert re.search(r"Until \d+ \w+, \d\d:\d\d\. ", text), "the minute is enough for a wait"


def test_what_waits_for_approval_is_decided_on_the_page(visit: Any, office: Office, two: dict[str, UUID]) -> None:
    test = visit("handoffs")
    assert "An offer" in told(test)
    assert "waiting for approval" in "".join(str(link.proto.label) for link in test.get("page_link"))
    next(area for area in test.text_area if area.label == "The text").set_value("5 % off").run()
    test = press(test, "Approve with changes")
    woken_by = states(office)[str(two["waiting"])]["woken_by"]
    assert (woken_by["approved"], woken_by["text"], woken_by["by"]) == (True, "5 % off", "Agent")
    assert "An offer" not in told(test)


def test_what_somebody_edits_stays_in_its_place_when_another_one_is_decided(
    visit: Any, office: Office, two: dict[str, UUID]
) -> None:
    with transaction(office.workspace) as tx:
        older = copy_of_waiting(tx, office, two["waiting"])
    test = visit("handoffs")
    before = place_of(test.main, f"approval_text:{two['waiting']}")
    with transaction(office.workspace) as tx:
        run(tx, "DELETE FROM runs WHERE id = %(id)s", id=older)
    test.run()
    assert len([area for area in test.text_area if area.label == "The text"]) == 1
    assert place_of(test.main, f"approval_text:{two['waiting']}") == before


def copy_of_waiting(tx: Session, office: Office, waiting: UUID) -> UUID:
    """Another run that waits for approval, an hour longer."""
    [found] = rows(tx, "SELECT automation_id, conversation_id, contact_id, first_seq, last_seq, due_at FROM runs WHERE id = %(id)s", id=waiting)  # fmt: skip
    [step] = rows(
        tx, "SELECT detail, started_at FROM run_steps WHERE run_id = %(id)s AND state = 'waiting'", id=waiting
    )
    older = a_run(
        tx, office.workspace, found["automation_id"], found["conversation_id"], state="waiting", finished_at=None,
        contact_id=found["contact_id"], first_seq=found["first_seq"], last_seq=found["last_seq"],
    )  # fmt: skip
    earlier = (step["started_at"] - timedelta(hours=1)).isoformat()
    detail = {**step["detail"], "memory": {**step["detail"]["memory"], "asked_at": earlier}}
    a_step(tx, office.workspace, older, "ok", 1, node="approve@1", state="waiting", detail=detail)
    run(tx, "UPDATE runs SET waiting_for = '{approval}', due_at = %(until)s WHERE id = %(id)s", until=found["due_at"], id=older)  # fmt: skip
    return older


def place_of(block: Any, key: str) -> list[int] | None:
    """The way through the page to the field whose key begins so: the same way means that the browser keeps the field."""
    for index, child in block.children.items():
        if str(getattr(child, "key", None) or "").startswith(key):
            return [index]
        if hasattr(child, "children") and (below := place_of(child, key)) is not None:
            return [index, *below]
    return None


def test_a_viewer_reads_what_waits_and_decides_nothing(visit: Any, two: dict[str, UUID]) -> None:
    test = visit("handoffs", "viewer")
    assert "10 % off" in told(test)
    assert "Approve" not in [button.label for button in test.button]


def test_filters_draw(visit: Any, two: dict[str, UUID]) -> None:
    test = visit("runs")
    for label, choice in (("State", "failed"), ("Time", run_filters.DAYS)):
        box = next(box for box in test.selectbox if box.label == label)
        assert not box.set_value(choice).run().exception
    field = next(field for field in test.text_input if field.label == "Message")
    assert not field.set_value("blue").run().exception


def test_runs_are_found_by_words_of_the_customer_and_by_time(office: Office, two: dict[str, UUID]) -> None:
    now = datetime.now(UTC)
    with system() as tx:
        run(tx, "UPDATE runs SET created_at = now() - interval '3 days' WHERE state = 'failed'")
    with read_only(office.workspace) as tx:

        def found(**asked: Any) -> set[UUID]:
            return {line.id for line in views.run_list(tx, **asked)}

        assert found(text="BLUE") == found(text="blue", search="quill") == set(two.values())
        assert found(text="green") == found(text="%") == set()
        assert found(since=now - timedelta(days=1)) == {two["waiting"]}
        assert found(until=now - timedelta(days=1)) == {two["failed"]}
        assert found(until=now - timedelta(days=1), text="blue", state="failed") == {two["failed"]}


def test_chosen_days_are_days_of_the_business(office: Office) -> None:
    day = date(2026, 3, 28)
    begin, end = run_filters.span_of((day, day + timedelta(days=1)), "Europe/Zurich")
    assert begin is not None and end is not None
    assert (begin.isoformat(), end.isoformat()) == ("2026-03-28T00:00:00+01:00", "2026-03-30T00:00:00+02:00")
    assert run_filters.span_of((), "UTC") == (None, None)


def test_what_a_run_took_is_summed_and_an_unknown_price_is_not_free(office: Office, two: dict[str, UUID]) -> None:
    with read_only(office.workspace) as tx:
        found = views.run(tx, two["failed"])
    assert found is not None
    assert runs.spent(found) == ""
    asked = [replace(step, detail={"model": "m", "tokens_in": 10, "tokens_out": 5, "cost_usd": 0.5}) for step in found.steps]  # fmt: skip
    assert runs.spent(replace(found, steps=tuple(asked))) == "Asked models 2 times · 20 tokens in, 10 out · 1.00000 USD"
    free = replace(asked[0], detail={"model": "m", "tokens_in": 1, "tokens_out": 1, "cost_usd": None})
    assert "price not known" in runs.spent(replace(found, steps=(asked[0], free)))


def test_not_started_shows_parked_arrivals_and_every_reason(visit: Any, office: Office, two: dict[str, UUID]) -> None:
    with transaction(office.workspace) as tx:
        event = an_event(tx, office.workspace, state="parked", note="The body is no JSON.")
        [message] = rows(tx, "SELECT id FROM messages")
        decisions.write(tx, office.workspace, [Decision(event, message["id"], None, "No automation is published.")])
    test = visit("runs")
    test.session_state["view"] = "Not started"
    test.run()
    assert "The body is no JSON" in told(test)
    next(button for button in test.button if button.label == "Every reason").click().run()
    assert not test.exception
    assert "Before any automation" in told(test)
