"""Which of a message's two forms leaves: its text, or the approved template, and that everybody sees the one that did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from db.engine import run, system
from flows import actions
from flows.automation import Automation
from flows.commit import pieces
from flows.delivery import Ready
from flows.describe import describe_step
from flows.difference import diff
from flows.free_text import as_it_leaves, leaves_as_template
from flows.would import Setting, would
from nodes.clients.channel import Request
from nodes.contract import ContactFacts
from nodes.effects import Media, SendMessage, Template
from tests.fakes.http_twin import Fault
from tests.fakes.twilio_twin import TwilioTwin, signed_whatsapp
from tests.flows.rig import PUBLIC, Rig

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TEMPLATE = Template(id="HX1", name="bike_ready", text="Your bike is ready, Lea.", variables={"1": "Lea"})
MESSAGE = SendMessage(text="It is ready!", template=TEMPLATE, media=(Media(url="https://example.com/a.png"),))
LONG = " ".join(["We have repaired your bike and washed it too."] * 60)
CUSTOMER = "whatsapp:+14155550123"


# --- the decision ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "hours", "text", "is_template"),
    [
        ("whatsapp", 23.9, "It is ready!", False),
        ("whatsapp", 23.99, TEMPLATE.text, True),  # it would be on its way when the window closes
        ("whatsapp", 24.0, TEMPLATE.text, True),
        ("whatsapp", None, TEMPLATE.text, True),
        ("sms", 48.0, "It is ready!", False),
        ("email", None, "It is ready!", False),
    ],
)
def test_the_template_leaves_on_whatsapp_once_free_text_is_not_taken(
    channel: str, hours: float | None, text: str, is_template: bool
) -> None:
    last = None if hours is None else NOW - timedelta(hours=hours)
    leaving = as_it_leaves(MESSAGE, channel, last, NOW)
    assert (leaving.text, leaves_as_template(leaving)) == (text, is_template)
    assert leaving.media == (() if is_template else MESSAGE.media)


def test_a_message_that_is_its_template_leaves_as_one_at_any_time() -> None:
    alone = SendMessage(text=TEMPLATE.text, template=TEMPLATE)
    assert leaves_as_template(as_it_leaves(alone, "whatsapp", NOW, NOW))
    assert as_it_leaves(alone, "sms", NOW, NOW) == SendMessage(text=TEMPLATE.text)


def test_a_template_that_stands_by_goes_with_the_first_part_and_one_that_leaves_is_whole() -> None:
    waiting = MESSAGE.model_copy(update={"text": LONG})
    parts = list(pieces(waiting, 1600))
    assert len(parts) == 2 and [part.template for part in parts] == [TEMPLATE, None]
    long = TEMPLATE.model_copy(update={"text": LONG})
    assert [part.text for part in pieces(SendMessage(text=LONG, template=long), 1600)] == [LONG]


# --- through the line to the provider -------------------------------------------------------------------------------------------


def document(template: str, text: str = "It is ready!") -> dict[str, Any]:
    chosen = {
        "id": template,
        "name": "bike_ready",
        "text": "Your bike is ready, {1}.",
        "blanks": [{"name": "1", "value": "{{message.contact_name}}", "otherwise": "dear customer"}],
    }
    return {
        "format": 1,
        "name": "Bike ready",
        "steps": [
            {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
            {"id": "send", "node": "send_message@1", "config": {"text": text, "template": chosen}},
        ],
    }


class Shop:
    """A rig whose automation has a text and a template."""

    def __init__(self, rig: Rig, twin: TwilioTwin, text: str = "It is ready!") -> None:
        self.rig, self.twin = rig, twin
        self.sid = twin.add_template("bike_ready", "Your bike is ready, {{1}}.").sid
        rig.publish(document(self.sid, text))

    def wrote(self, hours_ago: float = 0.0) -> None:
        """The customer wrote so long ago, and the automation starts only now."""
        webhook = signed_whatsapp(f"{PUBLIC}/webhook/twilio", "Is my bike ready?", name="Lea")
        headers = {name.lower(): value for name, value in webhook.headers.items()}
        self.rig.store(self.rig.twilio, Request("POST", webhook.url, headers, webhook.body))
        self.rig.take_in()
        self.silent_for(hours_ago)

    def silent_for(self, hours: float) -> None:
        with system() as tx:
            run(tx, "UPDATE conversations SET last_inbound_at = now() - make_interval(secs => %(s)s)", s=hours * 3600)
        if hours >= 24:
            self.twin.closed_windows.add(CUSTOMER)

    def thread(self) -> list[dict[str, Any]]:
        return self.rig.query(
            "SELECT content, state, error, metadata -> 'explanation' AS why FROM messages WHERE direction = 'out' ORDER BY seq"
        )

    def sent(self) -> list[tuple[str, bool]]:
        assert self.twin.refused == []
        return [(sent.body, sent.content_sid == self.sid) for sent in self.twin.sent]


@pytest.fixture
def shop(rig: Rig, twin: TwilioTwin) -> Shop:
    return Shop(rig, twin)


AS_TEMPLATE = [("Your bike is ready, Lea.", True)]


def test_within_24_hours_the_text_leaves(shop: Shop) -> None:
    shop.wrote()
    shop.rig.execute()
    shop.rig.deliver()
    assert shop.sent() == [("It is ready!", False)]
    assert [(line["content"], line["why"]) for line in shop.thread()] == [("It is ready!", None)]


def test_later_the_template_leaves_and_the_thread_shows_it(shop: Shop) -> None:
    shop.wrote(hours_ago=25)
    shop.rig.execute()
    shop.rig.deliver()
    assert shop.sent() == AS_TEMPLATE
    [line] = shop.thread()
    assert (line["content"], line["state"]) == ("Your bike is ready, Lea.", "sent")
    assert line["why"] == {"template": "bike_ready"}
    assert shop.rig.conversation()["last_message_preview"] == "Your bike is ready, Lea."


def test_a_window_that_closes_while_the_message_waits_in_line_turns_it_into_the_template(shop: Shop) -> None:
    shop.wrote()
    shop.rig.execute()
    assert [line["content"] for line in shop.thread()] == ["It is ready!"]
    shop.silent_for(24.01)
    shop.rig.deliver()
    assert shop.sent() == AS_TEMPLATE
    [line] = shop.thread()
    assert (line["content"], line["state"]) == ("Your bike is ready, Lea.", "sent")
    assert line["why"] == {"template": "bike_ready"}
    [row] = shop.rig.query("SELECT effect, state FROM outbox")
    assert (row["effect"]["text"], row["state"]) == ("Your bike is ready, Lea.", "done")
    assert shop.rig.conversation()["last_message_preview"] == "Your bike is ready, Lea."


def test_a_window_that_opens_again_does_not_change_the_message_back(shop: Shop) -> None:
    shop.wrote(hours_ago=25)
    shop.rig.execute()
    shop.silent_for(0)
    shop.rig.deliver()
    assert shop.sent() == AS_TEMPLATE


def test_a_long_text_outside_the_window_is_one_message(rig: Rig, twin: TwilioTwin) -> None:
    shop = Shop(rig, twin, LONG)
    shop.wrote(hours_ago=25)
    rig.execute()
    rig.deliver()
    assert shop.sent() == AS_TEMPLATE and len(shop.thread()) == 1


def test_the_rest_of_a_long_text_does_not_follow_the_template(rig: Rig, twin: TwilioTwin) -> None:
    shop = Shop(rig, twin, LONG)
    shop.wrote()
    rig.execute()
    assert len(shop.thread()) == 2
    shop.silent_for(25)
    rig.deliver()
    assert shop.sent() == AS_TEMPLATE
    first, second = shop.thread()
    assert (first["content"], first["state"]) == ("Your bike is ready, Lea.", "sent")
    assert second["state"] == "cancelled" and "template went out instead" in second["error"]
    assert [row["state"] for row in rig.query("SELECT state FROM outbox ORDER BY seq")] == ["done", "cancelled"]
    assert rig.conversation()["last_message_preview"] == "Your bike is ready, Lea."


def test_on_sms_the_text_leaves_however_long_ago_it_was(shop: Shop) -> None:
    shop.rig.receive_sms("Is my bike ready?")
    shop.rig.take_in()
    shop.silent_for(100)
    shop.rig.execute()
    shop.rig.deliver()
    assert shop.sent() == [("It is ready!", False)]
    [row] = shop.rig.query("SELECT effect FROM outbox")
    assert row["effect"]["template"] is None


def test_a_free_text_without_a_template_is_not_sent_and_says_what_to_do(shop: Shop) -> None:
    shop.wrote(hours_ago=25)
    actions.reply(shop.rig.workspace, shop.rig.conversation()["id"], shop.rig.user(), "Hello?", "k")
    shop.rig.deliver()
    assert shop.sent() == []
    [line] = shop.thread()
    assert line["state"] == "failed" and "Send an approved template" in line["error"]


def test_a_template_whose_answer_was_lost_is_found_and_not_sent_again(shop: Shop) -> None:
    shop.wrote(hours_ago=25)
    shop.rig.execute()
    shop.twin.misbehave(Fault(drop=True, accepts=True))
    shop.rig.deliver()
    assert shop.thread()[0]["state"] == "unknown"
    with system() as tx:
        run(tx, "UPDATE outbox SET due_at = now()")
    assert shop.rig.reconciliation.ask() == 1
    assert shop.thread()[0]["state"] == "sent" and shop.sent() == AS_TEMPLATE


def test_a_template_that_never_arrived_leaves_as_a_template_again(shop: Shop) -> None:
    shop.wrote()
    shop.rig.execute()
    shop.silent_for(25)
    shop.twin.misbehave(Fault(drop=True))
    shop.rig.deliver()
    with system() as tx:
        run(tx, "UPDATE outbox SET due_at = now()")
    assert shop.rig.reconciliation.ask() == 1
    shop.rig.deliver()
    assert shop.sent() == AS_TEMPLATE


def test_a_template_that_is_gone_at_twilio_fails_in_words(shop: Shop) -> None:
    shop.wrote(hours_ago=25)
    shop.rig.execute()
    shop.twin.templates.clear()
    shop.rig.deliver()
    [line] = shop.thread()
    assert (line["state"], line["error"]) == ("failed", "The content template does not exist at Twilio.")


def test_the_next_run_remembers_what_the_customer_really_got(shop: Shop) -> None:
    shop.wrote()
    shop.rig.execute()
    shop.silent_for(25)
    claimed: list[Ready] = shop.rig.delivery.claim(10)
    assert [ready.row.effect["text"] for ready in claimed] == ["Your bike is ready, Lea."]
    found = shop.rig.query("SELECT content FROM messages WHERE direction = 'out'")
    assert [row["content"] for row in found] == ["Your bike is ready, Lea."], "before anything has left"


# --- said before it happens -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "message", "sentence"),
    [
        (
            "whatsapp",
            MESSAGE,
            "Would send to Lea by WhatsApp with 1 file: “It is ready!”, and after 24 hours without a message of theirs"
            + " the approved template “bike_ready”: “Your bike is ready, Lea.”",
        ),
        (
            "whatsapp",
            SendMessage(text=TEMPLATE.text, template=TEMPLATE),
            "Would send to Lea by WhatsApp: the approved template “bike_ready”: “Your bike is ready, Lea.”",
        ),
        ("sms", SendMessage(text="It is ready!", template=TEMPLATE), "Would send to Lea by SMS: “It is ready!”"),
    ],
)
def test_a_trial_says_which_template_stands_by(channel: str, message: SendMessage, sentence: str) -> None:
    assert would(message, Setting(ContactFacts(uuid4(), "Lea"), channel)).sentence == sentence


def test_a_card_and_a_difference_name_the_template() -> None:
    before, after = (Automation.model_validate(document(sid)) for sid in ("HX1", "HX2"))
    told = describe_step(before, "send")
    assert told == "Sends the customer: “It is ready!” After 24 hours of silence the WhatsApp template “bike_ready”."
    alone = Automation.model_validate(document("HX1", text=""))
    assert describe_step(alone, "send") == "Sends the customer the WhatsApp template “bike_ready”."
    [difference] = diff(before, after)
    assert "“Template” is now “bike_ready”: “Your bike is ready, {{message.contact_name}}.”" in difference.sentence
