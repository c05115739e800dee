"""What an admin does with colleagues."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from db import audit, users
from db.engine import rows, system, transaction
from flows import team
from flows.actions import ActionRefused
from tests.db.builders import a_conversation, a_handoff, a_user, a_workspace


@pytest.fixture
def workspace(database_url: str) -> UUID:
    with system() as tx:
        return a_workspace(tx)


@pytest.fixture
def admin(workspace: UUID) -> UUID:
    return member(workspace, "admin", "boss@example.com")


def member(workspace: UUID, role: str, email: str) -> UUID:
    with system() as tx:
        return a_user(tx, workspace, role, email=email)


def members(workspace: UUID) -> dict[str, str]:
    with system() as tx:
        return {m.user.email: m.role for m in users.members(tx) if m.workspace_id == workspace}


def audited(workspace: UUID) -> list[str]:
    with transaction(workspace) as tx:
        return [entry.action for entry in reversed(audit.recent(tx))]


def test_an_invited_person_is_a_member_and_gets_a_link(workspace: UUID, admin: UUID) -> None:
    link = team.invite(workspace, admin, "Noor@example.com", "Noor", "agent")
    assert link.startswith("/auth/link/")
    assert members(workspace)["noor@example.com"] == "agent"
    assert audited(workspace) == ["member.added"]


def test_inviting_again_makes_a_new_link_but_never_another_role(workspace: UUID, admin: UUID) -> None:
    first = team.invite(workspace, admin, "noor@example.com", "Noor", "agent")
    assert team.invite(workspace, admin, "noor@example.com", "", "agent") not in ("", first)
    with pytest.raises(ActionRefused, match="a member already, as admin"):
        team.invite(workspace, admin, "boss@example.com", "", "viewer")


def test_an_admin_gets_no_key_to_the_account_of_somebody_from_another_workspace(workspace: UUID, admin: UUID) -> None:
    with system() as tx:
        a_user(tx, a_workspace(tx), "admin", email="boss@elsewhere.example")
    assert team.invite(workspace, admin, "boss@elsewhere.example", "", "viewer") == ""
    assert members(workspace)["boss@elsewhere.example"] == "viewer"


def test_one_admin_always_remains(workspace: UUID, admin: UUID) -> None:
    with pytest.raises(ActionRefused, match="Make somebody else an admin first"):
        team.change_role(workspace, admin, admin, "viewer")
    with pytest.raises(ActionRefused, match="Make somebody else an admin first"):
        team.remove(workspace, admin, admin)
    second = member(workspace, "agent", "second@example.com")
    team.change_role(workspace, admin, second, "admin")
    team.remove(workspace, admin, admin)
    assert members(workspace) == {"second@example.com": "admin"}
    assert audited(workspace) == ["member.changed", "member.removed"]


def test_two_admins_who_remove_each_other_at_once_do_not_both_succeed(workspace: UUID, admin: UUID) -> None:
    second = member(workspace, "admin", "second@example.com")

    def remove(pair: tuple[UUID, UUID]) -> bool:
        try:
            team.remove(workspace, *pair)
        except ActionRefused:
            return False
        return True

    with ThreadPoolExecutor(2) as both:
        done = list(both.map(remove, [(admin, second), (second, admin)]))
    assert sorted(done) == [False, True]
    assert len(members(workspace)) == 1


@pytest.mark.parametrize("leaves", [True, False])
def test_what_a_person_held_waits_for_a_colleague_again(workspace: UUID, admin: UUID, leaves: bool) -> None:
    ana = member(workspace, "agent", "ana@example.com")
    with system() as tx:
        held = a_conversation(tx, workspace, owner="human", assignee_id=ana)
        handoff = a_handoff(tx, workspace, held, state="assigned", assignee_id=ana)
        kept = a_conversation(tx, workspace, owner="human", assignee_id=admin)
    if leaves:
        team.remove(workspace, admin, ana)
    else:
        team.change_role(workspace, admin, ana, "viewer")  # may read, but not answer
    with system() as tx:
        found = {row["id"]: row for row in rows(tx, "SELECT id, owner, assignee_id FROM conversations")}
        [request] = rows(tx, "SELECT state, assignee_id FROM handoffs WHERE id = %(id)s", id=handoff)
    assert (found[held]["owner"], found[held]["assignee_id"]) == ("human", None)
    assert found[kept]["assignee_id"] == admin
    assert (request["state"], request["assignee_id"]) == ("pending", None)


def test_who_is_no_member_is_neither_changed_nor_removed(workspace: UUID, admin: UUID) -> None:
    stranger = uuid4()
    with pytest.raises(ActionRefused, match="not a member"):
        team.change_role(workspace, admin, stranger, "admin")
    with pytest.raises(ActionRefused, match="not a member"):
        team.remove(workspace, admin, stranger)


def test_somebody_of_another_workspace_stays_there(workspace: UUID, admin: UUID) -> None:
    with system() as tx:
        other = a_workspace(tx)
        both = a_user(tx, other, "admin", email="both@example.com")
    team.invite(workspace, admin, "both@example.com", "", "agent")
    team.remove(workspace, admin, both)
    assert members(other) == {"both@example.com": "admin"}
