"""Calls to other systems: allowed hosts only, no private network, within limits, and told when nobody knows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from db import outbox
from db.engine import one, run, system, transaction
from db.settings import get_settings
from flows.actions import ActionRefused
from flows.engine import Engine
from flows.observe import Execution
from flows.web_reader import WebReader, caller, hosts_of, set_hosts
from nodes.clients.network import is_public
from nodes.clients.web_call import MOST_BYTES, Caller, allowed_by, anybody
from nodes.effects import NotifyPeople, SendRequest
from nodes.errors import NotSent, OutcomeUnknown, Rejected
from tests.fakes.http_twin import Fault
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModels, Rig

LOCAL = "127.0.0.1"


class System(ThreadingHTTPServer):
    """Another system: `answers` by path are (status, body, headers); `asked` remembers every call."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOCAL, 0), _Handler)
        self.answers: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.base = f"http://{LOCAL}:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    do_PUT = do_POST

    def log_message(self, *args: Any) -> None: ...

    def _answer(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        server.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        status, content, headers = server.answers.get(self.path, (200, b'{"stock": 3}', {}))
        if status == 0:
            self.connection.close()
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def elsewhere() -> Iterator[System]:
    server = System()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def refused(call: Any) -> str:
    with pytest.raises(Rejected) as error:
        call()
    return error.value.code


# --- reading ---------------------------------------------------------------------------------------------------------------


def test_json_and_text_are_given_to_the_step(elsewhere: System) -> None:
    reader = WebReader([LOCAL])
    reply = reader.get(f"{elsewhere.base}/stock", {"X-Key": "k", "Host": "evil.example.com"})
    assert (reply.status, reply.data, reply.text) == (200, {"stock": 3}, '{"stock": 3}')
    [(_, path, headers, _)] = elsewhere.asked
    assert path == "/stock" and headers["x-key"] == "k" and headers["host"] == elsewhere.base.removeprefix("http://")
    elsewhere.answers["/plain"] = (404, b"no such thing", {})
    assert (reader.get(f"{elsewhere.base}/plain").status, reader.get(f"{elsewhere.base}/plain").data) == (404, None)


def test_a_host_that_is_not_on_the_list_is_not_called(elsewhere: System) -> None:
    for hosts in ([], ["api.example.com"], ["*.example.com"]):
        assert refused(lambda hosts=hosts: WebReader(hosts).get(elsewhere.base)) == "host_not_allowed"
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("host", "fits"),
    [
        ("api.example.com", True), ("a.shop.example.com", True), ("shop.example.com", False), ("example.com", False),
        ("evilapi.example.com", False), ("api.example.com.evil.net", False),
    ],
)  # fmt: skip
def test_a_star_means_every_name_below(host: str, fits: bool) -> None:
    assert allowed_by(["API.example.com", "*.shop.example.com"])(host) is fits


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "http://", "//127.0.0.1/", "http://a:b@127.0.0.1/", "javascript:1", ""]
)
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    assert refused(lambda: WebReader([LOCAL]).get(url)) == "bad_address"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "192.168.1.1", "2130706433"]
)
def test_private_addresses_are_not_called_also_by_names_that_lead_there(host: str, elsewhere: System) -> None:
    outside = Caller(anybody, is_public)
    assert refused(lambda: outside.call("GET", f"http://{host}:{elsewhere.server_address[1]}/")) == "private_address"
    named = Caller(anybody, is_public, resolver=lambda name, port: ["10.1.2.3"])
    assert refused(lambda: named.call("GET", "http://intranet.example.com/")) == "private_address"
    assert elsewhere.asked == []


