"""Signing in at GoHighLevel: there, back, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest

from db import audit, connections, secrets
from db.engine import system, transaction
from db.records import Connection
from db.settings import get_settings
from flows import crm, crm_oauth
from flows.actions import ActionRefused
from flows.crm_oauth import SignInRefused
from nodes.errors import AuthFailed
from tests.db.builders import a_user, a_workspace
from tests.fakes.ghl_twin import APP_ID, CLIENT_ID, CLIENT_SECRET, COMPANY_ID, GhlTwin
from tests.flows.crm_desk import by_oauth, by_token

PUBLIC = "https://desk.example.com"


@pytest.fixture
def twin() -> Iterator[GhlTwin]:
    with GhlTwin(limit=1000) as twin:
        yield twin


@pytest.fixture
def workspace(database_url: str) -> UUID:
    with system() as tx:
        return a_workspace(tx)


@pytest.fixture
def admin(workspace: UUID) -> UUID:
    with system() as tx:
        return a_user(tx, workspace, "admin")


@pytest.fixture(autouse=True)
def app(twin: GhlTwin, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installation has a marketplace app, at the twin."""
    values = {"GHL_CLIENT_ID": CLIENT_ID, "GHL_CLIENT_SECRET": CLIENT_SECRET, "GHL_BASE_URL": twin.base_url}
    values |= {"GHL_INSTALL_URL": f"{twin.base_url}/v2/oauth/chooselocation", "FRONTDESK_PUBLIC_URL": PUBLIC}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()


def state_of(start: str) -> str:
    return parse_qs(urlsplit(start).query)["state"][0]


def agree(state: str) -> str:
    """Open GHL's page and agree; the code that it gives."""
    answer = httpx.get(crm_oauth.authorize_url(state), trust_env=False)
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert back.get("state") in (None, [state])
    return back["code"][0]


def kept(workspace: UUID) -> tuple[Connection, dict[str, str]]:
    with transaction(workspace) as tx:
        chosen = connections.default(tx, "ghl")
        assert chosen is not None
        found = connections.with_secrets(tx, chosen.id)
    assert found is not None
    return found


def test_the_way_there_and_back_connects_the_location(twin: GhlTwin, workspace: UUID, admin: UUID) -> None:
    start = crm_oauth.begin(workspace, admin)
    assert start.startswith(f"{PUBLIC}/oauth/ghl/start?state=")
    connected = crm_oauth.finish(agree(state_of(start)), state_of(start))
    row, secrets = kept(workspace)
    assert (connected.connection, connected.needs_location) == (row.id, False)
    assert (row.state, row.is_default, row.name) == ("active", True, "GoHighLevel")
    config = {"auth": "oauth", "location_id": twin.location_id, "company_id": COMPANY_ID, "app_id": APP_ID}
    assert config.items() <= row.config.items() and row.config["timezone"] == "America/New_York"
    assert secrets["refresh_token"] in twin.refresh_tokens
    found = crm.crm_of(workspace)
    assert found is not None and found.client.missing_scopes() == []
    with transaction(workspace) as tx:
        assert audit.recent(tx)[0].action == "connection.signed_in"


def test_the_link_asks_for_every_scope_and_names_our_address(workspace: UUID, admin: UUID) -> None:
    query = parse_qs(urlsplit(crm_oauth.authorize_url(state_of(crm_oauth.begin(workspace, admin)))).query)
    assert query["redirect_uri"] == [f"{PUBLIC}/oauth/ghl/callback"]
    assert query["client_id"] == [CLIENT_ID] and "conversations/message.write" in query["scope"][0].split()
    assert CLIENT_SECRET not in str(query)


def test_a_state_works_once(workspace: UUID, admin: UUID) -> None:
    state = state_of(crm_oauth.begin(workspace, admin))
    crm_oauth.finish(agree(state), state)
    with pytest.raises(SignInRefused, match="used before"):
        crm_oauth.finish(agree(state), state)


def test_a_state_that_is_not_ours_or_too_old_is_refused(workspace: UUID, admin: UUID) -> None:
    for state in ("", "made-up", "x" * 500, "ü"):
        with pytest.raises(SignInRefused, match="does not belong"):
            crm_oauth.finish("code", state)
    values = {"workspace": str(workspace), "user": str(admin), "nonce": "n", "agency": ""}
    ended = secrets.seal({**values, "ends": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}).decode()
    with pytest.raises(SignInRefused, match="too long"):
        crm_oauth.authorize_url(ended)


