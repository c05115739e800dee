"""Another system calls an address of ours: an automation starts, once, for the right contact, and its SMS reaches the provider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from flows import connections, hooks
from flows.actions import ActionRefused
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModel, Rig
from tests.webhook_server.conftest import serving
from webhook_server.state import ServerState

SHOP: dict[str, Any] = {
    "format": 1,
    "name": "Order placed",
    "steps": [
        {"id": "call", "node": "webhook_received@1", "config": {"hook": "Shop", "field": "status", "equals": "paid"}},
        {"id": "send", "node": "send_message@1", "config": {"text": "Thanks for order {{call.fields.order}}."}},
    ],
}
ORDER = {"status": "paid", "order": 17, "customer": {"mobile": "+1 415 555 0123", "name": "Nora Quill"}}


@pytest.fixture
def twin() -> Iterator[TwilioTwin]:
    with TwilioTwin() as twin:
        yield twin


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin) -> Rig:
    made = Rig(twin.base_url, FakeModel())
    made.publish(SHOP)
    return made


@pytest.fixture
def ana(rig: Rig) -> UUID:
    return rig.user()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with serving(ServerState()) as base, httpx.Client(base_url=base, timeout=20) as client:
        yield client


@pytest.fixture
def path(rig: Rig, ana: UUID) -> str:
    fields = {"phone_field": "customer.mobile", "name_field": "customer.name"}
    return httpx.URL(hooks.add(rig.workspace, ana, "Shop", fields).address).path


def texts(twin: TwilioTwin) -> list[str]:
    return [message.body for message in twin.sent]


def test_a_call_becomes_an_sms_to_the_contact_that_it_names(
    rig: Rig, twin: TwilioTwin, http: httpx.Client, path: str
) -> None:
    assert http.post(path, json=ORDER).json() == {"received": True, "again": False}
    rig.settle()
    assert texts(twin) == ["Thanks for order 17."]
    assert rig.query("SELECT name, phone FROM contacts") == [{"name": "Nora Quill", "phone": "+14155550123"}]
    [event] = rig.query("SELECT type, state, payload FROM events_queue")
    assert (event["type"], event["state"]) == ("webhook.call", "done")
    assert path.rpartition("/")[2] not in str(event["payload"])
    assert rig.query("SELECT fired FROM decisions") == [{"fired": True}]


def test_calls_with_the_same_key_are_one_and_others_each_count(
    rig: Rig, twin: TwilioTwin, http: httpx.Client, path: str
) -> None:
    again = [http.post(path, json=ORDER, headers={"Idempotency-Key": "o17"}).json()["again"] for _ in range(2)]
    assert again == [False, True]
    for _ in range(2):
        http.post(path, json=ORDER)
    rig.settle()
    assert len(rig.query("SELECT FROM runs")) == 3


@pytest.mark.parametrize("how", ["form", "query"])
def test_a_form_and_values_in_the_address_do_as_well(
    rig: Rig, ana: UUID, twin: TwilioTwin, http: httpx.Client, how: str
) -> None:
    made = hooks.add(rig.workspace, ana, "Shop", {})
    values = {"status": "Paid", "order": "18", "phone": "+14155550123"}
    where = httpx.URL(made.address).path
    answer = http.post(where, data=values) if how == "form" else http.post(where, params=values)
    assert answer.status_code == 200
    rig.settle()
    assert texts(twin) == ["Thanks for order 18."]


def test_what_does_not_fit_starts_nothing_and_says_why(rig: Rig, http: httpx.Client, path: str) -> None:
    http.post(path, json={**ORDER, "status": "open"})
    rig.settle()
    assert rig.query("SELECT FROM runs") == []
    [told] = rig.query("SELECT fired, reason FROM decisions")
    assert told == {"fired": False, "reason": "The field 'status' is not 'paid'."}


def test_a_call_that_names_nobody_runs_for_nobody(rig: Rig, http: httpx.Client, path: str) -> None:
    http.post(path, json={"status": "paid", "order": 1, "customer": {"mobile": "none"}})
    rig.take_in()
    assert rig.query("SELECT contact_id, conversation_id FROM runs") == [{"contact_id": None, "conversation_id": None}]


def test_unknown_old_and_paused_addresses_are_refused_and_counted(
    rig: Rig, ana: UUID, http: httpx.Client, path: str
) -> None:
    [hook] = rig.query("SELECT id FROM connections WHERE kind = 'webhook'")
    fresh = httpx.URL(hooks.new_address(rig.workspace, ana, hook["id"]).address).path
    assert [http.post(where, json=ORDER).status_code for where in (path, fresh)] == [404, 200]
    connections.pause(rig.workspace, ana, hook["id"])
    assert http.post(fresh, json=ORDER).status_code == 404
    codes = {http.post("/webhook/custom/nothing", json={}).status_code for _ in range(40)}
    assert codes == {404, 429}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"{broken"}, 422),
        ({"content": b'"a text"'}, 422),
        ({"content": b"[" * 100_000}, 422),
        ({"content": b"x" * 300_000}, 413),
        ({"files": {"a": b"b"}}, 422),
        ({"content": b"[1, 2]"}, 200),
        ({"content": b""}, 200),
        ({"content": b'{"a": "\\u0000\\ud800"}'}, 200),
    ],
)
def test_strange_bodies_end_with_an_answer(
    rig: Rig, http: httpx.Client, path: str, sent: dict[str, Any], status: int
) -> None:
    assert http.post(path, **sent).status_code == status
    rig.settle()
    assert {row["state"] for row in rig.query("SELECT state FROM events_queue")} <= {"done"}


def test_an_address_needs_a_name_of_its_own(rig: Rig, ana: UUID, path: str) -> None:
    for name in ("", "shop", "x" * 90):
        with pytest.raises(ActionRefused):
            hooks.add(rig.workspace, ana, name, {})


def test_of_the_address_only_a_hash_is_kept(rig: Rig, path: str) -> None:
    [hook] = rig.query("SELECT config::text AS config, secrets FROM connections WHERE kind = 'webhook'")
    assert path.rpartition("/")[2] not in hook["config"]
    assert hook["secrets"] is None
