from __future__ import annotations

from typing import Any

import pytest

from nodes.clients.channel import Arrival, Identity, Ignored, IncomingMedia, IncomingMessage, Receipt, Request
from nodes.clients.twilio import TwilioChannel
from nodes.errors import Unreadable
from tests.fakes.twilio_twin import OUR_NUMBER, Webhook, signed, signed_sms, signed_whatsapp
from tests.nodes.clients.channel_cases import TWILIO_URL, posted, twilio_account

twilio = TwilioChannel()


def read(call: Webhook) -> Arrival:
    twilio.verify(twilio_account(), posted(call))
    (arrival,) = twilio.parse(twilio_account(), posted(call))
    return arrival


def message(call: Webhook) -> IncomingMessage:
    arrival = read(call)
    assert isinstance(arrival, IncomingMessage)
    return arrival


def sms(body: str = "Hello", **more: Any) -> IncomingMessage:
    return message(signed_sms(TWILIO_URL, body, **more))


def whatsapp(body: str = "Hello", **more: Any) -> IncomingMessage:
    return message(signed_whatsapp(TWILIO_URL, body, **more))


def test_an_sms_is_known_by_its_phone_number() -> None:
    arrived = sms("Are you open?", message_sid="SM7")
    assert (arrived.channel, arrived.address, arrived.text) == ("sms", "+14155550123", "Are you open?")
    assert arrived.identities == (Identity("phone", "+14155550123"),)
    assert arrived.provider_message_id == "SM7"


def test_a_whatsapp_message_is_known_by_phone_and_whatsapp_id() -> None:
    arrived = whatsapp(sender="+5511998765432", WaId="551198765432")
    assert (arrived.channel, arrived.address, arrived.name) == ("whatsapp", "+5511998765432", "Dana")
    assert arrived.identities == (Identity("phone", "+5511998765432"), Identity("whatsapp", "551198765432"))


def test_a_whatsapp_message_without_a_whatsapp_id_is_known_by_its_digits() -> None:
    assert whatsapp(WaId="").identities[1] == Identity("whatsapp", "14155550123")


def test_somebody_who_hides_the_number_is_known_by_the_business_scoped_id() -> None:
    arrived = whatsapp(sender="US.13491208655302741918", WaId="")
    assert arrived.address == "US.13491208655302741918"
    assert arrived.identities == (Identity("bsuid", "US.13491208655302741918"),)


def test_pictures_come_with_address_and_type() -> None:
    address = "https://api.twilio.com/2010-04-01/Accounts/AC0/Messages/MM0/Media/ME0"
    arrived = whatsapp("", media=[(address, "image/jpeg"), ("javascript:alert(1)", "text/html")])
    assert arrived.media == (IncomingMedia(address, "image/jpeg"),)
    assert arrived.text == ""


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"body": "", "ButtonText": "Book now", "ButtonPayload": "book"}, "Book now"),
        ({"body": "", "ListTitle": "Oil change", "ListId": "oil"}, "Oil change"),
        (
            {"body": "", "Latitude": "52.52", "Longitude": "13.40", "Label": "Café", "Address": "Main St 1"},
            "Location: Café, Main St 1 (52.52, 13.40)",
        ),
        ({"body": "Here", "Latitude": "52.52", "Longitude": "13.40"}, "Here\nLocation: (52.52, 13.40)"),
        ({"body": " Typed ", "ButtonText": "Not this"}, "Typed"),
    ],
)
def test_what_is_tapped_or_pointed_at_becomes_text(more: dict[str, str], text: str) -> None:
    assert whatsapp(**more).text == text


def test_the_button_and_the_answered_message_stay_known() -> None:
    arrived = whatsapp("", ButtonText="Yes", ButtonPayload="yes-17", OriginalRepliedMessageSid="SM9")
    assert arrived.metadata["ButtonPayload"] == "yes-17"
    assert arrived.metadata["OriginalRepliedMessageSid"] == "SM9"


