"""Templates of a Twilio account: what is listed of them, and how a message is made of one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs
from uuid import uuid4

import pytest

from nodes.clients.channel import Absent, Account, CannotTell, Found, OutgoingMessage, OutgoingTemplate
from nodes.clients.twilio import TwilioChannel, rest_client
from nodes.clients.twilio_content import templates
from nodes.errors import AuthFailed, NotSent, OutcomeUnknown, Rejected, Throttled
from tests.fakes.http_twin import Fault
from tests.fakes.twilio_templates import TwinTemplate
from tests.fakes.twilio_twin import TwilioTwin
from tests.nodes.clients.channel_cases import twilio_account

twilio = TwilioChannel()
CUSTOMER = "+14155550123"


@pytest.fixture
def twin() -> Iterator[TwilioTwin]:
    with TwilioTwin() as twin:
        yield twin


@pytest.fixture
def account(twin: TwilioTwin) -> Account:
    return twilio_account(twin.base_url)


def message(template: TwinTemplate, text: str, **variables: str) -> OutgoingMessage:
    chosen = OutgoingTemplate(template.sid, {name.strip("_"): value for name, value in variables.items()})
    return OutgoingMessage(uuid4(), "whatsapp", CUSTOMER, text, template=chosen)


def test_a_template_is_listed_with_its_text_its_blanks_and_what_whatsapp_said(
    twin: TwilioTwin, account: Account
) -> None:
    made = twin.add_template("bike_ready", "Hello {{1}}, your {{ 2 }} is ready.", variables={"1": "Lea", "2": "bike"})
    [found] = templates(account)
    assert (found.id, found.name, found.language, found.category) == (made.sid, "bike_ready", "en", "utility")
    assert found.text == "Hello {1}, your {2} is ready."
    assert (found.blanks, found.samples) == (("1", "2"), {"1": "Lea", "2": "bike"})
    assert (found.approval, found.reason) == ("approved", "")


def test_a_rejected_template_says_why_and_one_that_was_not_handed_in_says_so(
    twin: TwilioTwin, account: Account
) -> None:
    twin.add_template("a", "Buy!", approval="rejected", reason="Not clear what it is for")
    twin.add_template("b", "Hello", approval="unsubmitted")
    assert [(each.name, each.approval, each.reason) for each in templates(account)] == [
        ("a", "rejected", "Not clear what it is for"),
        ("b", "unsubmitted", ""),
    ]


def test_blanks_in_the_addresses_of_buttons_have_to_be_filled_too(twin: TwilioTwin, account: Account) -> None:
    button = {"actions": [{"type": "URL", "title": "Track", "url": "https://example.com/{{10}}"}]}
    twin.add_template("track", "{{2}} is on its way.", kind="twilio/call-to-action", more=button)
    assert templates(account)[0].blanks == ("2", "10")


def test_a_template_without_a_text_is_left_out(twin: TwilioTwin, account: Account) -> None:
    twin.add_template("place", "", kind="twilio/location")
    twin.add_template("three braces", "Hello {{{1}}}")
    assert templates(account) == []


def test_every_page_of_the_list_is_read(twin: TwilioTwin, account: Account) -> None:
    for number in range(230):
        twin.add_template(f"t{number}", "Hello")
    assert [each.name for each in templates(account)] == [f"t{number}" for number in range(230)]
    assert len(twin.requests) == 3 and not twin.refused


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(status=401, code=20003), AuthFailed),
        (Fault(status=429, code=20429), Throttled),
        (Fault(status=500), NotSent),
        (Fault(drop=True), NotSent),
        (Fault(body=b"<html>"), NotSent),
        (Fault(body=b'{"meta": {"key": "contents"}}'), NotSent),
        (Fault(status=404, code=20404), Rejected),
    ],
)
def test_trouble_with_the_list_is_one_of_our_errors(
    twin: TwilioTwin, account: Account, fault: Fault, error: type[Exception]
) -> None:
    twin.misbehave(fault)
    with pytest.raises(error):
        templates(account)


def test_the_real_addresses_of_twilio_are_used_where_nothing_stands_in_for_it() -> None:
    client = rest_client(twilio_account("https://api.twilio.com"))
    assert (client.api.base_url, client.content.base_url) == ("https://api.twilio.com", "https://content.twilio.com")


def test_a_template_leaves_by_its_id_and_its_values_without_a_text(twin: TwilioTwin, account: Account) -> None:
    made = twin.add_template("bike_ready", "Hello {{1}}")
    twin.closed_windows.add(f"whatsapp:{CUSTOMER}")
    assert twilio.send(account, message(made, "Hello Léa", _1="Léa")).provider_message_id == twin.sent[0].sid
    form = parse_qs(twin.requests[-1].body.decode())
    assert form["ContentSid"] == [made.sid] and json.loads(form["ContentVariables"][0]) == {"1": "Léa"}
    assert "Body" not in form and twin.sent[0].body == "Hello Léa"


def test_a_template_without_blanks_has_no_values(twin: TwilioTwin, account: Account) -> None:
    twilio.send(account, message(twin.add_template("hours", "We are open."), "We are open."))
    assert "ContentVariables" not in parse_qs(twin.requests[-1].body.decode())


def test_a_text_outside_the_window_and_a_template_that_is_gone_are_refused_in_words(
    twin: TwilioTwin, account: Account
) -> None:
    made = twin.add_template("bike_ready", "Hello")
    twin.closed_windows.add(f"whatsapp:{CUSTOMER}")
    with pytest.raises(Rejected, match="approved templates"):
        twilio.send(account, replace(message(made, "Hello"), template=None))
    twin.templates.clear()
    with pytest.raises(Rejected, match="does not exist at Twilio") as refused:
        twilio.send(account, message(made, "Hello"))
    assert refused.value.code == "21655"


def test_a_template_whose_answer_was_lost_is_found_by_its_filled_text(twin: TwilioTwin, account: Account) -> None:
    made = twin.add_template("bike_ready", "Hello {{1}},\n\nyour bike is ready.")
    lost, since = message(made, "Hello Lea,\nyour bike is ready.", _1="Lea"), datetime.now(UTC) - timedelta(seconds=1)
    twin.misbehave(Fault(drop=True, accepts=True))
    with pytest.raises(OutcomeUnknown):
        twilio.send(account, lost)
    assert twilio.reconcile(account, lost, since) == Found(twin.sent[0].sid)


def test_another_text_at_that_time_may_be_the_template_so_nothing_is_sent_again(
    twin: TwilioTwin, account: Account
) -> None:
    made = twin.add_template("card", "Your bike is ready.")
    lost, since = message(made, "Your bike is ready."), datetime.now(UTC) - timedelta(seconds=1)
    assert twilio.reconcile(account, lost, since) == Absent()
    other = twilio.send(account, replace(lost, template=None, text="Bike shop\nYour bike is ready.\nReply STOP"))
    assert isinstance(twilio.reconcile(account, lost, since), CannotTell)
    assert twilio.reconcile(account, lost, since, [other.provider_message_id]) == Absent()
