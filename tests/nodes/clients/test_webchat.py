from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from nodes.clients.channel import Found, Identity, IncomingMessage, OutgoingMessage, Sent
from nodes.clients.webchat import MAX_INCOMING_CHARACTERS, WebChat, visitor_token
from nodes.errors import SignatureInvalid, Unreadable
from tests.nodes.clients.channel_cases import chat_account, chat_request

webchat = WebChat()


def read(**body: Any) -> IncomingMessage:
    (message,) = webchat.parse(chat_account(), chat_request(chat_account(), **body))
    assert isinstance(message, IncomingMessage)
    return message


def test_a_message_is_known_by_the_visitor_and_the_browsers_own_id() -> None:
    message = read(message_id="message-0001", text=" Hello\r\nthere ", name="  Dana \n M. ")
    assert (message.channel, message.address) == ("webchat", "visitor-0001")
    assert message.identities == (Identity("webchat", "visitor-0001"),)
    assert (message.text, message.name) == ("Hello\nthere", "Dana M.")
    assert message.provider_message_id == "visitor-0001:message-0001"


def test_two_visitors_may_use_the_same_message_id() -> None:
    requests = [chat_request(chat_account(), visitor) for visitor in ("visitor-0001", "visitor-0002")]
    assert len({webchat.keys(chat_account(), request).dedupe_key for request in requests}) == 2


def test_the_token_of_one_visitor_does_not_open_another_ones_thread() -> None:
    stolen = chat_request(chat_account(), "visitor-0002").headers
    with pytest.raises(SignatureInvalid, match="Load the chat page again"):
        webchat.verify(chat_account(), replace(chat_request(chat_account(), "visitor-0001"), headers=stolen))


def test_a_token_is_stable_and_different_for_each_visitor_and_connection() -> None:
    other = replace(chat_account(), secrets={"visitor_key": "another"})
    tokens = [visitor_token(account, visitor) for account in (chat_account(), other) for visitor in ("a", "b")]
    assert len(set(tokens)) == 4
    assert visitor_token(chat_account(), "a") == tokens[0]


@pytest.mark.parametrize(
    "body",
    [
        {"text": ""},
        {"text": " \n\t "},
        {"text": "\x00\x1b"},
        {"text": "x" * (MAX_INCOMING_CHARACTERS + 1)},
        {"text": None},
        {"text": ["x"]},
        {"message_id": "short"},
        {"message_id": "x" * 65},
        {"message_id": "with space"},
        {"message_id": "ümlauts-00"},
        {"message_id": 12345678},
        {"visitor": ""},
        {"visitor": "visitörs-01"},
        {"name": "x" * 70_000},
    ],
)
def test_what_has_not_the_form_is_refused_at_the_door(body: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        webchat.keys(chat_account(), chat_request(chat_account(), **body))


def test_the_longest_text_fits_however_the_browser_escapes_it() -> None:
    text = "👋" * MAX_INCOMING_CHARACTERS
    request = chat_request(chat_account(), text=text)
    assert len(request.body) > 12 * MAX_INCOMING_CHARACTERS - 1  # json.dumps escapes each as a pair
    assert webchat.keys(chat_account(), request)
    plain = json.dumps(json.loads(request.body), ensure_ascii=False).encode()
    assert webchat.keys(chat_account(), replace(request, body=plain))


def test_half_a_pair_of_surrogates_is_removed() -> None:
    assert read(text="a\ud83dz", name="\udc00Dana").text == "az"


def test_a_long_name_is_cut_and_an_odd_one_left_out() -> None:
    assert len(read(name="x" * 500).name) == 100
    assert read(name=["x"]).name == ""


def test_sending_is_the_row_in_the_thread_so_twice_is_once() -> None:
    message = OutgoingMessage(uuid4(), "webchat", "visitor-0001", "Hello")
    expected = Sent(f"webchat:{message.outbox_id}", "delivered")
    assert [webchat.send(chat_account(), message) for _ in range(2)] == [expected, expected]
    assert webchat.repeatable
    assert webchat.reconcile(chat_account(), message, datetime.now(UTC)) == Found(
        expected.provider_message_id, "delivered"
    )
