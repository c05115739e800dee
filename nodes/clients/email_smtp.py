"""Mail by SMTP, for notices to colleagues.

Account.secrets: url, as smtp://user:password@host:587 (encrypted as soon as the server offers it) or smtps://...:465.
The sender is `?from=` of that address, else `from` of the connection's config, else the user. Account.config:
timeout_seconds, for connecting and for each answer.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from nodes.clients.channel import Account
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected

TIMEOUT_SECONDS = 15.0
_LOCAL = {"localhost", "127.0.0.1", "::1"}
T = TypeVar("T")


def send(account: Account, to: Sequence[str], subject: str, text: str, message_id: str) -> None:
    """Send one mail. `message_id` (<...@...>) stays the same over retries, so that a repeated mail is recognised as one.

    Raises NotSent, Rejected, AuthFailed, and OutcomeUnknown when the connection breaks after the text was given.
    """
    server = _server(account)
    message = _message(server.sender, to, subject, text, message_id)
    with _connected(server) as smtp:
        refused = _envelope(smtp, server.sender, to)
        _check(_ask(lambda: smtp.data(message.as_bytes(policy=SMTP)), OutcomeUnknown))
    if refused:
        raise Rejected("recipient_refused", f"The mail server refused {', '.join(refused)}; the others got the mail.")


def check(account: Account) -> str:
    """'' when the mail server lets us in, else what to do. It signs in and sends nothing."""
    try:
        with _connected(_server(account)) as smtp:
            _check(_ask(smtp.noop, NotSent))
    except ClientError as error:
        return error.reason
    return ""


@dataclass(frozen=True)
class _Server:
    host: str
    port: int
    is_encrypted: bool  # from the first byte on (smtps)
    user: str
    password: str = field(repr=False)
    sender: str
    timeout_seconds: float


def _server(account: Account) -> _Server:
    """Raises Rejected with the remedy when the address cannot be used."""
    try:
        parts = urlsplit(account.secrets.get("url", ""))
        port = parts.port
    except ValueError:
        raise _bad_address("its port is no number") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise _bad_address("it must look like smtp://user:password@host:587")
    user = unquote(parts.username or "")
    sender = parse_qs(parts.query).get("from", [str(account.config.get("from") or user)])[0]
    if "@" not in sender:
        raise _bad_address("it names no sender: add ?from=desk@example.com")
    is_encrypted = parts.scheme == "smtps"
    port = port or (465 if is_encrypted else 587)
    timeout = float(account.config.get("timeout_seconds") or TIMEOUT_SECONDS)
    return _Server(parts.hostname, port, is_encrypted, user, unquote(parts.password or ""), sender, timeout)


def _bad_address(why: str) -> Rejected:
    return Rejected("bad_address", f"The address of the mail server cannot be used: {why}. Correct SMTP_URL.")


def _message(sender: str, to: Sequence[str], subject: str, text: str, message_id: str) -> EmailMessage:
    """Raises Rejected where a value would begin a header of its own, or where an address is none."""
    for value in (sender, subject, message_id, *to):
        if any(ord(sign) < 32 for sign in value):
            raise Rejected("bad_header", "A subject or address holds a line break, which a mail header cannot.")
    for address in (sender, *to):
        if not address.isascii() or address.count("@") != 1 or set(address) & set(" ,;<>"):
            raise Rejected("bad_recipient", f"'{address}' is not a mail address that can be written to.")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, ", ".join(to), subject
    message["Message-ID"], message["Date"] = message_id, format_datetime(localtime())
    message["Auto-Submitted"] = "auto-generated"  # so that an absence notice does not answer it (RFC 3834)
    message.set_content(text)
    return message


@contextmanager
def _connected(server: _Server) -> Iterator[smtplib.SMTP]:
    """A connection that is signed in, closed politely where the server still listens."""
    smtp = _ask(lambda: _connect(server), NotSent)
    try:
        _sign_in(smtp, server)
        yield smtp
    finally:
        with suppress(OSError, smtplib.SMTPException):  # the mail is in or not by now, whatever becomes of the goodbye
            smtp.quit()
        smtp.close()


def _connect(server: _Server) -> smtplib.SMTP:
    if server.is_encrypted:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout_seconds, context=context)
    return smtplib.SMTP(server.host, server.port, timeout=server.timeout_seconds)


def _sign_in(smtp: smtplib.SMTP, server: _Server) -> None:
    _ask(smtp.ehlo_or_helo_if_needed, NotSent)
    is_encrypted = server.is_encrypted
    if not is_encrypted and smtp.has_extn("starttls"):
        _ask(lambda: smtp.starttls(context=ssl.create_default_context()), NotSent)
        is_encrypted = True
    if not server.user:
        return
    if not is_encrypted and server.host not in _LOCAL:
        raise Rejected(
            "not_encrypted", "The mail server offers no encryption, so the password is not sent. Use smtps://."
        )
    try:
        _ask(lambda: smtp.login(server.user, server.password), NotSent)
    except (Rejected, AuthFailed) as error:
        raise AuthFailed(f"The mail server does not accept user and password: {error.reason}") from error


def _envelope(smtp: smtplib.SMTP, sender: str, to: Sequence[str]) -> list[str]:
    """Name sender and recipients; returns the recipients that were refused. Raises when nobody is left."""
    _check(_ask(lambda: smtp.mail(sender), NotSent))
    answers = {address: _ask(partial(smtp.rcpt, address), NotSent) for address in to}
    refused = [address for address, (code, _) in answers.items() if code >= 400]
    if len(refused) == len(answers):
        _check(next(iter(answers.values()), (550, b"no recipients")))
    return refused


def _check(answer: tuple[int, bytes]) -> None:
    if answer[0] >= 400:
        raise _refusal(*answer)


def _ask(action: Callable[[], T], broken: type[ClientError]) -> T:
    """Do it, in our errors; `broken` is the one for a line that breaks before the server has answered."""
    try:
        return action()
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error) from error
    except smtplib.SMTPNotSupportedError as error:
        raise Rejected("not_supported", f"The mail server cannot do what is needed: {error}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise broken(f"The mail server cannot be reached or hung up: {error}") from error


def _refusal(code: int, said: bytes | str) -> ClientError:
    """4xx of SMTP means later, 5xx means no; 530 and 535 are about the sign-in."""
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    reason = f"The mail server answered {code} {words[:300]}".strip()
    if code in (530, 535):
        return AuthFailed(reason)
    return NotSent(reason) if code < 500 else Rejected(str(code), reason)
