"""A strict mail server on loopback: SMTP with EHLO, AUTH PLAIN/LOGIN, MAIL, RCPT, DATA. It keeps what it was given.

STARTTLS is not offered: a certificate that a client would trust cannot be made here. Faults are set by command.
"""

from __future__ import annotations

import base64
import socketserver
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self

USER, PASSWORD = "desk", "twin-mail-password"


@dataclass(frozen=True)
class Mail:
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    user: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class SmtpTwin:
    """`mails` is what was accepted. `say["RCPT"] = "451 later"` answers a command so; `"drop"` closes the connection
    instead, `"drop after"` accepts the message and closes without an answer, `"hang"` never answers."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.mails: list[Mail] = []
        self.commands: list[str] = []
        self.say: dict[str, str] = {}
        self.stopped = threading.Event()
        self._server = _Server((host, port), _Session)
        self._server.twin = self
        self.host, self.port = host, self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"smtp://{USER}:{PASSWORD}@{self.host}:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    twin: SmtpTwin


class _Closed(Exception):
    """The twin was told to drop the connection."""


class _Session(socketserver.StreamRequestHandler):
    """One connection, line by line."""

    def handle(self) -> None:
        self._twin: SmtpTwin = self.server.twin  # type: ignore[attr-defined]
        self._sender, self._recipients, self._user = "", list[str](), ""
        try:
            self._reply("CONNECT", "220 twin ESMTP")
            while line := self.rfile.readline():
                command = line.decode("latin-1").rstrip("\r\n")
                verb = command.split(" ")[0].upper()
                self._twin.commands.append(verb)
                self._obey(verb, command)
        except (_Closed, ConnectionError):
            return

    def _reply(self, verb: str, text: str) -> None:
        said = self._twin.say.get(verb, text)
        if said == "hang":
            self._twin.stopped.wait(30)
        if said in ("drop", "hang"):
            raise _Closed
        self.wfile.write(said.encode() + b"\r\n")

    def _obey(self, verb: str, command: str) -> None:
        match verb:
            case "EHLO":
                self._reply(verb, "250-twin\r\n250-SIZE 1000000\r\n250 AUTH PLAIN")
            case "AUTH":
                self._reply(verb, self._signed_in(command))
            case "MAIL":
                self._sender = _address(command)
                self._reply(verb, "250 ok" if self._user else "530 5.7.0 Authentication required")
            case "RCPT":
                self._recipients.append(_address(command))
                self._reply(_address(command) if _address(command) in self._twin.say else verb, "250 ok")
            case "DATA":
                self._data()
            case "RSET" | "NOOP":
                self._sender, self._recipients = "", []
                self._reply(verb, "250 ok")
            case "QUIT":
                self._reply(verb, "221 bye")
                raise _Closed
            case _:
                self._reply(verb, "502 5.5.1 Command not implemented")

    def _signed_in(self, command: str) -> str:
        _, user, password = base64.b64decode(command.split(" ")[2]).decode().split("\0")
        if (user, password) != (USER, PASSWORD):
            return "535 5.7.8 Authentication credentials invalid"
        self._user = user
        return "235 2.7.0 ok"

    def _data(self) -> None:
        self._reply("DATA", "354 go on")
        if self._twin.say.get("DATA", "354").startswith("354"):
            lines = list(iter(self.rfile.readline, b".\r\n"))
            if self._twin.say.get("END", "250").startswith(("250", "drop after")):
                self._keep(b"".join(line.removeprefix(b".") if line.startswith(b"..") else line for line in lines))
            if self._twin.say.get("END") == "drop after":
                raise _Closed
            self._reply("END", "250 2.0.0 queued")

    def _keep(self, data: bytes) -> None:
        message = message_from_bytes(data, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self._twin.mails.append(Mail(self._sender, tuple(self._recipients), message, self._user))


def _address(command: str) -> str:
    return command.partition("<")[2].partition(">")[0]
