"""Who answers in a conversation, in a word or two."""

from __future__ import annotations

import pytest

from ui import words


@pytest.mark.parametrize(
    ("owner", "ai_enabled", "handoff", "assignee", "said"),
    [
        ("ai", True, None, None, "AI"),
        ("ai", False, None, None, "AI is off"),
        ("human", True, "pending", None, "Waiting for a person"),
        ("human", True, "pending", "Ana Silva", "Waiting for a person"),
        ("human", True, "assigned", "Ana Silva", "Ana Silva"),
        ("human", True, None, "Ana Silva", "Ana Silva"),
        ("human", True, None, None, "A person"),  # who answered from the CRM, and is nobody here
        ("human", True, "resolved", None, "A person"),
    ],
)
def test_who_answers(owner: str, ai_enabled: bool, handoff: str | None, assignee: str | None, said: str) -> None:
    assert words.owner_chip(owner, ai_enabled, handoff, assignee)["text"] == said
