"""The CRM of a workspace: which connection it is, and what a test of it says."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from db import connections as stored
from db import limits
from db.engine import system, transaction
from db.settings import get_settings
from flows import connections, crm
from nodes.clients.ghl_answer import TOKEN_REFUSED
from nodes.errors import AuthFailed
from tests.db.builders import a_user, a_workspace
from tests.fakes.ghl_twin import TOKEN, GhlTwin
from tests.flows.crm_desk import by_oauth, by_token


@pytest.fixture
def twin() -> Iterator[GhlTwin]:
    with GhlTwin(limit=1000) as twin:
        yield twin


@pytest.fixture
def workspace(database_url: str) -> UUID:
    with system() as tx:
        return a_workspace(tx)


def test_a_workspace_without_a_connection_has_no_crm(workspace: UUID) -> None:
    assert (crm.crm_of(workspace), crm.is_connected(workspace), crm.standing(workspace).state) == (None, False, "none")


@pytest.mark.parametrize("connect", [by_token, by_oauth])
def test_a_connected_workspace_has_one(connect: type, twin: GhlTwin, workspace: UUID) -> None:
    desk = connect(twin, workspace)
    found = crm.crm_of(workspace)
    assert found is not None and (found.connection_id, found.location_id) == (desk.connection, twin.location_id)
    assert found.client.location()["name"] == "Bright Smile Dental"
    assert crm.is_connected(workspace)


def test_a_paused_one_is_not_asked_and_says_why(twin: GhlTwin, workspace: UUID) -> None:
    desk = by_token(twin, workspace)
    with transaction(workspace) as tx:
        stored.pause(tx, desk.connection, "The token is not accepted.")
    standing = crm.standing(workspace)
    assert (standing.state, standing.reason, standing.crm) == ("paused", "The token is not accepted.", None)
    assert not crm.is_connected(workspace)


def test_a_change_is_seen_at_once_by_who_forgets_and_soon_by_others(twin: GhlTwin, workspace: UUID) -> None:
    assert not crm.is_connected(workspace)
    by_token(twin, workspace)
    assert not crm.is_connected(workspace)
    crm.forget(workspace)
    assert crm.is_connected(workspace)


def test_another_workspace_has_its_own(twin: GhlTwin, workspace: UUID) -> None:
    by_token(twin)
    assert crm.crm_of(workspace) is None


def test_the_environment_connects_by_token(twin: GhlTwin, workspace: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TOKEN": TOKEN, "LOCATION_ID": twin.location_id, "BASE_URL": twin.base_url}.items():
        monkeypatch.setenv(f"GHL_{name}", value)
    get_settings.cache_clear()
    with transaction(workspace) as tx:
        assert "ghl" in stored.sync_from_environment(tx, workspace)
    found = crm.crm_of(workspace)
    assert found is not None and found.client.location()["id"] == twin.location_id
    crm.learn_location(workspace, found.connection_id)
    with transaction(workspace) as tx:
        assert "ghl" not in stored.sync_from_environment(tx, workspace)
        kept = stored.default(tx, "ghl")
    assert kept is not None and (kept.config["timezone"], kept.config["country"]) == ("America/New_York", "US")


def test_the_test_button_names_what_is_missing(twin: GhlTwin, workspace: UUID) -> None:
    with system() as tx:
        admin = a_user(tx, workspace, "admin")
    made = connections.add(workspace, admin, "ghl", {"location_id": twin.location_id, "token": TOKEN})
    with transaction(workspace) as tx:
        stored.update(tx, made, config={"base_url": twin.base_url})
    assert connections.test_connection(workspace, made) == ""
    twin.deny("conversations/message.write")
    assert "lacks these scopes: conversations/message.write" in connections.test_connection(workspace, made)
    connections.edit(workspace, admin, made, {"location_id": "", "token": ""})
    assert "has no location" in connections.test_connection(workspace, made)


def test_a_connection_without_a_token_says_how_to_get_one(twin: GhlTwin, workspace: UUID) -> None:
    with system() as tx:
        admin = a_user(tx, workspace, "admin")
    made = connections.add(workspace, admin, "ghl", {"location_id": twin.location_id})
    assert "Enter a private integration token, or sign in" in connections.test_connection(workspace, made)
    assert crm.crm_of(workspace) is None


def test_a_connection_that_ghl_refused_for_a_while_comes_back_by_itself(twin: GhlTwin, workspace: UUID) -> None:
    desk = by_token(twin, workspace)
    twin.break_with(status=401, message="Invalid JWT", times=2)
    with pytest.raises(AuthFailed) as caught:
        desk.client().location()
    with transaction(workspace) as tx:
        stored.pause(tx, desk.connection, caught.value.reason)
    assert not crm.revive(workspace)  # still refused
    assert not crm.revive(workspace) and len(twin.asked) == 2  # and not asked again within the minute
    with system() as tx:
        limits.forget(tx, f"ghl-revive:{desk.connection}")  # a minute has passed
    assert crm.revive(workspace) and crm.is_connected(workspace)
    assert not crm.revive(workspace)


def test_what_an_admin_paused_stays_paused(twin: GhlTwin, workspace: UUID) -> None:
    desk = by_token(twin, workspace)
    with transaction(workspace) as tx:
        stored.pause(tx, desk.connection, "An admin paused this connection. Nothing is sent over it.")
    assert not crm.revive(workspace) and twin.asked == []


def test_a_token_that_is_accepted_and_may_not_read_the_location_comes_back_too(twin: GhlTwin, workspace: UUID) -> None:
    desk = by_token(twin, workspace)
    twin.deny("locations.readonly")
    with transaction(workspace) as tx:
        stored.pause(tx, desk.connection, TOKEN_REFUSED)
    assert crm.revive(workspace)
