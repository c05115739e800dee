from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from nodes.clients.channel import Account
from nodes.clients.email_smtp import check, send
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected
from tests.fakes.smtp_twin import PASSWORD, SmtpTwin

ID = "<17@frontdesk>"


@pytest.fixture
def twin() -> Iterator[SmtpTwin]:
    with SmtpTwin() as twin:
        yield twin


def mailbox(url: str, **config: Any) -> Account:
    return Account(
        uuid4(), uuid4(), "email_smtp", {"from": "desk@example.com", "timeout_seconds": 0.4, **config}, {"url": url}
    )


def test_a_notice_arrives_whole_with_the_id_that_it_was_given(twin: SmtpTwin) -> None:
    to = ["ana@example.com", "bo@example.com"]
    send(mailbox(twin.url), to, "Übergabe: a person is asked for", "First line\n.second line, with dot\n", ID)
    (mail,) = twin.mails
    assert (mail.sender, mail.recipients, mail.user) == ("desk@example.com", tuple(to), "desk")
    assert mail.message["Subject"] == "Übergabe: a person is asked for"
    assert mail.message["Message-ID"] == ID
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message.get_content().splitlines() == ["First line", ".second line, with dot"]


def test_the_sender_may_stand_in_the_address(twin: SmtpTwin) -> None:
    send(mailbox(twin.url + "?from=other@example.com"), ["ana@example.com"], "s", "t", ID)
    assert twin.mails[0].sender == "other@example.com"


@pytest.mark.parametrize(
    ("command", "answer", "expected"),
    [
        ("CONNECT", "421 too busy", NotSent),
        ("CONNECT", "554 no service", Rejected),
        ("CONNECT", "drop", NotSent),
        ("CONNECT", "hang", NotSent),
        ("AUTH", "535 5.7.8 no", AuthFailed),
        ("AUTH", "534 5.7.9 needs an app password", AuthFailed),
        ("AUTH", "454 later", NotSent),
        ("AUTH", "drop", NotSent),
        ("MAIL", "451 later", NotSent),
        ("MAIL", "550 no", Rejected),
        ("MAIL", "530 sign in", AuthFailed),
        ("MAIL", "hang", NotSent),
        ("RCPT", "450 greylisted", NotSent),
        ("RCPT", "550 nobody here", Rejected),
        ("RCPT", "drop", NotSent),
        ("DATA", "451 later", NotSent),
        ("DATA", "554 no", Rejected),
        ("END", "452 full", NotSent),
        ("END", "550 spam", Rejected),
        ("END", "drop", OutcomeUnknown),
        ("END", "drop after", OutcomeUnknown),
        ("END", "hang", OutcomeUnknown),
    ],
)
def test_what_the_server_says_decides_what_happens_next(
    twin: SmtpTwin, command: str, answer: str, expected: type[ClientError]
) -> None:
    twin.say[command] = answer
    with pytest.raises(ClientError) as raised:
        send(mailbox(twin.url), ["ana@example.com"], "s", "t", ID)
    assert type(raised.value) is expected
    assert PASSWORD not in raised.value.reason


def test_a_repeated_mail_is_recognisable(twin: SmtpTwin) -> None:
    twin.say["END"] = "drop after"
    with pytest.raises(OutcomeUnknown):
        send(mailbox(twin.url), ["ana@example.com"], "s", "t", ID)
    del twin.say["END"]
    send(mailbox(twin.url), ["ana@example.com"], "s", "t", ID)
    assert [mail.message["Message-ID"] for mail in twin.mails] == [ID, ID]


def test_one_refused_recipient_does_not_keep_the_mail_from_the_others(twin: SmtpTwin) -> None:
    twin.say["gone@example.com"] = "550 nobody here"
    with pytest.raises(Rejected, match="gone@example.com; the others got the mail"):
        send(mailbox(twin.url), ["gone@example.com", "ana@example.com"], "s", "t", ID)
    assert len(twin.mails) == 1


@pytest.mark.parametrize(
    ("to", "subject", "message_id"),
    [
        ("ana@example.com\r\nBcc: all@example.com", "s", ID),
        ("ana@example.com", "s\nBcc: all@example.com", ID),
        ("ana@example.com", "s\rX: y", ID),
        ("ana@example.com", "s", "<1@x>\r\nBcc: all@example.com"),
        ("ana@example.com, all@example.com", "s", ID),
        ("Ana <ana@example.com>", "s", ID),
        ("ana", "s", ID),
        ("änä@example.com", "s", ID),
        ("", "s", ID),
    ],
)
def test_no_value_can_add_a_header_or_a_recipient(twin: SmtpTwin, to: str, subject: str, message_id: str) -> None:
    with pytest.raises(Rejected):
        send(mailbox(twin.url), [to], subject, "t", message_id)
    assert twin.commands == []


@pytest.mark.parametrize(
    "url",
    ["", "mail.example.com", "http://mail.example.com", "smtp://", "smtp://host:port", "smtp://user:password@[broken"],
)
def test_an_address_that_cannot_be_used_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(Rejected, match="Correct SMTP_URL"):
        send(mailbox(url), ["ana@example.com"], "s", "t", ID)


def test_an_address_without_sender_says_what_to_add(twin: SmtpTwin) -> None:
    with pytest.raises(Rejected, match="from=desk@example.com"):
        send(mailbox(twin.url, **{"from": ""}), ["ana@example.com"], "s", "t", ID)


def test_a_password_is_not_sent_in_the_clear_over_a_network() -> None:
    # Another address of this machine, which counts as a network.
    with SmtpTwin(host="127.0.0.2") as twin, pytest.raises(Rejected, match="offers no encryption"):
        send(mailbox(twin.url), ["ana@example.com"], "s", "t", ID)
    assert "AUTH" not in twin.commands


def test_a_wrong_password_and_a_server_that_is_not_there() -> None:
    with SmtpTwin() as twin, pytest.raises(AuthFailed):
        send(mailbox(twin.url.replace(PASSWORD, "wrong")), ["ana@example.com"], "s", "t", ID)
    with pytest.raises(NotSent):
        send(mailbox(twin.url), ["ana@example.com"], "s", "t", ID)


def test_encryption_from_the_first_byte_needs_a_server_that_speaks_it(twin: SmtpTwin) -> None:
    with pytest.raises(NotSent):
        send(mailbox(twin.url.replace("smtp:", "smtps:")), ["ana@example.com"], "s", "t", ID)


def test_a_check_signs_in_and_sends_nothing(twin: SmtpTwin) -> None:
    assert check(mailbox(twin.url)) == ""
    assert (twin.commands, twin.mails) == (["EHLO", "AUTH", "NOOP", "QUIT"], [])


@pytest.mark.parametrize(
    ("command", "answer", "sentence"),
    [
        ("CONNECT", "421 too busy", "421 too busy"),
        ("AUTH", "535 no", "does not accept user"),
        ("NOOP", "drop", "hung up"),
    ],
)
def test_a_check_says_what_is_wrong(twin: SmtpTwin, command: str, answer: str, sentence: str) -> None:
    twin.say[command] = answer
    assert sentence in check(mailbox(twin.url))
    assert PASSWORD not in check(mailbox(twin.url))


def test_a_check_of_an_address_that_cannot_be_used_names_the_remedy() -> None:
    assert "Correct SMTP_URL" in check(mailbox("mail.example.com"))
