from uuid import UUID

from db import api_keys
from db.engine import one, system, transaction


def test_a_key_opens_its_workspace_until_it_is_revoked(workspace: UUID, other_workspace: UUID) -> None:
    with transaction(workspace) as tx:
        key = api_keys.make(tx, workspace, "Zapier", "agent")
        [line] = api_keys.active(tx)
    assert key.startswith("fd_") and len(key) > 40
    with system() as tx:
        assert api_keys.check(tx, key) == (workspace, "agent", line.id)
        assert api_keys.check(tx, key + "x") is None
    with transaction(other_workspace) as tx:
        assert api_keys.active(tx) == []
        assert api_keys.revoke(tx, line.id) is False
    with transaction(workspace) as tx:
        assert api_keys.active(tx)[0].last_used_at is not None
        assert api_keys.revoke(tx, line.id) is True
        assert api_keys.revoke(tx, line.id) is False
    with system() as tx:
        assert api_keys.check(tx, key) is None


def test_only_the_hash_is_kept(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        key = api_keys.make(tx, workspace, "Zapier")
        row = one(tx, "SELECT api_keys::text AS line FROM api_keys")
    assert row is not None and key not in row["line"]


def test_a_key_from_the_environment_is_accepted_and_given_twice_kept_once(workspace: UUID) -> None:
    with system() as tx:
        for _ in range(2):
            api_keys.keep(tx, workspace, "From the environment", "admin", "fd_of-my-own-choice")
    with system() as tx:
        found = api_keys.check(tx, "fd_of-my-own-choice")
        assert found is not None and (found.workspace_id, found.role) == (workspace, "admin")
    with transaction(workspace) as tx:
        assert len(api_keys.active(tx)) == 1


def test_the_last_use_is_noted_once_a_minute_at_most(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        key = api_keys.make(tx, workspace, "Zapier")
    seen = set()
    for _ in range(3):
        with system() as tx:
            api_keys.check(tx, key)
        with transaction(workspace) as tx:
            seen.add(api_keys.active(tx)[0].last_used_at)
    assert len(seen) == 1
