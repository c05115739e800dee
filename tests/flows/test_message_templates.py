"""Templates and saved texts that a person can choose from, and a reply that uses one."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from db import connections
from db.engine import run, system, transaction
from db.secrets import seal
from flows import crm, message_templates
from flows.actions import ActionRefused
from flows.message_templates import chosen, saved_texts, whatsapp
from flows.template_reply import reply_with_template, template_with
from nodes.message_template import MessageTemplate
from tests.db.builders import a_connection, a_contact, a_conversation, a_user
from tests.fakes.ghl_twin import GhlTwin
from tests.fakes.http_twin import Fault
from tests.fakes.twilio_twin import ACCOUNT_SID, AUTH_TOKEN, TwilioTwin
from tests.flows.effects_rig import EffectsRig
from tests.flows.rig import Rig


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    message_templates.forget()
    yield
    message_templates.forget()


def conversation(rig: Rig, channel: str = "whatsapp") -> UUID:
    """A customer wrote in it two days ago."""
    with transaction(rig.workspace) as tx:
        made = a_conversation(
            tx, rig.workspace, a_contact(tx, rig.workspace), rig.twilio, channel=channel, address="+14155550123"
        )
        run(tx, "UPDATE conversations SET last_inbound_at = now() - interval '2 days' WHERE id = %(id)s", id=made)
    return made


def template(rig: Rig, twin: TwilioTwin) -> MessageTemplate:
    made = twin.add_template("bike_ready", "Hello {{1}}, your bike is ready.")
    return template_with(rig.workspace, made.sid, {"1": "Lea"})


def test_templates_of_every_active_twilio_connection_are_offered_the_approved_ones_first(
    rig: Rig, twin: TwilioTwin
) -> None:
    twin.add_template("b", "Two", approval="pending")
    twin.add_template("c", "Three")
    twin.add_template("a", "One")
    with TwilioTwin() as other, system() as tx:
        other.add_template("d", "Four")
        config = {"account_sid": ACCOUNT_SID, "from_number": "+15005550007", "base_url": other.base_url}
        second = a_connection(
            tx, rig.workspace, "twilio", config=config, secrets=seal({"auth_token": AUTH_TOKEN}), name="Second number"
        )
        tx.commit()
        assert [each.template.name for each in whatsapp(rig.workspace)] == ["a", "c", "d", "b"]
        assert whatsapp(rig.workspace)[2].connection_name == "Second number"
    with transaction(rig.workspace) as tx:
        connections.pause(tx, second, "Off for now.")
    assert [each.template.name for each in whatsapp(rig.workspace)] == ["a", "c", "b"]


def test_twilio_is_asked_once_a_minute_and_not_at_all_for_a_while_after_a_failure(rig: Rig, twin: TwilioTwin) -> None:
    twin.add_template("a", "One")
    twin.misbehave(Fault(status=500))
    assert whatsapp(rig.workspace) == whatsapp(rig.workspace) == []
    assert len(twin.requests) == 1
    message_templates.forget()
    assert len(whatsapp(rig.workspace)) == len(whatsapp(rig.workspace)) == 1
    assert len(twin.requests) == 2


def test_a_chosen_template_has_its_blanks_and_nothing_in_them(rig: Rig, twin: TwilioTwin) -> None:
    made = twin.add_template("bike_ready", "Hello {{1}}", language="de")
    [offered] = whatsapp(rig.workspace)
    kept = chosen(offered.template)
    assert (kept.id, kept.name, kept.language, kept.text) == (made.sid, "bike_ready", "de", "Hello {1}")
    assert [(blank.name, blank.value, blank.otherwise) for blank in kept.blanks] == [("1", "", "")]


def test_saved_texts_of_the_location_are_texts(effects_rig: EffectsRig, ghl: GhlTwin) -> None:
    ghl.add_template("Thanks", body="Thank you, {{contact.first_name}}!")
    ghl.add_template("Offer", "email", subject="Our offer", html="<p>Hi {{contact.name}},</p><p>it is <b>20</b>.</p>")
    ghl.add_template("Nothing in it", body="")
    ghl.add_template("Of WhatsApp", "whatsapp", body="Hello")
    found = saved_texts(effects_rig.workspace)
    assert [(each.name, each.kind, each.text) for each in found] == [
        ("Offer", "email", "Hi {{contact.name}},\n\nit is 20."),
        ("Thanks", "sms", "Thank you, {{contact.first_name}}!"),
    ]


def test_more_saved_texts_than_one_page_are_all_there(effects_rig: EffectsRig, ghl: GhlTwin) -> None:
    for number in range(130):
        ghl.add_template(f"Text {number:03}", body="Hello")
    assert len(saved_texts(effects_rig.workspace)) == 130


def test_without_a_crm_there_are_no_saved_texts(rig: Rig) -> None:
    crm.forget(rig.workspace)
    assert saved_texts(rig.workspace) == []


def test_a_person_writes_with_a_template_when_the_window_is_closed(rig: Rig, twin: TwilioTwin) -> None:
    place = conversation(rig)
    twin.closed_windows.add("whatsapp:+14155550123")
    ana = rig.user()
    message = reply_with_template(rig.workspace, place, ana, template(rig, twin), "k1")
    rig.deliver()
    assert [(sent.body, bool(sent.content_sid)) for sent in twin.sent] == [("Hello Lea, your bike is ready.", True)]
    [kept] = rig.query(
        "SELECT id, author, author_user_id, content, state, metadata FROM messages WHERE direction = 'out'"
    )
    assert (kept["id"], kept["author"], kept["author_user_id"], kept["state"]) == (message, "human", ana, "sent")
    assert kept["content"] == "Hello Lea, your bike is ready."
    assert kept["metadata"]["explanation"] == {"template": "bike_ready"}
    assert rig.conversation()["owner"] == "human"


def test_a_double_click_sends_the_template_once(rig: Rig, twin: TwilioTwin) -> None:
    place, ana, made = conversation(rig), rig.user(), template(rig, twin)
    first = reply_with_template(rig.workspace, place, ana, made, "k1")
    assert reply_with_template(rig.workspace, place, ana, made, "k1") == first
    rig.deliver()
    assert len(twin.sent) == 1


def test_who_may_only_look_may_send_no_template(rig: Rig, twin: TwilioTwin) -> None:
    place, made = conversation(rig), template(rig, twin)
    with system() as tx:
        viewer = a_user(tx, rig.workspace, role="viewer", email="viewer@example.com")
    with pytest.raises(ActionRefused, match="may not answer customers"):
        reply_with_template(rig.workspace, place, viewer, made, "k1")
    with pytest.raises(ActionRefused, match="does not exist in this workspace"):
        reply_with_template(rig.workspace, uuid4(), rig.user(), made, "k2")
    assert rig.query("SELECT FROM outbox") == []


def test_a_blank_that_is_not_filled_in_is_named(rig: Rig, twin: TwilioTwin) -> None:
    made = twin.add_template("bike_ready", "Hello {{1}}")
    empty = template_with(rig.workspace, made.sid, {})
    with pytest.raises(ActionRefused, match="blank 1 of the template 'bike_ready'"):
        reply_with_template(rig.workspace, conversation(rig), rig.user(), empty, "k1")


def test_on_another_channel_a_template_is_a_plain_text(rig: Rig, twin: TwilioTwin) -> None:
    reply_with_template(rig.workspace, conversation(rig, "sms"), rig.user(), template(rig, twin), "k1")
    rig.deliver()
    assert [(sent.body, sent.content_sid) for sent in twin.sent] == [("Hello Lea, your bike is ready.", "")]


def test_only_what_is_offered_and_approved_can_be_asked_for(rig: Rig, twin: TwilioTwin) -> None:
    pending = twin.add_template("soon", "Hello", approval="pending")
    made = twin.add_template("bike_ready", "Hello {{1}}")
    with pytest.raises(ActionRefused, match="HX0 does not exist"):
        template_with(rig.workspace, "HX0", {})
    with pytest.raises(ActionRefused, match="not approved the template 'soon': it is pending"):
        template_with(rig.workspace, pending.sid, {})
    with pytest.raises(ActionRefused, match="no blank 'name'. It has: 1"):
        template_with(rig.workspace, made.sid, {"name": "Lea"})


def test_a_template_is_not_called_gone_while_twilio_does_not_answer(rig: Rig, twin: TwilioTwin) -> None:
    made = twin.add_template("bike_ready", "Hello")
    twin.misbehave(Fault(status=500))
    with pytest.raises(ActionRefused, match="did not answer just now"):
        template_with(rig.workspace, made.sid, {})
