"""The page CRM: connecting, the test that names missing scopes, the addresses, what waits; and the undo panel of a run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from streamlit.runtime import context
from streamlit.testing.v1 import AppTest

from db import connections
from db.engine import rows, transaction
from db.records import Role
from db.settings import get_settings
from db.views import OutboxLine
from flows import crm, crm_setup
from flows.actions import ActionRefused
from tests.db.builders import a_contact, a_conversation, a_run, an_automation, an_event, an_outbox_row
from tests.fakes.ghl_twin import GhlTwin
from tests.ui.conftest import Office
from ui import cookies, effect_words, runs

ROUTER = Path(__file__).parents[2] / "ui" / "router.py"


class Browser:
    def __init__(self, kept: dict[str, str]) -> None:
        self.cookies = kept


@pytest.fixture
def visit(office: Office, monkeypatch: pytest.MonkeyPatch) -> Any:
    def go(page: str, role: Role = "admin", **query: str) -> AppTest:
        browser = Browser({cookies.SESSION: office.token(role)})
        monkeypatch.setattr(context, "_get_client_context", lambda: browser)
        test = AppTest.from_file(str(ROUTER), default_timeout=30).run()
        for name, value in query.items():
            test.query_params[name] = value
        return test.switch_page(f"app_pages/{page}.py").run()

    return go


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> Iterator[GhlTwin]:
    with GhlTwin() as twin:
        monkeypatch.setenv("GHL_BASE_URL", twin.base_url)
        get_settings.cache_clear()
        yield twin
    get_settings.cache_clear()


def told(test: AppTest) -> str:
    kinds = (
        "title",
        "header",
        "subheader",
        "markdown",
        "caption",
        "warning",
        "info",
        "error",
        "success",
        "code",
        "toast",
    )
    return "\n".join(str(getattr(element, "value", "")) for kind in kinds for element in test.get(kind))


def connected(office: Office, twin: GhlTwin) -> UUID:
    found = crm_setup.connect(office.workspace, office.people["admin"], twin.location_id, twin.token)
    assert found.works
    with transaction(office.workspace) as tx:
        chosen = connections.default(tx, "ghl")
    assert chosen is not None
    return chosen.id


def test_before_anything_is_connected_the_page_says_how(visit: Any) -> None:
    test = visit("crm")
    assert not test.exception
    text = told(test)
    assert "Private Integrations" in text and "/webhook/ghl/outgoing" in text and "/oauth/ghl/callback" in text
    assert "contacts.readonly" in text


def test_a_token_connects_the_location_and_its_name_is_shown(visit: Any, office: Office, twin: GhlTwin) -> None:
    test = visit("crm")
    test.text_input[0].input(f"https://app.gohighlevel.com/v2/location/{twin.location_id}/dashboard")
    test.text_input[1].input(twin.token)
    button = next(each for each in test.button if each.label == "Connect")
    button.click()
    test = test.run()
    assert not test.exception
    assert "Bright Smile Dental" in told(test) and "It works" in told(test)
    with transaction(office.workspace) as tx:
        chosen = connections.default(tx, "ghl")
    assert chosen is not None and chosen.config["location_id"] == twin.location_id
    assert twin.token not in told(test)


def test_a_token_that_is_wrong_is_refused_and_nothing_is_kept(office: Office, twin: GhlTwin) -> None:
    with pytest.raises(ActionRefused, match="does not accept the token"):
        crm_setup.connect(office.workspace, office.people["admin"], twin.location_id, "pit-wrong")
    with transaction(office.workspace) as tx:
        assert connections.default(tx, "ghl") is None


def test_the_test_names_the_scopes_that_are_missing(visit: Any, office: Office, twin: GhlTwin) -> None:
    connected(office, twin)
    twin.deny("opportunities.write", "calendars.readonly")
    test = visit("crm")
    next(each for each in test.button if each.label == "Test").click()
    text = told(test.run())
    assert "`opportunities.write`" in text and "`calendars.readonly`" in text and "`contacts.write`" not in text


def test_another_location_forgets_what_was_known_of_the_first(office: Office, twin: GhlTwin) -> None:
    id = connected(office, twin)
    with GhlTwin(location_id="loc1Other1Location11", port=0) as other:
        with transaction(office.workspace) as tx:
            connections.update(tx, id, config={"location_name": "Old name"})
        get_settings.cache_clear()
        with pytest.raises(ActionRefused):
            crm_setup.connect(office.workspace, office.people["admin"], other.location_id, twin.token)


def test_switches_and_the_address_for_workflows_are_kept(visit: Any, office: Office, twin: GhlTwin) -> None:
    id = connected(office, twin)
    test = visit("crm")
    next(each for each in test.toggle if each.label == "Messages").set_value(False)
    test = test.run()
    next(each for each in test.button if each.label == "Make an address for workflows").click()
    test = test.run()
    with transaction(office.workspace) as tx:
        found = connections.get(tx, id)
    assert found is not None and found.config["sync_messages"] is False
    token = found.config["workflow_token"]
    assert len(token) >= 32 and f"/webhook/ghl/workflow/{token}" in told(test)
    crm_setup.new_workflow_address(office.workspace, office.people["admin"], id)
    with transaction(office.workspace) as tx:
        again = connections.get(tx, id)
    assert again is not None and again.config["workflow_token"] != token


def test_what_waits_and_what_was_given_up_is_shown(visit: Any, office: Office, twin: GhlTwin) -> None:
    connected(office, twin)
    with transaction(office.workspace) as tx:
        contact = a_contact(tx, office.workspace, name="Nora Quill")
        thread = a_conversation(tx, office.workspace, contact)
        of = {"order_key": f"crm:{contact}", "author": "system"}
        tag = {"kind": "change_tags", "add": ["vip"], "remove": []}
        an_outbox_row(
            tx, office.workspace, thread, **of, effect=tag, error="GoHighLevel cannot be reached.", attempts=4
        )
        late = datetime.now(UTC)
        an_outbox_row(
            tx, office.workspace, thread, **of, effect=tag, state="failed", error="No such tag.", settled_at=late
        )
    text = told(visit("crm"))
    assert "change waits" in text and "GoHighLevel cannot be reached" in text.replace("\\", "")
    assert "Nora Quill" in text and "No such tag" in text.replace("\\", "")


def test_what_the_crm_told_is_shown_with_the_reason_where_nothing_came_of_it(
    visit: Any, office: Office, twin: GhlTwin
) -> None:
    connected(office, twin)
    with transaction(office.workspace) as tx:
        for number, (kind, state, note) in enumerate(
            [
                ("ghl.ContactTagUpdate", "done", ""),
                ("ghl.NoteCreate", "ignored", "Ignored: Notes of the CRM are read there, not here."),
                ("ghl.InboundMessage", "parked", "No such contact."),
                ("twilio.message", "ignored", "Not of the CRM."),
            ]
        ):
            an_event(tx, office.workspace, type=kind, state=state, note=note, dedupe_key=f"e{number}")
    text = told(visit("crm"))
    assert "Contact tag changed · Taken over." in text.replace("\\", "")
    assert "Note made · Nothing came of it: notes of the CRM are read there" in text.replace("\\", "")
    assert "A message came in there · It could not be worked off: No such contact." in text.replace("\\", "")
    assert "Not of the CRM" not in text


def test_the_page_is_for_admins(visit: Any) -> None:
    with pytest.raises(ValueError, match="crm"):  # it is not even in the navigation of anybody else
        visit("crm", "agent")


def test_signing_in_needs_an_app_first(visit: Any, office: Office) -> None:
    with pytest.raises(ActionRefused, match="client id"):
        crm_setup.keep_app(office.workspace, office.people["admin"], {"client_id": "abc"})
    crm_setup.keep_app(office.workspace, office.people["admin"], {"client_id": "abc-1", "client_secret": "s"})
    test = visit("crm")
    assert not test.exception
    next(each for each in test.button if each.label == "Sign in at GoHighLevel").click()
    test = test.run()
    assert not test.exception


# --- runs -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def changed_run(office: Office) -> UUID:
    """A run that changed our own contact, with no CRM connected."""
    with transaction(office.workspace) as tx:
        contact = a_contact(tx, office.workspace, name="Nora Quill", crm={"tags": ["lead", "vip"]})
        thread = a_conversation(tx, office.workspace, contact)
        document = {"format": 1, "name": "Tagger", "steps": []}
        run = a_run(tx, office.workspace, an_automation(tx, office.workspace, document), thread, contact_id=contact)
        effect = {"kind": "change_tags", "add": ["vip"], "remove": []}
        result = {"before": ["lead"], "after": ["lead", "vip"], "id": "", "alone": True}
        of = {"order_key": f"crm:{contact}", "author": "system", "run_id": run}
        an_outbox_row(tx, office.workspace, thread, **of, effect=effect, state="done", result=result)
    crm.forget(office.workspace)
    return run


def test_a_run_shows_what_it_changed_and_undoes_it_once(visit: Any, office: Office, changed_run: UUID) -> None:
    test = visit("runs", run=str(changed_run))
    assert not test.exception
    assert "Added the tag vip" in told(test)
    next(each for each in test.button if each.label == "Undo…").click()
    test = test.run()
    assert "Remove the tag vip" in told(test)
    next(each for each in test.button if each.label == "Undo these").click()
    test.run()
    with transaction(office.workspace) as tx:
        found = rows(tx, "SELECT effect, author FROM outbox WHERE idempotency_key LIKE 'undo:%%'")
    assert [(each["effect"]["kind"], each["author"]) for each in found] == [("undo_change", "human")]
    test = visit("runs", run=str(changed_run))
    assert "Is being taken back" in told(test) and not [each for each in test.button if each.label == "Undo…"]


def test_a_viewer_sees_what_changed_and_cannot_undo(visit: Any, changed_run: UUID) -> None:
    test = visit("runs", "viewer", run=str(changed_run))
    assert "Added the tag vip" in told(test) and not [each for each in test.button if each.label == "Undo…"]


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        ({"kind": "change_tags", "add": ["vip", "lead"], "remove": ["cold"]}, "Add the tags vip, lead and remove the tag cold"),
        ({"kind": "update_contact", "fields": {"first_name": "Nora"}}, "Set First name to “Nora”"),
        ({"kind": "create_task", "title": "Call", "due_at": "2026-11-24T09:00:00Z"}, "Write the task “Call”, due 24 Nov, 09:00 UTC"),
        ({"kind": "book_appointment", "start": "2026-11-24T09:00:00Z", "timezone": "Europe/Zurich"}, "Book an appointment for 24 Nov, 10:00 Europe/Zurich"),
        ({"kind": "send_request", "method": "POST", "url": "https://a.example.com/x?k=1"}, "Call a.example.com (POST)"),
        ({"kind": "move_opportunity", "stage_id": "s", "status": "won"}, "Move the opportunity to another stage as won"),
    ],
)  # fmt: skip
def test_effects_are_said_in_words(effect: dict[str, Any], words: str) -> None:
    assert effect_words.said(effect) == words


def test_changes_are_said_from_what_to_what() -> None:
    field = {"kind": "update_contact"}
    assert effect_words.changed(field, {"city": ""}, {"city": "Basel"}) == ["City: nothing → Basel"]
    assert effect_words.back(field, {"city": "Bern"}, {"city": "Basel"}) == ["City: back to Bern"]
    deal = {"kind": "move_opportunity"}
    names = {"s1": "New", "s2": "Won"}.get
    moved = effect_words.changed(deal, {"pipelineStageId": "s1"}, {"pipelineStageId": "s2"}, lambda id: names(id, ""))
    assert moved == ["Stage: New → Won"]


def test_an_effect_that_waits_for_the_crm_says_so(office: Office, visit: Any) -> None:
    line = OutboxLine(office.workspace, 1, {"kind": "add_note", "body": "Hi"}, "pending", 3, None, None, "", "It is away.", datetime.now(UTC), None)  # fmt: skip
    assert runs.left(line) == "Write the note “Hi” — waits for the CRM, tried 3 times: It is away."
