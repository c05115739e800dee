import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import connections, engine
from db.engine import system
from db.settings import get_settings
from tests.webhook_server.conftest import Site, a_twilio_message, twilio_signature
from webhook_server.refusals import REFUSED_PER_MINUTE


def test_a_signed_message_is_stored_and_answered_with_empty_twiml(site: Site) -> None:
    answer = site.twilio_call(MessageSid="SM1")

    assert (answer.status_code, answer.text) == (200, "<Response/>")
    assert answer.headers["content-type"].startswith("text/xml")
    (event,) = site.events()
    assert (event["type"], event["dedupe_key"], event["workspace_id"]) == ("twilio.message", "SM1", site.workspace)
    assert "Body=Are+you+open" in event["payload"]["body"]


def test_a_status_and_a_named_connection_have_their_own_addresses(site: Site) -> None:
    assert site.twilio_call("/webhook/twilio/status", MessageSid="SM1", MessageStatus="delivered").status_code == 200
    assert site.twilio_call(f"/webhook/twilio/{site.twilio}", MessageSid="SM2").status_code == 200
    answer = site.twilio_call(f"/webhook/twilio/{site.twilio}/status", MessageSid="SM1", MessageStatus="read")
    assert answer.status_code == 200
    assert [event["type"] for event in site.events()] == ["twilio.status", "twilio.message", "twilio.status"]


def test_a_wrong_signature_is_refused_and_leaves_one_audit_row_a_minute(site: Site) -> None:
    answers = [site.twilio_call(token="wrong") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert answers[0].json()["error"]["code"] == "signature_invalid"
    assert site.audit_rows("webhook.refused") == 1
    assert site.events() == []


def test_many_wrong_signatures_get_429_while_a_right_one_still_gets_in(site: Site) -> None:
    answers = [site.twilio_call(token="wrong") for _ in range(REFUSED_PER_MINUTE + 1)]

    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert site.twilio_call().status_code == 200


def test_ten_equal_messages_at_once_are_one_event(site: Site) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: site.twilio_call(MessageSid="SM1").status_code, range(10)))

    assert answers == [200] * 10
    assert len(site.events()) == 1


def test_a_changed_auth_token_counts_at_once(site: Site) -> None:
    assert site.twilio_call().status_code == 200
    with system() as tx:
        connections.update(tx, site.twilio, secrets={"auth_token": "new"})

    assert site.twilio_call(token="new").status_code == 200


def test_the_signature_covers_the_public_address(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_PUBLIC_URL", "https://desk.example.com")
    get_settings.cache_clear()
    form = a_twilio_message()
    signature = twilio_signature("https://desk.example.com/webhook/twilio?from=sms", form)

    answer = site.http.post("/webhook/twilio?from=sms", data=form, headers={"X-Twilio-Signature": signature})

    assert answer.status_code == 200
    assert site.events()[0]["payload"]["url"] == "https://desk.example.com/webhook/twilio?from=sms"


def test_a_known_proxy_may_say_what_address_was_called(site: Site) -> None:
    form = a_twilio_message()
    headers = {
        "X-Twilio-Signature": twilio_signature("https://desk.example.com/webhook/twilio", form),
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "desk.example.com",
        "X-Forwarded-For": "203.0.113.7",
    }
    assert site.http.post("/webhook/twilio", data=form, headers=headers).status_code == 200


def test_an_unknown_connection_is_404(site: Site) -> None:
    assert site.twilio_call(f"/webhook/twilio/{uuid4()}").status_code == 404
    assert site.twilio_call("/webhook/twilio/nobody").status_code == 404


def test_a_body_over_one_megabyte_is_413(site: Site) -> None:
    assert site.twilio_call(Body="x" * 1024 * 1024).status_code == 413

    def in_parts() -> Any:
        yield from (b"x" * 65536 for _ in range(20))

    assert site.http.post("/webhook/twilio", content=in_parts()).status_code == 413


def test_a_hundred_kilobytes_are_stored(site: Site) -> None:
    assert site.twilio_call(Body="x" * 100_000).status_code == 200


def test_a_database_that_is_away_is_503_with_retry_after(site: Site) -> None:
    assert site.twilio_call().status_code == 200
    url = engine.database_url()
    engine.dispose()
    engine.configure("postgresql://nobody@127.0.0.1:1/nothing")
    try:
        answer = site.twilio_call()
        ready = site.http.get("/ready")
    finally:
        engine.configure(url)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert ready.status_code == 503
    assert site.http.get("/health").status_code == 200


def test_a_restarted_database_costs_no_arrival(site: Site) -> None:
    assert site.twilio_call(MessageSid="SM1").status_code == 200
    with system() as tx:
        engine.run(tx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    assert site.twilio_call(MessageSid="SM2").status_code == 200
    assert len(site.events()) == 2


odd_text = st.text(st.characters(), max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.dictionaries(st.sampled_from(["MessageSid", "From", "Body", "NumMedia", "MediaUrl0", "Zzz"]), odd_text)
)
def test_odd_signed_forms_never_crash(site: Site, fields: dict[str, str]) -> None:
    body = urlencode(fields, errors="replace")
    sent = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    url = site.base + "/webhook/twilio"
    headers = {
        "X-Twilio-Signature": twilio_signature(url, sent),
        "Content-Type": "application/x-www-form-urlencoded",
    }

    assert site.http.post(url, content=body, headers=headers).status_code in (200, 403, 422, 429)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"MessageSid=SM1%00&From=%2B14155550123&Body=%00",
        b"MessageSid=&From=",
        b"Body=only",
        b"\xff\xfe\x00",
        b"MessageSid=" + b"x" * 5000 + b"&From=1",
        b"&&&===",
        b"MessageSid=SM1&From=%ED%A0%80&Body=%F0%9F%98%80",
    ],
)
def test_odd_bodies_are_refused_or_stored(site: Site, body: bytes) -> None:
    from urllib.parse import parse_qsl

    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    headers = {
        "X-Twilio-Signature": twilio_signature(site.base + "/webhook/twilio", form),
        "Content-Type": "application/x-www-form-urlencoded",
    }

    assert site.http.post("/webhook/twilio", content=body, headers=headers).status_code in (200, 403, 422)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(
        st.binary(max_size=200), st.recursive(st.none() | odd_text | st.integers(), st.lists).map(json.dumps)
    )
)
def test_odd_chat_bodies_never_crash(site: Site, body: bytes | str) -> None:
    assert site.http.post("/api/chat/messages", content=body).status_code in (403, 422, 429)


def test_answers_carry_the_guarding_headers(site: Site) -> None:
    headers = site.http.get("/health").headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_get_is_not_taken(site: Site) -> None:
    answer: httpx.Response = site.http.get("/webhook/twilio")

    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
