"""Tokens of a sign-in: exchanged once for everybody, in time, and never lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from db import audit
from db.engine import transaction
from flows.crm_tokens import Kept, StoredTokens
from nodes.errors import AuthFailed, NotSent, Rejected
from tests.fakes.ghl_twin import GhlTwin
from tests.flows.crm_desk import Desk, by_oauth, by_token
from tests.flows.test_crm_limits import begin, processes


def soon() -> str:
    """An end that is near now: a moment kept from the import of this file has passed in a long run."""
    return (datetime.now(UTC) + timedelta(minutes=5)).isoformat()


PAST = "2020-01-01T00:00:00+00:00"


@pytest.fixture
def twin() -> Iterator[GhlTwin]:
    with GhlTwin(limit=10_000) as twin:
        yield twin


@pytest.fixture
def desk(twin: GhlTwin, database_url: str) -> Desk:
    return by_oauth(twin)


def test_ten_callers_at_once_exchange_an_ended_token_once(twin: GhlTwin, desk: Desk) -> None:
    twin.end(desk.account.secrets["access_token"])
    twin.break_with(path="/oauth/token", delay=0.3)
    client = desk.client()
    with ThreadPoolExecutor(10) as threads:
        found = list(threads.map(lambda _: client.location()["id"], range(10)))
    assert (found, twin.refreshes) == ([twin.location_id] * 10, 1)
    assert desk.account.secrets["access_token"] in twin.grants


def test_three_processes_of_ten_threads_exchange_it_once(twin: GhlTwin, desk: Desk, database_url: str) -> None:
    twin.end(desk.account.secrets["access_token"])
    twin.break_with(path="/oauth/token", delay=0.5)
    with processes(database_url, desk, "read", 10) as started:
        assert begin(started) == ["0"] * 3
    assert (twin.refreshes, twin.refused) == (1, [])
    assert [each.status for each in twin.calls("POST", "/oauth/token")] == [200]


def test_a_token_is_exchanged_before_it_ends(twin: GhlTwin, desk: Desk) -> None:
    before = desk.account.secrets
    desk.change(secrets={"expires_at": soon()})
    client = desk.client()
    client.location()
    client.location()
    after = desk.account.secrets
    assert twin.refreshes == 1 and [each.status for each in twin.asked] == [200, 200, 200]
    assert before["refresh_token"] != after["refresh_token"]
    assert datetime.fromisoformat(after["expires_at"]) > datetime.now(UTC) + timedelta(hours=23)


def test_the_new_pair_is_stored_before_it_is_used(twin: GhlTwin, desk: Desk) -> None:
    """Whoever dies after the exchange leaves the pair behind: the next one needs no other."""
    desk.change(secrets={"expires_at": soon()})
    token = StoredTokens(desk.workspace, desk.connection, None, desk.account.secrets)  # cannot exchange itself
    desk.client().location()
    assert token.instead_of("the old one") == desk.account.secrets["access_token"]
    assert twin.refreshes == 1


def test_an_exchange_that_fails_leaves_the_token_in_use_until_it_ends(twin: GhlTwin, desk: Desk) -> None:
    desk.change(secrets={"expires_at": soon()})
    twin.break_with(path="/oauth/token", status=500, times=float("inf"))
    assert desk.client().location()["id"] == twin.location_id
    desk.change(secrets={"expires_at": PAST})
    with pytest.raises(NotSent, match="could not be renewed"):
        desk.client().location()
    twin.mend()
    assert desk.client().location()["id"] == twin.location_id
    assert desk.state() == ("active", "")


def test_a_refresh_token_that_was_used_ends_the_connection(twin: GhlTwin, desk: Desk) -> None:
    desk.change(secrets={"expires_at": PAST, "refresh_token": "used-before"})
    with pytest.raises(AuthFailed, match="Connect GoHighLevel again"):
        desk.client().location()
    assert desk.state() == ("paused", "Connect GoHighLevel again: its sign-in has ended.")
    with transaction(desk.workspace) as tx:
        assert "connection.paused" in [each.action for each in audit.recent(tx)]
    assert len(twin.calls("POST", "/oauth/token")) == 1


def test_a_missing_scope_is_no_reason_to_exchange_and_never_loops(twin: GhlTwin, desk: Desk) -> None:
    twin.deny("locations.readonly", token=desk.account.secrets["access_token"])
    client = desk.client()
    for _ in range(2):
        with pytest.raises(Rejected) as caught:
            client.location()
        assert caught.value.code == "missing_scope"
    assert (len(twin.asked), twin.refreshes) == (2, 0)
    assert desk.state()[0] == "active"


def test_a_token_that_is_refused_for_ever_is_exchanged_once_per_call(twin: GhlTwin, desk: Desk) -> None:
    twin.break_with(path="/locations", status=401, message="Invalid JWT", times=float("inf"))
    with pytest.raises(AuthFailed):
        desk.client().location()
    assert (len(twin.calls("GET", "/locations")), twin.refreshes) == (2, 1)


def test_a_private_token_is_never_exchanged(twin: GhlTwin, database_url: str) -> None:
    desk = by_token(twin)
    twin.break_with(status=401, message="Invalid token: access token is invalid")
    with pytest.raises(AuthFailed):
        desk.client().location()
    assert len(twin.asked) == 1


def test_an_agencys_token_makes_the_locations(twin: GhlTwin, desk: Desk) -> None:
    pair = twin.issue(company=True)
    secrets = {"company_access_token": pair["access_token"], "company_refresh_token": pair["refresh_token"]}
    desk.change(secrets={**secrets, "company_expires_at": PAST, "expires_at": PAST, "refresh_token": ""})
    client = desk.client()
    with ThreadPoolExecutor(10) as threads:
        assert set(threads.map(lambda _: client.location()["id"], range(10))) == {twin.location_id}
    assert (twin.refreshes, len(twin.calls("POST", "/oauth/locationToken")), twin.refused) == (1, 1, [])
    twin.end(desk.account.secrets["access_token"])
    client.location()
    assert (twin.refreshes, len(twin.calls("POST", "/oauth/locationToken"))) == (1, 2)


def test_tokens_are_not_in_any_repr(twin: GhlTwin, desk: Desk) -> None:
    secrets = desk.account.secrets
    shown = (
        repr(StoredTokens(desk.workspace, desk.connection, None, secrets)) + repr(Kept(secrets)) + repr(desk.account)
    )
    assert not any(value in shown for name, value in secrets.items() if name.endswith(("token", "secret")))
