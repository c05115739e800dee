"""What a step of a test over the past sees is what there was, whatever it asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from db import past
from db.engine import one, read_only, rows, run, system, transaction
from db.past import read_past
from tests.db.builders import a_conversation, a_handoff, a_message

VIEWS = ("messages", "ai_conversation_memory", "handoffs", "runs")


def test_every_view_has_the_columns_of_its_table(database: str) -> None:
    """A migration that adds a column to one of these tables ends with `SELECT refresh_past();`."""
    with system() as tx:
        for name in VIEWS:
            found = rows(
                tx,
                """SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %(name)s
                   EXCEPT SELECT column_name FROM information_schema.columns WHERE table_schema = 'past' AND table_name = %(name)s""",
                name=name,
            )
            assert found == [], name


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
