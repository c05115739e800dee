"""Signing in and out by the routes, as a browser does it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from db import users
from db.engine import system
from tests.ui.conftest import PASSWORD, Office
from ui import auth, cookies, seat


def fill(browser: TestClient, address: str = "/auth/sign-in") -> str:
    """Open a form; returns the token hidden in it."""
    page = browser.get(address)
    found = re.search(r'name="form" value="([^"]+)"', page.text)
    assert found is not None
    return found.group(1)


def enter(browser: TestClient, password: str = PASSWORD, **fields: str) -> Any:
    form = {"form": fill(browser), "email": "agent@example.com", "password": password} | fields
    return browser.post("/auth/sign-in", data=form)


def test_the_right_password_signs_in_with_a_cookie_that_scripts_and_other_sites_cannot_use(browser: TestClient) -> None:
    answer = enter(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    [cookie] = [line for line in answer.headers.get_list("set-cookie") if line.startswith(cookies.SESSION)]
    for flag in ("HttpOnly", "SameSite=lax", "Secure", "Path=/"):
        assert flag.lower() in cookie.lower()
    assert seat.who(browser.cookies[cookies.SESSION]) is not None


def test_plain_http_gets_a_cookie_that_plain_http_sends_back(browser: TestClient) -> None:
    browser.base_url = "http://127.0.0.1:8501"
    [cookie] = [line for line in enter(browser).headers.get_list("set-cookie") if line.startswith(cookies.SESSION)]
    assert "secure" not in cookie.lower()


def test_a_wrong_password_is_refused_and_keeps_what_was_typed(browser: TestClient) -> None:
    answer = enter(browser, "wrong")
    assert answer.status_code == 401
    assert auth.WRONG in answer.text
    assert 'value="agent@example.com"' in answer.text
    assert cookies.SESSION not in browser.cookies


def test_an_unknown_address_reads_exactly_like_a_wrong_password(browser: TestClient) -> None:
    assert auth.WRONG in enter(browser, email="nobody@example.com").text


def test_the_eleventh_try_has_to_wait(browser: TestClient) -> None:
    for _ in range(10):
        enter(browser, "wrong")
    answer = enter(browser)
    assert answer.status_code == 429
    assert "Too many tries" in answer.text


@pytest.mark.parametrize("field", ["", "made up"])
def test_a_form_that_was_not_opened_here_is_refused(browser: TestClient, field: str) -> None:
    fill(browser)
    answer = browser.post("/auth/sign-in", data={"form": field, "email": "agent@example.com", "password": PASSWORD})
    assert answer.status_code == 403
    assert cookies.SESSION not in browser.cookies


def test_another_site_cannot_post_the_form(browser: TestClient) -> None:
    form = {"form": fill(browser), "email": "agent@example.com", "password": PASSWORD}
    assert browser.post("/auth/sign-in", data=form, headers={"sec-fetch-site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "/auth/sign-out", "x"])
def test_a_sign_in_never_leads_to_another_site(browser: TestClient, target: str) -> None:
    assert enter(browser, next=target).headers["location"] == "/"


def test_a_sign_in_leads_back_to_the_page_that_was_asked_for(browser: TestClient) -> None:
    asked = browser.get("/conversations?c=12")
    assert asked.headers["location"] == "/auth/sign-in?next=/conversations%3Fc%3D12"
    assert enter(browser, next="/conversations?c=12").headers["location"] == "/conversations?c=12"


def test_a_link_signs_in_once_and_only_when_its_page_is_posted(browser: TestClient, office: Office) -> None:
    with system() as tx:
        link = users.make_sign_in_link(tx, office.people["agent"], datetime.now(UTC))
    for _ in range(2):  # a mail scanner that opens the link does not use it up
        form = fill(browser, f"/auth/link/{link}")
    first = browser.post(f"/auth/link/{link}", data={"form": form})
    assert (first.status_code, first.headers["location"]) == (303, "/")
    again = browser.post(f"/auth/link/{link}", data={"form": fill(browser, f"/auth/link/{link}")})
    assert again.status_code == 401
    assert auth.USED in again.text


def test_signing_out_ends_the_session_itself(browser: TestClient, office: Office) -> None:
    enter(browser)
    token = browser.cookies[cookies.SESSION]
    assert browser.post("/auth/sign-out", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert seat.is_signed_in(token)
    browser.post("/auth/sign-out", headers={"sec-fetch-site": "same-origin"})
    assert not seat.is_signed_in(token)
    assert cookies.SESSION not in browser.cookies


def test_a_page_is_only_for_people_who_are_signed_in(browser: TestClient) -> None:
    assert browser.get("/runs").status_code == 303
    enter(browser)
    page = browser.get("/runs")
    assert (page.status_code, page.headers["x-frame-options"]) == (200, "DENY")


def test_what_was_typed_cannot_become_markup(browser: TestClient) -> None:
    assert '"><script>' not in enter(browser, "wrong", email='"><script>alert(1)</script>').text
