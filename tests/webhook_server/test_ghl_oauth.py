"""Signing in at GoHighLevel through the browser: only the one that left may come back."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from db import connections
from db.engine import transaction
from db.settings import get_settings
from flows import crm_oauth
from tests.fakes.ghl_twin import CLIENT_ID, CLIENT_SECRET, GhlTwin
from tests.webhook_server.conftest import Site


@pytest.fixture
def twin(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[GhlTwin]:
    with GhlTwin() as twin:
        values = {"GHL_CLIENT_ID": CLIENT_ID, "GHL_CLIENT_SECRET": CLIENT_SECRET, "GHL_BASE_URL": twin.base_url}
        values |= {"GHL_INSTALL_URL": f"{twin.base_url}/v2/oauth/chooselocation", "FRONTDESK_PUBLIC_URL": site.base}
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()
        yield twin


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(follow_redirects=True, trust_env=False) as browser:
        yield browser


def is_connected(site: Site) -> bool:
    with transaction(site.workspace) as tx:
        found = connections.default(tx, "ghl")
    return found is not None and found.state == "active"


@pytest.mark.parametrize("returns_state", [True, False])
def test_a_browser_goes_there_and_comes_back(
    site: Site, twin: GhlTwin, browser: httpx.Client, returns_state: bool
) -> None:
    twin.returns_state = returns_state
    answer = browser.get(crm_oauth.begin(site.workspace, site.user))
    assert (answer.status_code, "GoHighLevel is connected" in answer.text) == (200, True)
    assert is_connected(site)
    assert not browser.cookies and answer.headers["referrer-policy"] == "no-referrer"


def test_the_cookie_is_for_the_way_back_alone(site: Site, twin: GhlTwin) -> None:
    answer = httpx.get(crm_oauth.begin(site.workspace, site.user), trust_env=False)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/oauth/ghl" in cookie and "max-age=900" in cookie


def test_another_browser_cannot_come_back(site: Site, twin: GhlTwin, browser: httpx.Client) -> None:
    answer = httpx.get(crm_oauth.begin(site.workspace, site.user), trust_env=False)
    back = httpx.get(answer.headers["location"], trust_env=False).headers["location"]
    refused = browser.get(back)
    assert (refused.status_code, "did not begin the sign-in" in refused.text) == (400, True)
    browser.get(crm_oauth.begin(site.workspace, site.user), follow_redirects=False)  # and not with an errand of its own
    assert browser.get(back).status_code == 400
    assert not is_connected(site)


def test_what_is_not_ours_is_refused_with_a_sentence(site: Site, twin: GhlTwin, browser: httpx.Client) -> None:
    assert browser.get(f"{site.base}/oauth/ghl/start?state=made-up").status_code == 400
    assert browser.get(f"{site.base}/oauth/ghl/callback").status_code == 400
    browser.get(crm_oauth.begin(site.workspace, site.user), follow_redirects=False)
    assert "gave no code" in browser.get(f"{site.base}/oauth/ghl/callback?error=access_denied").text


def test_a_code_that_ghl_does_not_know_is_a_sentence(site: Site, twin: GhlTwin, browser: httpx.Client) -> None:
    browser.get(crm_oauth.begin(site.workspace, site.user), follow_redirects=False)
    answer = browser.get(f"{site.base}/oauth/ghl/callback?code=<script>")
    assert (answer.status_code, "Connect GoHighLevel again" in answer.text) == (502, True)
    assert urlsplit(str(answer.url)).path == "/oauth/ghl/callback" and "<script>" not in answer.text