def test_a_code_that_is_not_valid_keeps_nothing(workspace: UUID, admin: UUID) -> None:
    with pytest.raises(AuthFailed):
        crm_oauth.finish("made-up", state_of(crm_oauth.begin(workspace, admin)))
    assert not crm.is_connected(workspace)


def test_without_an_app_the_way_there_is_refused(
    workspace: UUID, admin: UUID, monkeypatch: pytest.MonkeyPatch, twin: GhlTwin
) -> None:
    monkeypatch.delenv("GHL_CLIENT_SECRET")
    get_settings.cache_clear()
    with pytest.raises(ActionRefused, match="client id and the client secret"):
        crm_oauth.begin(workspace, admin)
    by_oauth(twin, workspace)  # a connection with an app of its own
    assert crm_oauth.begin(workspace, admin)


def test_signing_in_again_renews_the_connection_of_the_location(twin: GhlTwin, workspace: UUID, admin: UUID) -> None:
    desk = by_token(twin, workspace, provider_id="prov1")
    with transaction(workspace) as tx:
        connections.pause(tx, desk.connection, "The token is not accepted.")
    state = state_of(crm_oauth.begin(workspace, admin))
    assert crm_oauth.finish(agree(state), state).connection == desk.connection
    row, secrets = kept(workspace)
    assert (row.state, row.config["provider_id"], "token" in secrets) == ("active", "prov1", False)


def test_an_agency_chooses_the_location_afterwards(twin: GhlTwin, workspace: UUID, admin: UUID) -> None:
    twin.installed.append({"_id": "loc2", "name": "Second", "address": "", "isInstalled": True})
    state = state_of(crm_oauth.begin(workspace, admin, agency=True))
    connected = crm_oauth.finish(agree(state), state)
    assert connected.needs_location and crm.standing(workspace).reason.startswith("Choose the location")
    found = crm_oauth.locations(workspace, connected.connection)
    assert found == [(twin.location_id, "Bright Smile Dental"), ("loc2", "Second")]
    crm_oauth.choose_location(workspace, admin, connected.connection, twin.location_id)
    here = crm.crm_of(workspace)
    assert here is not None and here.client.location()["name"] == "Bright Smile Dental"
    assert kept(workspace)[0].config["location_name"] == "Bright Smile Dental"
    assert twin.refused == []


def test_a_locations_sign_in_has_no_other_to_choose(twin: GhlTwin, workspace: UUID, admin: UUID) -> None:
    desk = by_oauth(twin, workspace)
    assert crm_oauth.locations(workspace, desk.connection) == [(twin.location_id, twin.location_id)]
    with pytest.raises(ActionRefused, match="Only an agency"):
        crm_oauth.choose_location(workspace, admin, desk.connection, "loc2")


def test_uninstalling_stops_the_connection_and_deletes_its_tokens(twin: GhlTwin, workspace: UUID) -> None:
    desk = by_oauth(twin, workspace)
    assert crm_oauth.uninstalled(location_id="another", app_id=APP_ID) == 0
    assert crm_oauth.uninstalled(location_id=twin.location_id, app_id="another") == 0
    assert crm_oauth.uninstalled(location_id=twin.location_id, app_id=APP_ID) == 1
    assert "uninstalled" in crm.standing(workspace).reason
    assert set(desk.account.secrets) == {"client_secret"}
    assert crm_oauth.uninstalled(company_id=COMPANY_ID, app_id=APP_ID) == 1
    assert crm_oauth.uninstalled() == 0


def test_uninstalling_the_app_leaves_a_private_token(twin: GhlTwin, workspace: UUID) -> None:
    by_token(twin, workspace, company_id=COMPANY_ID)
    assert crm_oauth.uninstalled(location_id=twin.location_id) + crm_oauth.uninstalled(company_id=COMPANY_ID) == 0
    assert crm.is_connected(workspace)


def test_an_installation_alone_connects_nothing() -> None:
    assert "signing in" in crm_oauth.installed(location_id="loc")
    assert "as the agency" in crm_oauth.installed(company_id="com")