@pytest.mark.parametrize(
    ("body", "told", "expected"),
    [
        ("STOP", "", "stop"),
        (" stop. ", "", "stop"),
        ("Unsubscribe", "", "stop"),
        ("please stop", "", ""),
        ("START", "", "start"),
        ("yes", "", ""),
        ("yes", "START", "start"),
        ("Arrêt", "STOP", "stop"),
        ("HELP", "HELP", ""),
        ("STOP", "HELP", ""),
    ],
)
@pytest.mark.parametrize("arrived", [sms, whatsapp])
def test_opting_out_and_in_is_noticed_on_both_channels(arrived: Any, body: str, told: str, expected: str) -> None:
    assert arrived(body, **({"OptOutType": told} if told else {})).opt_out == expected


def test_control_characters_are_removed() -> None:
    assert sms("a\x00b\x1b[31m\r\nc\td").text == "ab[31m\nc\td"


def test_unknown_fields_change_nothing() -> None:
    assert sms(SomethingNew="1", AnotherThing="").text == "Hello"


@pytest.mark.parametrize("field", ["From", "MessageSid"])
def test_without_sender_or_id_it_is_unreadable_and_not_a_crash(field: str) -> None:
    values = {"From": "+14155550123", "MessageSid": "SM1", "Body": "x"}
    request = posted(signed(TWILIO_URL, {name: value for name, value in values.items() if name != field}))
    for look in (twilio.keys, twilio.parse):
        with pytest.raises(Unreadable, match=field):
            look(twilio_account(), request)


@pytest.mark.parametrize("odd", ["SM 1", "SM\x001" + "é", "x" * 65, "'; --"])
def test_an_id_that_is_none_is_unreadable(odd: str) -> None:
    with pytest.raises(Unreadable, match="MessageSid"):
        twilio.keys(twilio_account(), posted(signed(TWILIO_URL, {"From": "+14155550123", "MessageSid": odd})))


def test_a_json_body_is_unreadable() -> None:
    request = Request("POST", TWILIO_URL, {"content-type": "application/json"}, b'{"MessageSid": "SM1"}')
    with pytest.raises(Unreadable, match="form"):
        twilio.keys(twilio_account(), request)


@pytest.mark.parametrize(
    "call",
    [
        signed_sms(TWILIO_URL, Direction="outbound-api"),
        signed_sms(TWILIO_URL, sender=OUR_NUMBER),
        signed_whatsapp(TWILIO_URL, sender=OUR_NUMBER),
        signed_sms(TWILIO_URL, sender="messenger:1234"),
        signed(TWILIO_URL, {"MessageSid": "SM1", "MessageStatus": "queued", "To": "+1", "From": "+2"}),
        signed(TWILIO_URL, {"MessageSid": "SM1", "MessageStatus": "something-new", "To": "+1", "From": "+2"}),
    ],
)
def test_echoes_other_channels_and_states_without_news_are_ignored_with_a_reason(call: Webhook) -> None:
    arrival = read(call)
    assert isinstance(arrival, Ignored)
    assert arrival.reason.endswith(".")


@pytest.mark.parametrize(
    ("fields", "state", "error"),
    [
        ({"MessageStatus": "sent"}, "sent", ""),
        ({"MessageStatus": "delivered"}, "delivered", ""),
        ({"MessageStatus": "read"}, "read", ""),
        ({"MessageStatus": "delivered", "EventType": "READ"}, "read", ""),
        ({"MessageStatus": "failed", "ErrorCode": "30006"}, "failed", "landline"),
        ({"MessageStatus": "undelivered", "ErrorCode": "99999"}, "failed", "99999"),
        ({"MessageStatus": "failed", "ErrorCode": "63999", "ErrorMessage": "No."}, "failed", "No."),
        ({"MessageStatus": "failed"}, "failed", "without a code"),
        ({"MessageStatus": "sent", "ErrorCode": "12345"}, "sent", ""),
    ],
)
@pytest.mark.parametrize("query", ["", "?m=nonsense", "?m="])
def test_a_status_is_a_receipt(fields: dict[str, str], state: str, error: str, query: str) -> None:
    receipt = read(signed(TWILIO_URL + "/status" + query, {"MessageSid": "SM1", **fields}))
    assert isinstance(receipt, Receipt)
    assert (receipt.state, receipt.outbox_id) == (state, None)
    assert error in receipt.error and bool(receipt.error) == (state == "failed")
