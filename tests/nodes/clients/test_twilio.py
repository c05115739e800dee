from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from nodes.clients.channel import (
    Absent,
    Account,
    CannotTell,
    Channel,
    Found,
    IncomingMedia,
    OutgoingMessage,
    Receipt,
    ReceiptState,
    Request,
)
from nodes.clients.twilio import TwilioChannel, check, receipt_address
from nodes.errors import AuthFailed, NotSent, Rejected, SignatureInvalid
from tests.fakes.http_twin import Answer, Fault, HttpTwin, Received
from tests.fakes.twilio_twin import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    OUR_NUMBER,
    TwilioTwin,
    signature,
    signed_sms,
    signed_status,
)
from tests.nodes.clients.channel_cases import TWILIO_URL, posted, twilio_account

twilio = TwilioChannel()

# Twilio's published example: token 12345 and these addresses and fields.
EXAMPLE = "mycompany.com/myapp.php?foo=1&bar=2"
EXAMPLE_FIELDS = b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
JSON_BODY = b'{"property": "value", "boolean": true}'
JSON_HASH = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
VECTORS = [
    (f"https://{EXAMPLE}", EXAMPLE_FIELDS, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    (
        f"https://{EXAMPLE}",
        b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
        "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
    ),
    (f"https://{EXAMPLE.replace('.com', '.com:443')}", EXAMPLE_FIELDS, "kvajT1Ptam85bY51eRf/AJRuM3w="),
    (f"http://{EXAMPLE.replace('.com', '.com:1234')}", EXAMPLE_FIELDS, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
    (f"http://{EXAMPLE.replace('.com', '.com:80')}", EXAMPLE_FIELDS, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    (f"https://{EXAMPLE.replace('.com', '.com:1234')}", EXAMPLE_FIELDS, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
]


def example(url: str, body: bytes, given: str, content_type: str = "application/x-www-form-urlencoded") -> Request:
    return Request("POST", url, {"content-type": content_type, "x-twilio-signature": given}, body)


def account_with(token: str, **more: str) -> Account:
    return replace(twilio_account(), secrets={"auth_token": token, **more})


@pytest.mark.parametrize(("url", "body", "given"), VECTORS)
def test_the_published_examples_are_accepted(url: str, body: bytes, given: str) -> None:
    twilio.verify(account_with("12345"), example(url, body, given))


@pytest.mark.parametrize(("url", "body", "given"), VECTORS)
def test_the_published_examples_do_not_hold_for_another_address(url: str, body: bytes, given: str) -> None:
    with pytest.raises(SignatureInvalid):
        twilio.verify(account_with("12345"), example(url.replace("bar=2", "bar=3"), body, given))


def test_a_json_body_is_covered_by_its_hash_in_the_address() -> None:
    url = f"https://{EXAMPLE}&bodySHA256={JSON_HASH}"
    twilio.verify(account_with("12345"), example(url, JSON_BODY, "a9nBmqA0ju/hNViExpshrM61xv4=", "application/json"))
    with pytest.raises(SignatureInvalid):
        twilio.verify(
            account_with("12345"), example(url, JSON_BODY + b" ", "a9nBmqA0ju/hNViExpshrM61xv4=", "application/json")
        )


def test_a_json_body_without_a_hash_in_the_address_is_refused_although_the_address_is_signed() -> None:
    url = f"https://{EXAMPLE}"
    with pytest.raises(SignatureInvalid):
        twilio.verify(account_with("12345"), example(url, JSON_BODY, signature("12345", url, {}), "application/json"))


def test_while_the_token_is_exchanged_both_are_accepted() -> None:
    twilio.verify(account_with("new-token", auth_token_secondary=AUTH_TOKEN), posted(signed_sms(TWILIO_URL)))


def test_an_address_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        twilio.verify(
            account_with("12345"), example("https://x:99999/", b"", signature("12345", "https://x:99999/", {}))
        )


def test_a_signed_body_of_100_kb_is_kept_whole() -> None:
    request = posted(signed_sms(TWILIO_URL, "é" * 50_000))
    twilio.verify(twilio_account(), request)
    (message,) = twilio.parse(twilio_account(), request)
    assert getattr(message, "text", "") == "é" * 50_000


def outgoing(text: str = "We open at nine.", channel: Channel = "sms", **more: object) -> OutgoingMessage:
    return replace(OutgoingMessage(uuid4(), channel, "+14155550123", text), **more)  # type: ignore[arg-type]


def test_an_sms_leaves_as_documented() -> None:
    message = outgoing(status_callback="https://desk.example.com/webhook/twilio/status?x=1")
    with TwilioTwin() as twin:
        sent = twilio.send(twilio_account(twin.base_url), message)
    (request,) = twin.sent
    assert twin.refused == []
    assert (request.sid, request.to, request.sender) == (sent.provider_message_id, "+14155550123", OUR_NUMBER)
    assert (request.body, sent.state) == ("We open at nine.", "sent")
    assert request.status_callback == f"https://desk.example.com/webhook/twilio/status?x=1&m={message.outbox_id}"


@pytest.mark.parametrize("number", ["+15005550009", "whatsapp:+15005550009"])
def test_a_whatsapp_message_names_the_channel_once_on_both_sides(number: str) -> None:
    with TwilioTwin() as twin:
        account = twilio_account(twin.base_url, whatsapp_from=number, messaging_service_sid="MG0")
        twilio.send(account, outgoing(channel="whatsapp"))
        twilio.send(account, outgoing(channel="whatsapp", to="whatsapp:+14155550123"))
    assert [(each.to, each.sender) for each in twin.sent] == [("whatsapp:+14155550123", "whatsapp:+15005550009")] * 2


def test_a_messaging_service_chooses_the_sender_of_an_sms() -> None:
    with TwilioTwin() as twin:
        account = twilio_account(twin.base_url, messaging_service_sid="MG" + "0" * 32)
        message = outgoing()
        sent = twilio.send(account, message)
        assert isinstance(twilio.reconcile(account, message, datetime.now(UTC)), Found)
    assert (twin.sent[0].sender, twin.sent[0].messaging_service_sid) == ("", "MG" + "0" * 32)
    assert sent.state == "sent"


def test_files_go_along_by_their_addresses() -> None:
    files = (IncomingMedia("https://desk.example.com/a.png"), IncomingMedia("https://desk.example.com/b.png"))
    with TwilioTwin() as twin:
        twilio.send(twilio_account(twin.base_url), outgoing("", media=files))
    assert twin.sent[0].media == ("https://desk.example.com/a.png", "https://desk.example.com/b.png")


def test_what_cannot_leave_is_refused_with_a_remedy_before_anything_is_asked() -> None:
    with TwilioTwin() as twin:
        with pytest.raises(Rejected, match="Enter one"):
            twilio.send(twilio_account(twin.base_url, from_number=""), outgoing())
        with pytest.raises(Rejected, match="empty"):
            twilio.send(twilio_account(twin.base_url), outgoing(""))
        with pytest.raises(AuthFailed, match="Enter both"):
            twilio.send(twilio_account(twin.base_url, account_sid=""), outgoing())
    assert twin.requests == []


def test_wrong_credentials_are_told_as_such() -> None:
    with TwilioTwin(auth_token="another") as twin, pytest.raises(AuthFailed, match="auth token"):
        twilio.send(twilio_account(twin.base_url), outgoing())


def test_a_provider_that_is_not_there_got_nothing() -> None:
    with TwilioTwin() as twin:
        pass
    with pytest.raises(NotSent, match="Twilio cannot be reached"):
        twilio.send(twilio_account(twin.base_url), outgoing())


def test_an_address_that_is_none_is_a_mistake_of_the_connection() -> None:
    for address in ("desk.example.com", "ftp://desk.example.com", "http://de\x01sk"):
        with pytest.raises(Rejected, match="Correct it in the connection"):
            twilio.send(twilio_account(address), outgoing())


def test_a_text_that_is_too_long_is_refused_with_a_plain_sentence() -> None:
    with TwilioTwin() as twin, pytest.raises(Rejected, match="1600 characters") as raised:
        twilio.send(twilio_account(twin.base_url), outgoing("x" * (twilio.max_text_length + 1)))
    assert raised.value.code == "21617"


def test_no_receipts_are_asked_to_an_address_that_the_internet_cannot_reach() -> None:
    local = "http://127.0.0.1:8000/webhook/twilio/status"
    with TwilioTwin() as twin:
        twilio.send(twilio_account(twin.base_url), outgoing(status_callback=local))
    assert twin.sent[0].status_callback.startswith(local)  # a server on this machine can reach it
    assert receipt_address(twilio_account(), outgoing(status_callback=local)) == ""


def test_threads_share_the_connections_of_an_account() -> None:
    with TwilioTwin() as twin:
        account = twilio_account(twin.base_url)
        threads = [
            threading.Thread(target=lambda: [twilio.send(account, outgoing()) for _ in range(10)]) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(twin._connections) < 20  # two requests that reach for one connection may open another
    assert len({each.sid for each in twin.sent}) == 80


def test_the_same_words_said_before_are_not_taken_for_the_lost_message() -> None:
    began = datetime.now(UTC)
    with TwilioTwin() as twin:
        account = twilio_account(twin.base_url)
        before = twilio.send(account, outgoing())
        message = outgoing()
        assert twilio.reconcile(account, message, began, known=[before.provider_message_id]) == Absent()
        assert twilio.reconcile(account, message, began + timedelta(minutes=2)) == Absent()


def test_a_lost_message_is_found_behind_many_newer_ones_and_what_became_of_it() -> None:
    began, message = datetime.now(UTC), outgoing("The lost one,  with  spaces.")
    with TwilioTwin() as twin:
        account = twilio_account(twin.base_url)
        sent = twilio.send(account, message)
        for number in range(120):
            twilio.send(account, outgoing(f"Another {number}"))
        place = twin._places[sent.provider_message_id]
        outcomes: dict[str, ReceiptState] = {"queued": "sent", "delivered": "delivered", "undelivered": "failed"}
        for status, state in outcomes.items():
            twin.sent[place] = replace(twin.sent[place], status=status)
            assert twilio.reconcile(account, message, began) == Found(sent.provider_message_id, state)


def test_among_too_many_messages_nobody_can_tell() -> None:
    with TwilioTwin() as twin:
        account = twilio_account(twin.base_url)
        for number in range(200):
            twilio.send(account, outgoing(f"Another {number}"))
        assert isinstance(twilio.reconcile(account, outgoing(), datetime.now(UTC)), CannotTell)


def test_a_receipt_finds_its_message_by_the_callback_address() -> None:
    message = outgoing(status_callback="https://desk.example.com/webhook/twilio/status")
    with TwilioTwin() as twin:
        twilio.send(twilio_account(twin.base_url), message)
    request = posted(signed_status(twin.sent[0].status_callback, twin.sent[0], "undelivered", "30003"))
    twilio.verify(twilio_account(), request)
    keys = twilio.keys(twilio_account(), request)
    assert (keys.type, keys.dedupe_key) == ("twilio.status", f"{twin.sent[0].sid}:undelivered")
    assert keys.order_key == f"{twilio_account().id}:{twin.sent[0].sid}"
    (receipt,) = twilio.parse(twilio_account(), request)
    assert isinstance(receipt, Receipt)
    assert (receipt.state, receipt.outbox_id, receipt.error_code) == ("failed", message.outbox_id, "30003")
    assert receipt.error == "The recipient's phone is switched off or out of reach."


class Listener(HttpTwin):
    """Takes every call and answers 200."""

    def answer(self, request: Received) -> Answer:
        return Answer(200, b"<Response/>", content_type="text/xml")


def test_the_twin_posts_receipts_that_we_accept() -> None:
    with TwilioTwin() as twin, Listener() as listener:
        message = outgoing(status_callback=f"{listener.base_url}/status")
        sent = twilio.send(twilio_account(twin.base_url), message)
        assert twin.report(sent.provider_message_id, "delivered").status_code == 200
        (heard,) = listener.requests
        request = Request(heard.method, listener.base_url + heard.target, heard.headers, heard.body)
    twilio.verify(twilio_account(), request)
    expected = Receipt(sent.provider_message_id, "delivered", outbox_id=message.outbox_id)
    assert twilio.parse(twilio_account(), request) == [expected]


def test_the_twin_refuses_what_twilio_does_not_document() -> None:
    with TwilioTwin() as twin:
        path = f"{twin.base_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
        with httpx.Client(auth=(ACCOUNT_SID, AUTH_TOKEN), trust_env=False) as client:
            good = {"To": "+14155550123", "From": OUR_NUMBER, "Body": "x"}
            odd = [
                {**good, "Text": "x"},
                {**good, "To": "123"},
                {**good, "From": ""},
                {**good, "Body": ""},
                {**good, "To": ""},
            ]
            answers = [client.post(path, data=each) for each in odd] + [client.post(path, json=good)]
            twin.misbehave(Fault(status=500))
            answers.append(client.post(path, data=good))
    assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 400, 415, 500]
    assert twin.sent == []


def test_the_hash_of_the_published_json_example_is_right() -> None:
    assert hashlib.sha256(JSON_BODY).hexdigest() == JSON_HASH


def test_a_check_reads_the_account_and_sends_nothing() -> None:
    with TwilioTwin() as twin:
        assert check(twilio_account(twin.base_url)) == ""
        assert [(each.method, each.path) for each in twin.requests] == [
            ("GET", f"/2010-04-01/Accounts/{ACCOUNT_SID}.json")
        ]
        assert (twin.sent, twin.refused) == ([], [])


def test_a_check_says_what_is_wrong_with_the_account() -> None:
    with TwilioTwin() as twin:
        account = twilio_account(twin.base_url)
        twin.account_status = "suspended"
        assert "account is suspended" in check(account)
        twin.account_status = "active"
        assert "no sender number" in check(replace(account, config={**account.config, "from_number": ""}))
        twin.misbehave(Fault(status=500))
        assert "Try again in a minute" in check(account)
        twin.misbehave(Fault(body=b"<html>a page</html>"))
        assert "is not Twilio" in check(account)
        assert "Enter both" in check(replace(account, secrets={}))
    with TwilioTwin(auth_token="another") as twin:
        assert "Enter valid ones" in check(twilio_account(twin.base_url))
    assert "cannot be reached" in check(twilio_account("http://127.0.0.1:9"))
