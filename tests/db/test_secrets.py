import stat
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from db import connections, secrets
from db.engine import system, transaction
from db.settings import get_settings

OLD, NEW = secrets.new_key(), secrets.new_key()


def _use(monkeypatch: pytest.MonkeyPatch, keys: str | None) -> None:
    if keys is None:
        monkeypatch.delenv("FRONTDESK_SECRET_KEY", raising=False)
    else:
        monkeypatch.setenv("FRONTDESK_SECRET_KEY", keys)
    get_settings.cache_clear()


def test_what_was_sealed_is_unseen_and_comes_back() -> None:
    data = secrets.seal({"auth_token": "s3cret-token"})
    assert b"s3cret" not in data
    assert secrets.unseal(data) == {"auth_token": "s3cret-token"}


def test_the_former_key_still_opens_and_the_newest_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, OLD)
    before = secrets.seal({"a": "1"})
    _use(monkeypatch, f"{NEW},{OLD}")
    assert secrets.unseal(before) == {"a": "1"}
    after = secrets.seal({"a": "1"})
    _use(monkeypatch, NEW)
    assert secrets.unseal(after) == {"a": "1"}
    with pytest.raises(secrets.SecretsUnreadable, match="Put the former key behind the present one"):
        secrets.unseal(before)


def test_rotate_moves_every_connection_to_the_newest_key(monkeypatch: pytest.MonkeyPatch, workspace: UUID) -> None:
    _use(monkeypatch, OLD)
    with transaction(workspace) as tx:
        made = connections.create(tx, workspace, "twilio", "Main", secrets={"auth_token": "s3cret-token"})
        connections.create(tx, workspace, "webchat", "Site")
    _use(monkeypatch, f"{NEW},{OLD}")
    with system() as tx:
        assert secrets.rotate(tx) == 1
    _use(monkeypatch, NEW)
    with transaction(workspace) as tx:
        opened = connections.with_secrets(tx, made.id)
        assert opened is not None and opened[1] == {"auth_token": "s3cret-token"}


def test_without_a_key_in_the_settings_one_is_made_that_only_we_may_read(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    _use(monkeypatch, None)
    assert secrets.unseal(secrets.seal({"a": "1"})) == {"a": "1"}
    assert stat.S_IMODE((home / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["secret.key"]


def test_processes_that_start_together_use_one_key(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    _use(monkeypatch, None)
    code = "from db import secrets; print(secrets.seal({'a': '1'}).decode())"
    root = Path(__file__).parents[2]
    started = [subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE) for _ in range(4)]
    sealed = [process.communicate(timeout=60)[0].strip() for process in started]
    assert [secrets.unseal(data) for data in sealed] == [{"a": "1"}] * 4


def test_any_long_text_is_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, "k" * 40)
    assert secrets.unseal(secrets.seal({"a": "1"})) == {"a": "1"}


def test_a_short_key_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, "hunter2")
    with pytest.raises(secrets.SecretKeyUnusable, match="at least 32") as caught:
        secrets.seal({"a": "1"})
    assert "hunter2" not in str(caught.value)


def test_a_key_file_that_cannot_be_made_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FRONTDESK_HOME", str(tmp_path / "file"))
    _use(monkeypatch, None)
    with pytest.raises(secrets.SecretKeyUnusable, match="set FRONTDESK_HOME"):
        secrets.seal({"a": "1"})
