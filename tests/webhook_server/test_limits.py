import pytest

from db.settings import get_settings
from tests.webhook_server.conftest import Site


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_LIMIT_API_PER_MINUTE", "3")
    monkeypatch.setenv("FRONTDESK_LIMIT_ADDRESS_PER_HOUR", "6")
    get_settings.cache_clear()


def test_a_key_may_call_one_endpoint_so_often_a_minute(site: Site, tight: None) -> None:
    answers = [site.get("/api/conversations") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) <= 61
    assert "Try again in" in answers[-1].json()["error"]["message"]
    assert site.get("/api/runs").status_code == 200, "another endpoint counts for itself"


def test_an_address_may_call_so_often_an_hour_whatever_its_key(site: Site, tight: None) -> None:
    answers = [site.http.get("/api/runs", headers={"X-API-Key": f"fd_{number}"}) for number in range(7)]

    assert [answer.status_code for answer in answers] == [401] * 6 + [429]
    proxied = {"X-API-Key": site.key, "X-Forwarded-For": "203.0.113.7"}
    assert site.http.get("/api/runs", headers=proxied).status_code == 200, "another address counts for itself"


def test_signed_webhooks_do_not_count(site: Site, tight: None) -> None:
    assert {site.twilio_call().status_code for _ in range(10)} == {200}


def test_zero_means_no_limit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_LIMIT_API_PER_MINUTE", "0")
    monkeypatch.setenv("FRONTDESK_LIMIT_ADDRESS_PER_HOUR", "0")
    get_settings.cache_clear()

    assert {site.get("/api/runs").status_code for _ in range(110)} == {200}
