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


def test_chat_calls_count_for_the_address_and_the_browsers_own_question_does_not(site: Site, tight: None) -> None:
    asked = [site.http.options("/api/chat/messages").status_code for _ in range(10)]
    answers = [site.http.get("/api/chat/settings").status_code for _ in range(4)]
    answers += [site.http.post("/api/chat/visitors").status_code for _ in range(3)]

    assert asked == [204] * 10
    assert answers == [200] * 4 + [201] * 2 + [429]
    assert site.get("/api/runs").status_code == 429, "REST and chat count together"
    widget_on_another_site = site.http.get("/api/chat/settings", headers={"Origin": "https://shop.example.com"})
    assert (widget_on_another_site.status_code, widget_on_another_site.headers["Access-Control-Allow-Origin"]) == (
        429,
        "*",
    )


def test_signed_webhooks_do_not_count(site: Site, tight: None) -> None:
    assert {site.twilio_call().status_code for _ in range(10)} == {200}


def test_zero_means_no_limit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_LIMIT_API_PER_MINUTE", "0")
    monkeypatch.setenv("FRONTDESK_LIMIT_ADDRESS_PER_HOUR", "0")
    get_settings.cache_clear()

    assert {site.get("/api/runs").status_code for _ in range(110)} == {200}
