"""The gate names the first thing that blocks, and reports each on its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nodes import gate
from nodes.contract import NodeFailed
from tests.nodes.contexts import MONDAY_NOON, business, carry_out, contact, context, conversation

CLOSED = business({"hours": {"tue": [["09:00", "18:00"]]}})


def look(config: dict[str, Any] | None = None, **changes: Any) -> Any:
    return carry_out(gate, context(**changes), config).output


def test_nothing_blocks_by_default() -> None:
    output = look()
    assert output.may_answer and not output.blocked and output.reason == "" and output.open_now


@pytest.mark.parametrize(
    ("changes", "flag", "words"),
    [
        ({"conversation": conversation(owner="human")}, "human_owns", "taken over"),
        ({"conversation": conversation(ai_enabled=False)}, "ai_off", "switched off"),
        ({"contact": contact(opted_out=True)}, "opted_out", "no more automatic messages"),
        ({"conversation": conversation(last_ai_reply_at=MONDAY_NOON - timedelta(seconds=4))}, "too_soon", "10 seconds"),
    ],
)
def test_each_obstacle_blocks_and_is_named(changes: dict[str, Any], flag: str, words: str) -> None:
    output = look(**changes)
    assert output.blocked and not output.may_answer
    assert getattr(output, flag) and words in output.reason


def test_the_first_obstacle_is_the_reason_and_all_are_reported() -> None:
    output = look(conversation=conversation(owner="human", ai_enabled=False), contact=contact(opted_out=True))
    assert output.reason == "A colleague has taken over this conversation."
    assert output.human_owns and output.ai_off and output.opted_out and not output.too_soon


@pytest.mark.parametrize(
    ("seconds", "limit", "channel", "too_soon"),
    [(9.9, 10.0, "sms", True), (10.0, 10.0, "sms", False), (1.0, 0.0, "sms", False), (1.0, 10.0, "webchat", False)],
)
def test_the_limit_per_contact_spares_the_web_chat(seconds: float, limit: float, channel: str, too_soon: bool) -> None:
    answered = conversation(channel=channel, last_ai_reply_at=MONDAY_NOON - timedelta(seconds=seconds))
    assert look(conversation=answered, business=business(limit=limit)).too_soon is too_soon


def test_closed_hours_block_only_where_that_is_wanted() -> None:
    assert look(business=CLOSED).may_answer and not look(business=CLOSED).open_now
    output = look({"only_when_open": True}, business=CLOSED)
    assert output.blocked and output.reason == "It is closed; it opens tomorrow at 09:00."


def test_a_person_who_owns_is_a_better_reason_than_closed_hours() -> None:
    output = look({"only_when_open": True}, business=CLOSED, conversation=conversation(owner="human"))
    assert output.reason == "A colleague has taken over this conversation."


def test_a_run_without_a_conversation_cannot_pass_a_gate() -> None:
    with pytest.raises(NodeFailed, match="no conversation"):
        look(conversation=None)


def test_hours_that_cannot_be_read_fail_the_step_with_the_entry() -> None:
    with pytest.raises(NodeFailed, match="monday"):
        look(business=business({"hours": {"monday": []}}))
