"""Starts that are no message: each says why it does not start, and gives what set it off."""

from __future__ import annotations

from typing import Any

import pytest

from nodes import conversation_event, run_automation, schedule, webhook_received
from nodes.contract import NodeFailed, Occasion
from tests.nodes.contexts import carry_out, contact, context, conversation

CALLED = Occasion("webhook", event="Shop", data={"kind": "Order", "total": 12.5})


def refused(module: Any, occasion: Occasion, **config: Any) -> str:
    words: str = module.run.spec.refuses(module.Config.model_validate(config), occasion)
    return words


@pytest.mark.parametrize("module", [schedule, webhook_received, conversation_event])
def test_a_message_starts_none_of_them(module: Any) -> None:
    assert "this was a message event" in refused(module, Occasion("message", "sms", "Hello"))


def test_an_address_is_listened_to_by_its_name_and_a_field() -> None:
    assert refused(webhook_received, CALLED) == ""
    assert refused(webhook_received, CALLED, hook="shop", field="kind", equals="order") == ""
    assert "listens to 'Form'" in refused(webhook_received, CALLED, hook="Form")
    assert "is not 'Refund'" in refused(webhook_received, CALLED, field="kind", equals="Refund")
    assert "is not 'x'" in refused(webhook_received, CALLED, field="missing", equals="x")


def test_the_fields_of_a_call_are_given_one_by_one_and_as_text() -> None:
    trigger = {"kind": "webhook", "event": "Shop", "data": {"kind": "Order", "items": ["tube", "bell"]}}
    output = carry_out(webhook_received, context(trigger=trigger)).output
    assert output.fields["items"] == ["tube", "bell"]
    assert output.text == 'kind: Order\nitems: ["tube", "bell"]'


def test_a_conversation_is_listened_to_by_what_happens_and_where() -> None:
    settled = Occasion("conversation", "sms", event="handoff_resolved")
    assert refused(conversation_event, settled) == ""
    assert refused(conversation_event, settled, channels=["webchat"]) == "It listens to other channels only."
    assert "here a handoff is settled" in refused(conversation_event, settled, event="taken_over")


def test_what_happened_in_a_conversation_is_given_with_its_note() -> None:
    trigger = {"kind": "conversation", "event": "handoff_resolved", "data": {"note": "Bike is ready."}}
    ctx = context(trigger=trigger, contact=contact(name="Nora Weiss"), conversation=conversation(channel="sms"))
    output = carry_out(conversation_event, ctx).output
    assert (output.event, output.channel, output.contact_name, output.note) == (
        "handoff_resolved", "sms", "Nora Weiss", "Bike is ready.",
    )  # fmt: skip


def test_a_time_is_given_as_it_was_planned() -> None:
    trigger = {"kind": "schedule", "data": {"at": "2026-03-14T09:00+00:00"}}
    assert carry_out(schedule, context(trigger=trigger)).output.at == "2026-03-14T09:00+00:00"
    assert carry_out(schedule, context()).output.at == "2026-11-23T13:00"


def test_automations_that_start_each_other_stop_after_five() -> None:
    chosen = {"automation": "a2"}
    first = carry_out(run_automation, context(), chosen, text="Please call back")
    assert [effect.model_dump()["data"] for effect in first.effects] == [{"note": "Please call back", "deep": 1}]
    with pytest.raises(NodeFailed, match="5 times in a row"):
        carry_out(run_automation, context(trigger={"kind": "automation", "data": {"deep": 5}}), chosen)
    assert not carry_out(run_automation, context()).output.started
