"""A webhook server on a free port, over a fresh database with one business in it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn

from db import api_keys, connections
from db.engine import one, rows, system
from db.records import Role
from tests.db.builders import a_user, a_workspace
from tests.ports import free_port, until
from webhook_server.app import create_app
from webhook_server.state import ServerState

AUTH_TOKEN = "12345"
ACCOUNT_SID = "AC" + "1" * 32


@dataclass(frozen=True)
class Site:
    """The running server and what the tests need to know of its database."""

    base: str
    http: httpx.Client
    state: ServerState
    workspace: UUID
    user: UUID
    webchat: UUID
    twilio: UUID
    key: str

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(path, headers={"X-API-Key": self.key}, **options)

    def post(self, path: str, json: object = None, **headers: str) -> httpx.Response:
        return self.http.post(path, json=json, headers={"X-API-Key": self.key, **headers})

    def new_key(self, role: Role) -> str:
        with system() as tx:
            return api_keys.make(tx, self.workspace, f"test {uuid4().hex}", role)

    def twilio_call(self, path: str = "/webhook/twilio", token: str = AUTH_TOKEN, **fields: str) -> httpx.Response:
        """Post as Twilio would, signed with `token`."""
        form = a_twilio_message(**fields)
        headers = {"X-Twilio-Signature": twilio_signature(self.base + path, form, token)}
        return self.http.post(path, data=form, headers=headers)

    def events(self) -> list[Mapping[str, Any]]:
        with system() as tx:
            return [dict(row) for row in rows(tx, "SELECT * FROM events_queue ORDER BY seq")]

    def audit_rows(self, action: str) -> int:
        with system() as tx:
            row = one(tx, "SELECT count(*) AS n FROM audit_log WHERE action = %(a)s", a=action)
        assert row is not None
        return int(row["n"])


def a_twilio_message(**fields: str) -> dict[str, str]:
    return {
        "MessageSid": "SM" + uuid4().hex,
        "AccountSid": ACCOUNT_SID,
        "From": "+14155550123",
        "To": "+15005550006",
        "Body": "Are you open on Sunday?",
    } | fields


def twilio_signature(url: str, form: Mapping[str, str], token: str = AUTH_TOKEN) -> str:
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


@contextmanager
def serving(state: ServerState) -> Iterator[str]:
    """A real server in a thread; yields its address."""
    port = free_port()
    config = uvicorn.Config(create_app(state), port=port, log_level="error", access_log=False, proxy_headers=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, what="the webhook server listens")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        state.hub.close_soon()
        server.should_exit = True
        thread.join(timeout=10)
        assert not thread.is_alive(), "the webhook server did not stop"


@pytest.fixture
def site(database_url: str) -> Iterator[Site]:
    with system() as tx:
        workspace = a_workspace(tx)
        user = a_user(tx, workspace, role="admin", email="ana@example.com")
        config: dict[str, Any] = {"account_sid": ACCOUNT_SID, "from_number": "+15005550006"}
        twilio = connections.create(tx, workspace, "twilio", "Twilio", config, {"auth_token": AUTH_TOKEN}, True)
        webchat = connections.create(tx, workspace, "webchat", "Chat", {}, {"visitor_key": "k" * 32}, True)
        key = api_keys.make(tx, workspace, "tests", "admin")
    state = ServerState()
    with serving(state) as base, httpx.Client(base_url=base, timeout=20) as http:
        yield Site(base, http, state, workspace, user, webchat.id, twilio.id, key)
