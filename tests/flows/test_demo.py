"""The first start makes a front desk that works; every later start leaves it as it is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from db import api_keys
from db.engine import one, rows, system
from db.settings import get_settings
from flows import demo
from tests.flows.rig import FakeEmbedder


def tables(names: Sequence[str]) -> dict[str, int]:
    with system() as tx:
        found = {name: one(tx, f"SELECT count(*) AS n FROM {name}") for name in names}
    return {name: row["n"] for name, row in found.items() if row}


EVERY = (
    "workspaces",
    "users",
    "conversations",
    "messages",
    "handoffs",
    "automations",
    "automation_versions",
    "ai_embeddings",
)


def test_the_demo_has_everything_a_newcomer_needs_and_a_second_start_adds_nothing(database_url: str) -> None:
    demo.seed(FakeEmbedder())
    first = tables(EVERY)
    demo.seed(FakeEmbedder())
    assert tables(EVERY) == first
    assert first["workspaces"] == 1
    assert first["automation_versions"] == 1
    assert first["conversations"] == 6
    assert first["ai_embeddings"] > 50


def test_a_start_that_was_broken_off_is_completed_by_the_next(database_url: str) -> None:
    with system() as tx:
        demo._make(tx)
    demo.seed(FakeEmbedder())
    assert tables(EVERY)["automation_versions"] == 1


def test_the_admin_and_the_key_of_the_environment_can_get_in(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_ADMIN_EMAIL", "owner@example.com")
    monkeypatch.setenv("FRONTDESK_ADMIN_PASSWORD", "a long enough password")
    monkeypatch.setenv("FRONTDESK_API_KEY", "fd_" + "k" * 40)
    get_settings.cache_clear()
    demo.seed(FakeEmbedder())
    demo.seed(FakeEmbedder())
    with system() as tx:
        [owner] = rows(
            tx, "SELECT m.role FROM users u JOIN memberships m ON m.user_id = u.id WHERE email = 'owner@example.com'"
        )
        holder = api_keys.check(tx, "fd_" + "k" * 40)
    assert owner["role"] == "admin"
    assert holder is not None and holder.role == "admin"


def test_without_the_demo_there_is_an_empty_workspace_with_a_web_chat_and_an_admin(database_url: str) -> None:
    demo.seed(FakeEmbedder(), with_demo=False)
    demo.seed(FakeEmbedder(), with_demo=False)
    counted = tables((*EVERY, "connections", "memberships"))
    assert counted == dict.fromkeys(EVERY, 0) | {"workspaces": 1, "users": 1, "connections": 1, "memberships": 1}
