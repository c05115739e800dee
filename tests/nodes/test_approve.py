"""A text waits for a colleague: approved as it is, approved with changes, refused, or nobody decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nodes import approve
from nodes.contract import NodeFailed, Pause
from tests.nodes.contexts import MONDAY_NOON, contact, context

OFFER = "We can offer you 10 %."


def taken_up(text: str = OFFER, config: dict[str, Any] | None = None, **changes: Any) -> Any:
    return approve.run(approve.Config.model_validate(config or {}), approve.Input(text=text), context(**changes))


def decided(**decision: Any) -> Any:
    paused = taken_up()
    return taken_up(memory=paused.memory, woken_by={"kind": "approval", "by": "Ana Silva", **decision})


def test_it_tells_the_colleagues_and_waits_for_one() -> None:
    paused = taken_up(contact=contact(name="Nora Weiss"))
    assert isinstance(paused, Pause)
    assert (paused.wakes_on, paused.until) == (("approval",), MONDAY_NOON + timedelta(hours=4))
    assert paused.memory["text"] == OFFER
    assert [effect.kind for effect in paused.effects] == ["notify_people"]
    assert taken_up(config={"tell": False}).effects == ()


def test_approved_as_it_is() -> None:
    output = decided(approved=True)
    assert (output.approved, output.text, output.edited, output.decided_by) == (True, OFFER, False, "Ana Silva")


def test_approved_with_changes() -> None:
    output = decided(approved=True, text="We can offer you 5 %.")
    assert (output.approved, output.text, output.edited) == (True, "We can offer you 5 %.", True)


def test_refused_it_gives_no_text_that_could_be_sent() -> None:
    output = decided(approved=False, note="Too much.")
    assert (output.refused, output.text, output.note) == (True, "", "Too much.")


def test_nobody_decided() -> None:
    paused = taken_up()
    output = taken_up(memory=paused.memory, now=MONDAY_NOON + timedelta(hours=4))
    assert (output.timed_out, output.text) == (True, "")


def test_nothing_to_approve_is_an_error() -> None:
    with pytest.raises(NodeFailed, match="nothing to approve"):
        taken_up(text=" ")
