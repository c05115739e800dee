"""Approved templates on the pages: a builder sees what would be sent, an agent sends one where free text is not taken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from db import connections
from db.engine import rows, transaction
from flows import drafts, editing, message_templates
from flows.automation import Automation
from flows.message_templates import Offered
from nodes.clients.twilio_content import ContentTemplate
from tests.db.builders import a_contact, a_conversation, a_message
from tests.fakes.http_twin import Fault
from tests.fakes.twilio_templates import TwinTemplate
from tests.fakes.twilio_twin import ACCOUNT_SID, AUTH_TOKEN, OUR_NUMBER, TwilioTwin
from tests.ui.conftest import Office
from tests.ui.test_builder import choose, kept, labelled, step
from tests.ui.test_pages import told, visit  # noqa: F401
from ui import whatsapp_templates
from ui.whatsapp_templates import Shelf

BODY = "Hello {{1}}, your {{2}} is ready."
TEXT = "Hello {1}, your {2} is ready."
SEND = "Send an approved template"


@pytest.fixture
def twilio() -> Iterator[TwilioTwin]:
    with TwilioTwin() as twin:
        yield twin


@pytest.fixture
def ready(twilio: TwilioTwin) -> TwinTemplate:
    return twilio.add_template("bike_ready", BODY, variables={"1": "Lea", "2": "city bike"})


@pytest.fixture
def number(office: Office, twilio: TwilioTwin) -> UUID:
    config = {"account_sid": ACCOUNT_SID, "from_number": OUR_NUMBER, "base_url": twilio.base_url}
    with transaction(office.workspace) as tx:
        return connections.create(tx, office.workspace, "twilio", "Shop", config, {"auth_token": AUTH_TOKEN}, True).id


@pytest.fixture
def draft(office: Office, number: UUID, ready: TwinTemplate) -> UUID:
    """Message received -> Send message, with the template that is ready."""
    document = Automation(name="Bikes")
    for node in ("message_received@1", "send_message@1"):
        document, _ = editing.add_step(document, node, after=None)
    blanks = [{"name": "1", "value": "{{message.contact_name}}"}, {"name": "2", "value": "city bike"}]
    chosen = {"id": ready.sid, "name": ready.name, "language": "en", "text": TEXT, "blanks": blanks}
    document = editing.set_config(document, "send", "template", chosen)
    return drafts.create(office.workspace, None, name="Bikes", document=document)


@pytest.fixture
def closed(office: Office, number: UUID) -> UUID:
    """A conversation by WhatsApp in which the customer wrote 30 hours ago."""
    at = datetime.now(UTC) - timedelta(hours=30)
    with transaction(office.workspace) as tx:
        contact = a_contact(tx, office.workspace, name="Lea Moser", phone="+14155550123")
        made = a_conversation(tx, office.workspace, contact, number, channel="whatsapp", last_inbound_at=at)
        a_message(tx, office.workspace, made, "Is my bike ready?", created_at=at)
    return made


def pressed(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def sent(office: Office) -> list[dict[str, Any]]:
    with transaction(office.workspace) as tx:
        return [row["effect"] for row in rows(tx, "SELECT effect FROM outbox ORDER BY seq")]


def test_a_builder_reads_the_whole_message_with_results_in_words(visit: Any, draft: UUID) -> None:  # noqa: F811
    text = told(choose(visit("automations", id=str(draft)), "send"))
    assert "Hello :green-background[Contact name], your city bike is ready" in text.replace("\\", "")
    assert "only for 24 hours after the customer's last message" in text
    assert "{{" not in text


def test_another_template_begins_with_empty_blanks(
    visit: Any,  # noqa: F811
    office: Office,
    draft: UUID,
    twilio: TwilioTwin,
) -> None:
    other = twilio.add_template("service_due", "Time for a service, {{1}}.", variables={"1": "Lea"})
    test = choose(visit("automations", id=str(draft)), "send")
    labelled(test.selectbox, "Approved template").select(other.sid).run()
    now = step(kept(office, draft), "send").config["template"]
    assert (now["id"], now["text"]) == (other.sid, "Time for a service, {1}.")
    assert [blank["value"] for blank in now["blanks"]] == [""]
    labelled(test.selectbox, "Approved template").select("").run()
    assert "template" not in step(kept(office, draft), "send").config


@pytest.mark.parametrize(
    ("approval", "sentence"),
    [("paused", "paused by WhatsApp for now"), ("disabled", "switched off by WhatsApp"), ("", "does not list this template")],
)  # fmt: skip
def test_a_kept_template_that_may_not_be_sent_any_more_stays_and_is_told(
    visit: Any,  # noqa: F811
    office: Office,
    draft: UUID,
    twilio: TwilioTwin,
    ready: TwinTemplate,
    approval: str,
    sentence: str,
) -> None:
    twilio.templates.clear()
    if approval:
        twilio.templates[ready.sid] = TwinTemplate(ready.sid, ready.name, BODY, approval)
    test = choose(visit("automations", id=str(draft)), "send")
    assert sentence in told(test)
    assert labelled(test.selectbox, "Approved template").value == ready.sid
    assert step(kept(office, draft), "send").config["template"]["id"] == ready.sid


def test_an_agent_sends_a_template_once_every_blank_is_filled(
    visit: Any,  # noqa: F811
    office: Office,
    closed: UUID,
    ready: TwinTemplate,
) -> None:
    test = pressed(visit("conversations", "agent", c=str(closed)), SEND)
    labelled(test.selectbox, "Template").select(ready.sid).run()
    labelled(test.text_input, "Blank 1").set_value("Lea").run()
    pressed(test, "Send it")
    assert sent(office) == []
    assert "Fill in every blank first" in test.toast[0].value
    labelled(test.text_input, "Blank 2").set_value("city bike").run()
    assert "Hello Lea, your city bike is ready" in told(test).replace("\\", "")
    pressed(test, "Send it")
    [effect] = sent(office)
    assert effect["text"] == "Hello Lea, your city bike is ready."
    assert effect["template"]["variables"] == {"1": "Lea", "2": "city bike"}
    assert SEND in [button.label for button in test.button]  # the form is folded up again


def test_who_may_not_reply_and_who_still_may_write_freely_see_no_templates(
    visit: Any,  # noqa: F811
    office: Office,
    closed: UUID,
) -> None:
    assert SEND not in [button.label for button in visit("conversations", "viewer", c=str(closed)).button]
    with transaction(office.workspace) as tx:
        rows(tx, "UPDATE conversations SET last_inbound_at = now() RETURNING 1")
    assert SEND not in [button.label for button in visit("conversations", "agent", c=str(closed)).button]


def test_an_agent_is_told_where_templates_are_made_while_none_is_approved(
    visit: Any,  # noqa: F811
    closed: UUID,
    twilio: TwilioTwin,
) -> None:
    twilio.add_template("spring_offer", "20% off!", approval="rejected", reason="It is marketing.")
    text = told(pressed(visit("conversations", "agent", c=str(closed)), SEND)).replace("\\", "")
    assert whatsapp_templates.NONE_APPROVED in text
    assert "**Spring offer (en)**: refused by WhatsApp: It is marketing." in text
    assert "Content Template Builder" in text


def test_the_shelf_says_why_it_is_empty(office: Office, twilio: TwilioTwin) -> None:
    assert whatsapp_templates.shelf(office.workspace).trouble == whatsapp_templates.NOT_CONNECTED
    config = {"account_sid": ACCOUNT_SID, "from_number": OUR_NUMBER, "base_url": twilio.base_url}
    with transaction(office.workspace) as tx:
        made = connections.create(tx, office.workspace, "twilio", "Shop", config, {"auth_token": AUTH_TOKEN}, True)
    twilio.misbehave(Fault(status=503), times=9)
    assert whatsapp_templates.shelf(office.workspace).trouble == message_templates.SILENT
    with transaction(office.workspace) as tx:
        connections.pause(tx, made.id, "Twilio does not accept the auth token.")
    assert "“Shop” is paused: Twilio does not accept" in whatsapp_templates.shelf(office.workspace).trouble


def test_only_what_its_own_number_can_send_is_for_a_conversation() -> None:
    made = [ContentTemplate(id, id, "en", "", "Hello", approval="approved") for id in ("HX1", "HX2")]
    shelf = Shelf([Offered("Shop", made[0]), Offered("Workshop", made[1])])
    assert list(shelf.of("Workshop").approved) == ["HX2"]


def test_a_blank_is_told_by_the_words_around_it() -> None:
    assert whatsapp_templates.where(TEXT, "2") == "Hello …, your ____ is ready."
    assert whatsapp_templates.where(TEXT, "3") == ""


def test_names_and_values_of_templates_never_become_markup() -> None:
    assert whatsapp_templates.preview("*{1}* {2}", {"1": "[x](y)"}) == (
        "\\*\\[x\\]\\(y\\)\\* :orange-background[ blank 2 ]"
    )
    assert whatsapp_templates.name_of("order_ready", "de") == "Order ready (de)"
