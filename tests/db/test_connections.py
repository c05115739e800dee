from uuid import UUID, uuid4

import pytest

from db import connections
from db.engine import one, system, transaction
from db.secrets import new_key
from db.settings import get_settings

TWILIO = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "twilio-token", "TWILIO_FROM": "+14155550100"}


def _environment(monkeypatch: pytest.MonkeyPatch, **variables: str | None) -> None:
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    get_settings.cache_clear()


def _sync(workspace: UUID) -> list[str]:
    with system() as tx:
        return connections.sync_from_environment(tx, workspace)


def test_secrets_are_encrypted_and_come_back_only_when_asked_for(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        made = connections.create(
            tx, workspace, "twilio", "Main", {"account_sid": "AC1"}, {"auth_token": "s3cret-token"}
        )
        row = one(tx, "SELECT connections::text AS line, secrets FROM connections")
        assert row is not None and "s3cret" not in row["line"] and b"s3cret" not in row["secrets"]
        assert connections.get(tx, made.id) == made and "s3cret" not in repr(made)
        assert connections.with_secrets(tx, made.id) == (made, {"auth_token": "s3cret-token"})
        assert connections.with_secrets(tx, uuid4()) is None


def test_a_new_default_takes_the_place_of_the_former(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        assert connections.default(tx, "twilio") is None
        first = connections.create(tx, workspace, "twilio", "First", is_default=True)
        second = connections.create(tx, workspace, "twilio", "Second", is_default=True)
        chosen = connections.default(tx, "twilio")
        assert chosen is not None and chosen.id == second.id
        assert [found.id for found in connections.of_kind(tx, "twilio")] == [second.id, first.id]


def test_a_webhook_address_finds_the_named_or_the_oldest_default_connection(
    workspace: UUID, other_workspace: UUID
) -> None:
    with system() as tx:
        connections.create(tx, workspace, "twilio", "Not the default")
        younger = connections.create(tx, other_workspace, "twilio", "Main", {}, {"auth_token": "b"}, is_default=True)
        assert connections.find(tx, "twilio", None) == (younger, {"auth_token": "b"})
        older = connections.create(tx, workspace, "twilio", "Main", {}, {"auth_token": "a"}, is_default=True)
    with system() as tx:
        assert connections.find(tx, "twilio", None) == (older, {"auth_token": "a"})
        assert connections.find(tx, "twilio", str(younger.id)) == (younger, {"auth_token": "b"})
        for nothing in (str(uuid4()), "no-id", ""):
            assert connections.find(tx, "twilio", nothing) is None
        assert connections.find(tx, "webchat", str(younger.id)) is None


def test_a_pause_says_why_until_it_is_lifted(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        made = connections.create(tx, workspace, "twilio", "Main")
        connections.pause(tx, made.id, "Twilio refused the token.")
        paused = connections.get(tx, made.id)
        assert paused is not None and (paused.state, paused.state_reason) == ("paused", "Twilio refused the token.")
        connections.resume(tx, made.id)
        assert connections.get(tx, made.id) == made


def test_an_update_merges_and_an_empty_secret_removes(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        made = connections.create(tx, workspace, "twilio", "Main", {"a": 1, "b": 2}, {"x": "1", "y": "2"})
        connections.update(tx, made.id, name="Renamed", config={"b": 3}, secrets={"y": "", "z": "4"})
        opened = connections.with_secrets(tx, made.id)
    assert opened is not None
    assert (opened[0].name, opened[0].config, opened[1]) == ("Renamed", {"a": 1, "b": 3}, {"x": "1", "z": "4"})


def test_the_web_chat_always_exists_with_a_key_that_stays(workspace: UUID) -> None:
    assert _sync(workspace) == ["webchat"]
    with system() as tx:
        before = connections.find(tx, "webchat", None)
    assert _sync(workspace) == []
    with system() as tx:
        assert connections.find(tx, "webchat", None) == before
    assert before is not None and len(before[1]["visitor_key"]) > 30


def test_the_environment_makes_changes_and_pauses_connections(monkeypatch: pytest.MonkeyPatch, workspace: UUID) -> None:
    _environment(monkeypatch, **TWILIO, OPENAI_API_KEY="sk-first")
    assert sorted(_sync(workspace)) == ["llm", "twilio", "webchat"]
    assert _sync(workspace) == []
    _environment(monkeypatch, OPENAI_API_KEY="sk-second", OPENAI_MODEL="gpt-5", TWILIO_AUTH_TOKEN=None)
    assert sorted(_sync(workspace)) == ["llm", "twilio"]
    with transaction(workspace) as tx:
        model, twilio = connections.default(tx, "llm"), connections.default(tx, "twilio")
        assert model is not None and model.config["model"] == "gpt-5"
        assert connections.with_secrets(tx, model.id) == (model, {"api_key": "sk-second"})
        assert twilio is not None and (twilio.state, twilio.state_reason) == ("paused", connections.GONE)
    _environment(monkeypatch, TWILIO_AUTH_TOKEN="twilio-token")
    assert _sync(workspace) == ["twilio"]
    with transaction(workspace) as tx:
        twilio = connections.default(tx, "twilio")
        assert twilio is not None and twilio.state == "active"


def test_a_refused_sign_in_stays_paused_until_the_settings_change(
    monkeypatch: pytest.MonkeyPatch, workspace: UUID
) -> None:
    _environment(monkeypatch, **TWILIO)
    _sync(workspace)
    with transaction(workspace) as tx:
        twilio = connections.default(tx, "twilio")
        assert twilio is not None
        connections.pause(tx, twilio.id, "Twilio refused the token.")
    assert _sync(workspace) == []
    _environment(monkeypatch, TWILIO_AUTH_TOKEN="a-better-token")
    assert _sync(workspace) == ["twilio"]
    with transaction(workspace) as tx:
        assert connections.with_secrets(tx, twilio.id) == (
            connections.get(tx, twilio.id),
            {"auth_token": "a-better-token"},
        )
        assert connections.get(tx, twilio.id) == twilio


def test_the_environment_does_not_displace_a_default_chosen_on_the_page(
    monkeypatch: pytest.MonkeyPatch, workspace: UUID
) -> None:
    with transaction(workspace) as tx:
        chosen = connections.create(tx, workspace, "twilio", "Chosen", is_default=True)
    _environment(monkeypatch, **TWILIO)
    _sync(workspace)
    with transaction(workspace) as tx:
        assert connections.default(tx, "twilio") == chosen
        assert len(connections.of_kind(tx, "twilio")) == 2


def test_with_another_secret_key_the_environments_secrets_are_sealed_again(
    monkeypatch: pytest.MonkeyPatch, workspace: UUID
) -> None:
    _environment(monkeypatch, **TWILIO)
    _sync(workspace)
    _environment(monkeypatch, FRONTDESK_SECRET_KEY=new_key())
    assert _sync(workspace) == ["twilio"]
    with system() as tx:
        found = connections.find(tx, "twilio", None)
    assert found is not None and found[1] == {"auth_token": "twilio-token"}
