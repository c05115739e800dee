from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from db import users
from db.engine import one, rows, system, transaction

NOW = datetime(2026, 3, 14, 10, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


def _ana(workspace: UUID | None = None, password: str | None = PASSWORD) -> UUID:
    with system() as tx:
        user = users.create(tx, " Ana@Example.com ", "Ana", password)
        if workspace:
            users.add_member(tx, workspace, user.id, "agent")
    return user.id


def _sign_in(password: str = PASSWORD, email: str = "ana@example.com", now: datetime = NOW) -> str | None:
    with system() as tx:
        return users.sign_in(tx, email, password, now)


def test_the_right_password_opens_a_session_in_the_users_workspace(workspace: UUID) -> None:
    ana = _ana(workspace)
    token = _sign_in(email="ANA@example.com")
    assert token is not None
    with system() as tx:
        found = users.session(tx, token, NOW)
    assert found is not None and found.workspace is not None
    assert (found.user.id, found.user.email, found.workspace.id, found.role) == (
        ana,
        "ana@example.com",
        workspace,
        "agent",
    )


def test_wrong_password_unknown_address_and_no_password_are_one_answer(database: str) -> None:
    _ana()
    with system() as tx:
        users.create(tx, "link@example.com", "By link only")
    assert _sign_in("wrong password") is None
    assert _sign_in(email="nobody@example.com") is None
    assert _sign_in("", email="link@example.com") is None


def test_after_ten_tries_even_the_right_password_waits(database: str) -> None:
    _ana()
    assert [_sign_in("wrong") for _ in range(10)] == [None] * 10
    with pytest.raises(users.TooManyTries, match="Wait 15 min") as caught:
        _sign_in()
    later = NOW + timedelta(seconds=caught.value.retry_after_seconds)
    assert _sign_in(now=later) is not None


def test_a_success_clears_the_tries(database: str) -> None:
    _ana()
    for _ in range(3):
        assert [_sign_in("wrong") for _ in range(9)] == [None] * 9
        assert _sign_in() is not None


def test_neither_tokens_nor_passwords_nor_addresses_of_tries_are_kept_in_the_clear(database: str) -> None:
    _ana()
    token = _sign_in()
    assert token is not None
    with system() as tx:
        link = users.make_sign_in_link(tx, one(tx, "SELECT id FROM users")["id"], NOW)  # type: ignore[index]
    _sign_in("wrong", "somebody@example.com")
    kept = ""
    with system() as tx:
        for name in ("users", "sessions", "sign_in_links", "limits"):
            kept += str([dict(row) for row in rows(tx, f"SELECT * FROM {name}")])
    assert not any(text in kept for text in (token, link, PASSWORD, "somebody@example.com"))
    assert "$argon2id$" in kept


def test_a_session_ends_after_two_weeks_of_absence_and_use_keeps_it(workspace: UUID) -> None:
    _ana(workspace)
    token = _sign_in()
    assert token is not None
    day = timedelta(days=1)
    with system() as tx:
        assert users.session(tx, token, NOW + 13 * day) is not None
    with system() as tx:
        assert users.session(tx, token, NOW + 26 * day) is not None
        assert users.session(tx, token, NOW + 41 * day) is None
        assert users.prune(tx, NOW + 41 * day) == 1


def test_signing_out_ends_the_session(workspace: UUID) -> None:
    _ana(workspace)
    token = _sign_in()
    assert token is not None
    with system() as tx:
        users.sign_out(tx, token)
        users.sign_out(tx, "unknown")
        assert users.session(tx, token, NOW) is None


def test_another_workspace_can_be_chosen_only_by_its_members(workspace: UUID, other_workspace: UUID) -> None:
    ana = _ana(workspace)
    token = _sign_in()
    assert token is not None
    with system() as tx:
        assert users.choose_workspace(tx, token, other_workspace) is False
        users.add_member(tx, other_workspace, ana, "admin")
        assert users.choose_workspace(tx, token, other_workspace) is True
        found = users.session(tx, token, NOW)
    assert found is not None and found.workspace is not None
    assert (found.workspace.id, found.role) == (other_workspace, "admin")
    assert {item.workspace.id: item.role for item in found.memberships} == {
        workspace: "agent",
        other_workspace: "admin",
    }


def test_who_lost_every_membership_is_signed_in_but_nowhere(workspace: UUID) -> None:
    _ana()
    token = _sign_in()
    assert token is not None
    with system() as tx:
        found = users.session(tx, token, NOW)
    assert found is not None and (found.workspace, found.role, found.memberships) == (None, "", ())


def test_a_link_signs_in_once_and_not_after_its_time(workspace: UUID) -> None:
    ana = _ana(workspace, password=None)
    with system() as tx:
        good, late = users.make_sign_in_link(tx, ana, NOW), users.make_sign_in_link(tx, ana, NOW, hours=1)
    with system() as tx:
        session = users.redeem_link(tx, good, NOW + timedelta(hours=23))
        assert session is not None and users.session(tx, session, NOW) is not None
        assert users.redeem_link(tx, good, NOW + timedelta(hours=23)) is None
        assert users.redeem_link(tx, late, NOW + timedelta(hours=2)) is None
        assert users.redeem_link(tx, "made up", NOW) is None


def test_of_two_who_open_a_link_at_once_one_gets_in(workspace: UUID) -> None:
    ana = _ana(workspace, password=None)
    with system() as tx:
        link = users.make_sign_in_link(tx, ana, NOW)

    def redeem(_: int) -> str | None:
        with system() as tx:
            return users.redeem_link(tx, link, NOW)

    with ThreadPoolExecutor(8) as threads:
        assert sum(token is not None for token in threads.map(redeem, range(8))) == 1


def test_a_new_password_ends_every_session(workspace: UUID) -> None:
    ana = _ana(workspace)
    token = _sign_in()
    assert token is not None
    with system() as tx:
        users.set_password(tx, ana, "another long one")
        assert users.session(tx, token, NOW) is None
    assert _sign_in() is None
    assert _sign_in("another long one") is not None


def test_a_short_password_and_a_taken_address_are_refused(database: str) -> None:
    _ana()
    with system() as tx:
        with pytest.raises(users.PasswordTooShort, match="Use at least 8"):
            users.create(tx, "b@example.com", "B", "short")
        with pytest.raises(users.EmailTaken, match="ana@example.com"):
            users.create(tx, "ANA@example.com", "Again")


def test_members_are_those_of_the_workspace_with_their_newest_role(workspace: UUID, other_workspace: UUID) -> None:
    ana = _ana(workspace)
    with system() as tx:
        users.add_member(tx, workspace, ana, "builder")
        users.add_member(tx, other_workspace, users.create(tx, "b@example.com", "B").id, "agent")
    with transaction(workspace) as tx:
        assert [(member.user.id, member.role) for member in users.members(tx)] == [(ana, "builder")]
