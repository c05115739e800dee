"""What an admin does with connections."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet

from db import audit
from db import connections as stored
from db.engine import system, transaction
from db.records import Connection
from db.settings import get_settings
from flows import connections
from flows.actions import ActionRefused
from tests.db.builders import a_user, a_workspace
from tests.fakes.openai_twin import API_KEY, OpenAITwin
from tests.fakes.smtp_twin import SmtpTwin
from tests.fakes.twilio_twin import ACCOUNT_SID, AUTH_TOKEN, TwilioTwin

TWILIO = {"account_sid": f" {ACCOUNT_SID} ", "auth_token": AUTH_TOKEN, "from_number": "+14155550123"}


@pytest.fixture
def workspace(database_url: str) -> UUID:
    with system() as tx:
        return a_workspace(tx)


@pytest.fixture
def admin(workspace: UUID) -> UUID:
    with system() as tx:
        return a_user(tx, workspace, "admin")


def kept(workspace: UUID, id: UUID) -> tuple[Connection, dict[str, str]]:
    with transaction(workspace) as tx:
        found = stored.with_secrets(tx, id)
    assert found is not None
    return found


def audited(workspace: UUID) -> list[str]:
    with transaction(workspace) as tx:
        return [entry.action for entry in reversed(audit.recent(tx))]


def test_a_new_connection_is_the_default_one_of_its_kind(workspace: UUID, admin: UUID) -> None:
    row, secrets = kept(workspace, connections.add(workspace, admin, "twilio", TWILIO))
    assert (row.config["account_sid"], secrets, row.is_default) == (ACCOUNT_SID, {"auth_token": AUTH_TOKEN}, True)


def test_an_empty_secret_leaves_the_old_one(workspace: UUID, admin: UUID) -> None:
    id = connections.add(workspace, admin, "twilio", TWILIO)
    connections.edit(workspace, admin, id, TWILIO | {"auth_token": "", "from_number": "+14155550199"})
    row, secrets = kept(workspace, id)
    assert (row.config["from_number"], secrets) == ("+14155550199", {"auth_token": AUTH_TOKEN})


def test_everything_is_written_down_and_new_values_lift_a_pause(workspace: UUID, admin: UUID) -> None:
    id = connections.add(workspace, admin, "twilio", TWILIO)
    connections.pause(workspace, admin, id)
    assert kept(workspace, id)[0].state == "paused"
    connections.resume(workspace, admin, id)
    connections.pause(workspace, admin, id)
    connections.edit(workspace, admin, id, TWILIO)
    assert kept(workspace, id)[0].state == "active"
    assert audited(workspace) == [f"connection.{done}" for done in ("added", "paused", "resumed", "paused", "changed")]


def test_a_second_account_of_a_kind_gets_a_name_of_its_own(workspace: UUID, admin: UUID) -> None:
    names = {kept(workspace, connections.add(workspace, admin, "twilio", TWILIO))[0].name for _ in range(2)}
    assert names == {"Twilio", "Twilio 2"}


def test_a_missing_value_is_named(workspace: UUID, admin: UUID) -> None:
    with pytest.raises(ActionRefused, match="Auth token is missing"):
        connections.add(workspace, admin, "twilio", TWILIO | {"auth_token": " "})
    id = connections.add(workspace, admin, "twilio", TWILIO)
    with pytest.raises(ActionRefused, match="Account SID is missing"):
        connections.edit(workspace, admin, id, TWILIO | {"account_sid": ""})


def test_secrets_that_cannot_be_read_any_more_are_entered_again(
    workspace: UUID, admin: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = connections.add(workspace, admin, "twilio", TWILIO)
    monkeypatch.setenv("FRONTDESK_SECRET_KEY", Fernet.generate_key().decode())
    get_settings.cache_clear()
    assert "encrypted with another key" in connections.test_connection(workspace, id)
    connections.edit(workspace, admin, id, TWILIO)
    assert kept(workspace, id)[1] == {"auth_token": AUTH_TOKEN}


def test_what_comes_from_the_environment_is_changed_there(workspace: UUID, admin: UUID) -> None:
    with transaction(workspace) as tx:
        made = stored.create(tx, workspace, "twilio", stored.FROM_ENVIRONMENT, {}, {"auth_token": "t"})
    with pytest.raises(ActionRefused, match="environment of the installation"):
        connections.edit(workspace, admin, made.id, TWILIO)


def test_another_workspace_has_no_such_connection(workspace: UUID, admin: UUID) -> None:
    id = connections.add(workspace, admin, "twilio", TWILIO)
    with system() as tx:
        other = a_workspace(tx)
    for action in (connections.pause, connections.resume):
        with pytest.raises(ActionRefused, match="does not exist"):
            action(other, admin, id)
    with pytest.raises(ActionRefused, match="does not exist"):
        connections.edit(other, admin, id, TWILIO)
    with pytest.raises(ActionRefused, match="does not exist"):
        connections.test_connection(other, id)


def test_each_kind_is_tested_by_asking_its_provider(workspace: UUID, admin: UUID, twin: TwilioTwin) -> None:
    with OpenAITwin() as model, SmtpTwin() as mail:
        values = {"base_url": model.base_url, "model": "twin-chat", "api_key": API_KEY}
        made = [
            connections.add(workspace, admin, "llm", values),
            connections.add(workspace, admin, "email_smtp", {"url": f"{mail.url}?from=desk@example.com"}),
            _at(workspace, twin, connections.add(workspace, admin, "twilio", TWILIO)),
        ]
        assert [connections.test_connection(workspace, id) for id in made] == ["", "", ""]
        assert (len(model.chats), mail.commands[-2:], len(twin.requests)) == (1, ["NOOP", "QUIT"], 1)


def test_a_connection_that_does_not_work_says_so_and_stays_as_it_is(
    workspace: UUID, admin: UUID, twin: TwilioTwin
) -> None:
    id = _at(workspace, twin, connections.add(workspace, admin, "twilio", TWILIO | {"auth_token": "wrong"}))
    assert "does not accept the account SID and auth token" in connections.test_connection(workspace, id)
    assert kept(workspace, id)[0].state == "active"


def test_a_kind_that_nobody_can_ask_is_refused(workspace: UUID, admin: UUID) -> None:
    with transaction(workspace) as tx:
        chat = stored.create(tx, workspace, "webchat", "Chat").id
    with pytest.raises(ActionRefused, match="nothing to test"):
        connections.test_connection(workspace, chat)
    with pytest.raises(ActionRefused, match="does not exist"):
        connections.test_connection(workspace, uuid4())


def _at(workspace: UUID, twin: TwilioTwin, id: UUID) -> UUID:
    """The connection, pointed at the twin; its base address is no value of the form."""
    with transaction(workspace) as tx:
        stored.update(tx, id, config={"base_url": twin.base_url})
    return id
