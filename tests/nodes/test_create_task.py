"""Tasks for colleagues."""

from datetime import UTC, datetime, timedelta

import pytest

from nodes import create_task
from nodes.contract import NodeFailed
from nodes.effects import CreateTask
from tests.nodes.contexts import MONDAY_NOON, business, carry_out, context

HOURS = {"hours": {"mon": [["09:00", "12:00"]], "tue": [["09:00", "17:00"]]}}


def test_a_task_is_due_in_some_hours() -> None:
    result = carry_out(create_task, context(), {"title": "Call back", "body": "About the bike", "amount": 2})
    assert result.effects == (
        CreateTask(title="Call back", body="About the bike", due_at=MONDAY_NOON + timedelta(hours=2)),
    )
    assert result.output.due == "today at 15:00"


def test_some_days_keep_the_time_of_day_also_where_the_clock_changes() -> None:
    before_the_change = datetime(2026, 3, 28, 9, 0, tzinfo=UTC)  # 10:00 in Zurich
    [task] = carry_out(create_task, context(now=before_the_change), {"title": "A", "due": "days", "amount": 2}).effects
    assert isinstance(task, CreateTask)
    assert task.due_at == datetime(2026, 3, 30, 8, 0, tzinfo=UTC)  # 10:00 in Zurich, in summer time


def test_a_task_can_wait_for_the_next_opening() -> None:
    ctx = context(business=business(HOURS))  # Monday 13:00 in Zurich: closed since noon
    [task] = carry_out(create_task, ctx, {"title": "A", "due": "next_opening", "assigned_to": "u1"}).effects
    assert isinstance(task, CreateTask)
    assert (task.due_at, task.assigned_to) == (datetime(2026, 11, 24, 8, 0, tzinfo=UTC), "u1")


def test_words_of_an_earlier_step_come_first() -> None:
    [task] = carry_out(create_task, context(), {"title": "Call back"}, title="Send an offer", body="By mail").effects
    assert isinstance(task, CreateTask)
    assert (task.title, task.body) == ("Send an offer", "By mail")


def test_without_a_title_there_is_no_task() -> None:
    result = carry_out(create_task, context())
    assert result.effects == () and not result.output.created


def test_hours_that_never_come_are_said() -> None:
    with pytest.raises(NodeFailed, match="never opens"):
        ctx = context(business=business({"hours": {"mon": []}}))
        carry_out(create_task, ctx, {"title": "A", "due": "next_opening"})