def test_a_redirect_is_looked_at_anew_and_carries_no_headers_elsewhere(elsewhere: System) -> None:
    port = elsewhere.server_address[1]
    elsewhere.answers["/same"] = (302, b"", {"Location": "/stock"})
    elsewhere.answers["/away"] = (302, b"", {"Location": f"http://other.example.com:{port}/stock"})
    elsewhere.answers["/loop"] = (302, b"", {"Location": "/loop"})
    names = {LOCAL, "other.example.com"}
    both = Caller(names.__contains__, lambda address: True, resolver=lambda name, port: [LOCAL])
    secret = {"Authorization": "Bearer s"}
    assert both.call("GET", f"{elsewhere.base}/same", secret).status == 200
    assert elsewhere.asked[-1][2]["authorization"] == "Bearer s"
    assert both.call("GET", f"{elsewhere.base}/away", secret).status == 200
    assert "authorization" not in elsewhere.asked[-1][2]
    assert refused(lambda: WebReader([LOCAL]).get(f"{elsewhere.base}/away")) == "host_not_allowed"
    assert refused(lambda: WebReader([LOCAL]).get(f"{elsewhere.base}/loop")) == "too_many_redirects"
    assert refused(lambda: both.call("POST", f"{elsewhere.base}/same")) == "redirected"


def test_size_and_time_have_limits(elsewhere: System) -> None:
    elsewhere.answers["/large"] = (200, b"x" * (MOST_BYTES + 1), {})
    assert refused(lambda: WebReader([LOCAL]).get(f"{elsewhere.base}/large")) == "too_large"
    silent = threading.Event()
    elsewhere.RequestHandlerClass = type("Silent", (_Handler,), {"_answer": lambda self: silent.wait(5)})
    slow = Caller(anybody, lambda address: True, whole_seconds=0.3)
    with pytest.raises((OutcomeUnknown, NotSent)):
        slow.call("GET", elsewhere.base)
    silent.set()


def test_headers_that_no_header_may_have_are_said() -> None:
    assert refused(lambda: WebReader([LOCAL]).get(f"http://{LOCAL}:9/", {"X-Name": "Zoë 🚲"})) == "bad_header"


# --- the list --------------------------------------------------------------------------------------------------------------


def test_an_admin_keeps_the_list_and_what_is_no_host_is_named(database_url: str) -> None:
    rig = Rig()
    user = rig.user()
    kept = set_hosts(
        rig.workspace, user, ["https://API.example.com/v1?x=1", "*.shop.example.com", "", "api.example.com"]
    )
    assert kept == ["api.example.com", "*.shop.example.com"]
    [found] = rig.query("SELECT settings FROM workspaces")
    assert hosts_of(found["settings"]) == kept
    assert rig.query("SELECT action FROM audit_log WHERE action = 'workspace.allowed_hosts'")
    for wrong in ("*", "not a host", "*.", "exa$mple.com"):
        with pytest.raises(ActionRefused, match="is no host"):
            set_hosts(rig.workspace, user, [wrong])


# --- effects ---------------------------------------------------------------------------------------------------------------


def line(rig: Rig, effect: Any) -> None:
    with transaction(rig.workspace) as tx:
        outbox.add(tx, workspace=rig.workspace, idempotency_key="k", order_key="k", effect=effect.model_dump(mode="json"), author="system")  # fmt: skip


def settled(rig: Rig) -> dict[str, Any]:
    [found] = rig.query("SELECT * FROM outbox")
    return found


@pytest.fixture
def rig(database_url: str) -> Rig:
    rig = Rig()
    set_hosts(rig.workspace, rig.user(), [LOCAL])
    return rig


def test_a_call_is_made_once_with_a_key_and_its_answer_is_kept(rig: Rig, elsewhere: System) -> None:
    line(rig, SendRequest(method="POST", url=f"{elsewhere.base}/orders", headers={"X-Key": "k"}, body={"a": [1]}))
    rig.deliver()
    [(method, path, headers, body)] = elsewhere.asked
    assert (method, path, json.loads(body)) == ("POST", "/orders", {"a": [1]})
    effect = settled(rig)
    assert headers["idempotency-key"] == str(effect["id"]) and headers["content-type"] == "application/json"
    assert effect["state"] == "done" and effect["result"] == {"status": 200, "text": '{"stock": 3}'}


