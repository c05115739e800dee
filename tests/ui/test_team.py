"""Inviting colleagues."""

from __future__ import annotations

import pytest

from db import users
from db.engine import system
from flows.actions import ActionRefused
from tests.db.builders import a_user, a_workspace
from tests.ui.conftest import Office
from ui import team


def members(office: Office) -> dict[str, str]:
    with system() as tx:
        return {m.user.email: m.role for m in users.members(tx) if m.workspace_id == office.workspace}


def test_an_invited_person_is_a_member_and_gets_a_link(office: Office) -> None:
    link = team.invite(office.workspace, office.people["admin"], "Noor@example.com", "Noor", "agent")
    assert link.startswith("/auth/link/")
    assert members(office)["noor@example.com"] == "agent"


def test_an_admin_gets_no_key_to_the_account_of_somebody_from_another_workspace(office: Office) -> None:
    with system() as tx:
        a_user(tx, a_workspace(tx), "admin", email="boss@elsewhere.example")
    assert team.invite(office.workspace, office.people["admin"], "boss@elsewhere.example", "", "viewer") == ""
    assert members(office)["boss@elsewhere.example"] == "viewer"


def test_nobody_takes_the_role_of_admin_from_himself(office: Office) -> None:
    with pytest.raises(ActionRefused):
        team.change_role(office.workspace, office.people["admin"], office.people["admin"], "viewer")
