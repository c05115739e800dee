"""What a step of a test over the past sees is what there was, whatever it asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from db import past
from db.engine import one, read_only, rows, run, transaction
from db.past import as_then, read_past
from tests.db.builders import a_conversation, a_handoff, a_message


@pytest.mark.parametrize(
    ("asked", "begins"),
    [
        ("SELECT 1 AS x", "SELECT 1"),
        ("SELECT id FROM messages", "WITH messages AS NOT MATERIALIZED (SELECT * FROM public.messages WHERE seq <="),
        ("\n  -- the newest\n  SELECT id FROM handoffs", "WITH handoffs AS"),
        ("WITH a AS (SELECT id FROM runs) SELECT * FROM a", "WITH runs AS"),
        ("WITH RECURSIVE a AS (SELECT id FROM runs) SELECT * FROM a", "WITH RECURSIVE runs AS"),
        ("UPDATE messages SET content = ''", "UPDATE messages"),
    ],
)
def test_a_statement_is_asked_of_what_there_was(asked: str, begins: str) -> None:
    assert as_then(asked).startswith(begins)


def test_every_table_can_be_asked_in_every_form(workspace: UUID) -> None:
    with read_past(workspace, 10, datetime.now(UTC)) as tx:
        for name in ("messages", "ai_conversation_memory", "handoffs", "runs"):
            assert rows(tx, f"SELECT t.* FROM {name} t WHERE t.workspace_id = %(w)s", w=workspace) == []
            assert rows(tx, f"WITH a AS (SELECT * FROM {name}) SELECT * FROM a JOIN {name} USING (id)") == []


def test_messages_and_handoffs_that_came_later_are_not_there(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        conversation = a_conversation(tx, workspace)
        for text in ("one", "two", "three"):
            a_message(tx, workspace, conversation, text)
        a_handoff(tx, workspace, conversation)
        seqs = [row["seq"] for row in rows(tx, "SELECT seq FROM messages ORDER BY seq")]
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    with read_past(workspace, seqs[1], long_ago) as tx:
        assert [row["content"] for row in rows(tx, "SELECT content FROM messages ORDER BY seq")] == ["one", "two"]
        assert rows(tx, "SELECT id FROM handoffs") == []
    with read_only(workspace) as tx:  # and the next transaction of the same connection sees all of it
        assert len(rows(tx, "SELECT id FROM messages")) == 3


def test_other_workspaces_stay_out_and_nothing_can_be_written(workspace: UUID, other_workspace: UUID) -> None:
    with transaction(other_workspace) as tx:
        a_message(tx, other_workspace, a_conversation(tx, other_workspace), "theirs")
    with read_past(workspace, 10**9, datetime.now(UTC)) as tx:
        assert one(tx, "SELECT count(*) AS n FROM messages") == {"n": 0}
        with pytest.raises(DBAPIError, match="read-only"):
            run(tx, "UPDATE contacts SET name = 'x'")


def test_a_turn_is_what_neither_an_answer_nor_a_long_pause_divides(workspace: UUID) -> None:
    began = datetime.now(UTC) - timedelta(hours=2)
    with transaction(workspace) as tx:
        conversation = a_conversation(tx, workspace, last_inbound_at=datetime.now(UTC))
        lines = [
            ("in", "a", 0),
            ("in", "b", 10),
            ("out", "answer", 20),
            ("in", "c", 30),
            ("note", "took over", 31),
            ("in", "d", 40),
            ("in", "e", 400),
        ]
        ids = [
            a_message(
                tx, workspace, conversation, text, direction=direction, created_at=began + timedelta(seconds=at),
                author={"in": "contact", "out": "ai", "note": "system"}[direction],
            )
            for direction, text, at in lines
        ]  # fmt: skip
    with read_only(workspace) as tx:
        found = past.recent_turns(tx, days=1, conversations=None, most_turns=10, most_of_one=10)
        assert [turn.text for turn in found] == ["e", "c\nd", "a\nb"]
        assert [
            turn.text for turn in past.recent_turns(tx, days=None, conversations=1, most_turns=10, most_of_one=2)
        ] == ["e", "c\nd"]
        for turn in found:
            assert past.turn_of(tx, turn.message_id) == turn
        assert past.turn_of(tx, ids[2]) is None
        assert [each.first_contact for each in past.heard(tx, days=1, most_turns=9, most_of_one=9)] == [
            False,
            False,
            True,
        ]