@pytest.mark.parametrize(("method", "state"), [("POST", "unknown"), ("PUT", "pending")])
def test_where_nobody_knows_only_what_may_be_repeated_is(rig: Rig, elsewhere: System, method: Any, state: str) -> None:
    elsewhere.answers["/orders"] = (0, b"", {})
    line(rig, SendRequest(method=method, url=f"{elsewhere.base}/orders"))
    rig.deliver()
    assert settled(rig)["state"] == state
    rig.reconciliation.ask()


def test_a_call_whose_worker_died_is_not_made_again(rig: Rig, elsewhere: System) -> None:
    line(rig, SendRequest(method="POST", url=f"{elsewhere.base}/orders"))
    rig.delivery.claim(1)
    with system() as tx:
        run(tx, "UPDATE outbox SET lease_until = now() - interval '1 second'")
    rig.reconciliation.take_over_expired()
    assert settled(rig)["state"] == "unknown"


def test_a_refusal_is_said_in_the_other_systems_words(rig: Rig, elsewhere: System) -> None:
    elsewhere.answers["/orders"] = (422, b"No such bike.", {})
    line(rig, SendRequest(method="POST", url=f"{elsewhere.base}/orders"))
    rig.deliver()
    assert (settled(rig)["state"], settled(rig)["error_code"]) == ("failed", "http_422")
    assert "No such bike." in settled(rig)["error"]


def test_a_run_reads_other_systems_and_passes_on_what_they_say(rig: Rig, elsewhere: System) -> None:
    steps = [
        {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
        {"id": "shop", "node": "http_request@1", "config": {"url": f"{elsewhere.base}/stock"}},
        {"id": "send", "node": "send_message@1", "config": {"text": "We have {{shop.data.stock}}."}},
    ]
    rig.publish({"format": 1, "name": "Stock", "steps": steps})
    rig.receive_sms("How many?")
    rig.take_in()
    engine = Engine(rig.owner, FakeModels())
    [outcome] = [engine.execute(each, Execution(each.id)) for each in rig.claim_runs()]
    assert outcome.state == "done"
    assert [each["content"] for each in rig.query("SELECT content FROM messages WHERE direction = 'out'")] == [
        "We have 3."
    ]


# --- notices ---------------------------------------------------------------------------------------------------------------


def test_a_notice_reaches_a_team_chat(rig: Rig, elsewhere: System) -> None:
    line(rig, NotifyPeople(via="webhook", to=(f"{elsewhere.base}/hook",), subject="Look", text="Somebody waits."))
    rig.deliver()
    assert json.loads(elsewhere.asked[0][3]) == {"text": "*Look*\nSomebody waits."}
    assert settled(rig)["state"] == "done"


def test_a_team_chat_in_a_private_network_is_not_called(
    rig: Rig, elsewhere: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_ALLOW_PRIVATE_ADDRESSES", "false")
    get_settings.cache_clear()
    line(rig, NotifyPeople(via="webhook", to=(f"{elsewhere.base}/hook",), subject="Look", text="x"))
    rig.deliver()
    assert settled(rig)["error_code"] == "private_address" and elsewhere.asked == []
    assert caller(None).may_connect is is_public


def test_an_sms_goes_to_each_number_once_also_where_the_second_fails_first(database_url: str) -> None:
    with TwilioTwin() as twin:
        rig = Rig(twin.base_url)
        line(
            rig, NotifyPeople(via="sms", to=("+1 415 555 0123", "+14155550199"), subject="Look", text="Somebody waits.")
        )
        twin.misbehave(Fault(), times=1)
        twin.misbehave(Fault(status=429), times=1)
        rig.deliver()
        assert [each.to for each in twin.sent] == ["+14155550123"] and settled(rig)["state"] == "pending"
        with system() as tx:
            run(tx, "UPDATE outbox SET due_at = now()")
            assert one(tx, "SELECT 1 AS one") is not None
        rig.deliver()
        assert [each.to for each in twin.sent] == ["+14155550123", "+14155550199"]
        assert settled(rig)["state"] == "done"
