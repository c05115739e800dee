"""Whatever a provider does has its place: sent, later, failed, paused, or unknown and found out."""

from __future__ import annotations

from datetime import datetime

import pytest

from db.engine import run, system
from flows import actions
from tests.fakes.http_twin import Fault
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModel, Rig


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin) -> Rig:
    rig = Rig(twin.base_url, FakeModel())
    rig.publish()
    return rig


def answered(rig: Rig) -> None:
    """A message came in and its answer waits in the outbox."""
    rig.receive_sms("When do you open?")
    rig.take_in()
    rig.execute()


def outbox(rig: Rig) -> dict[str, object]:
    [row] = rig.query(
        "SELECT state, attempts, due_at > now() AS later, error_code, error, provider_message_id FROM outbox"
    )
    return row


def message(rig: Rig) -> dict[str, object]:
    [row] = rig.query("SELECT state, error_code, error FROM messages WHERE direction = 'out'")
    return row


def due_now() -> None:
    with system() as tx:
        run(tx, "UPDATE outbox SET due_at = now()")


def test_a_provider_that_asks_to_wait_is_asked_again_later_and_it_does_not_count(rig: Rig, twin: TwilioTwin) -> None:
    answered(rig)
    twin.misbehave(Fault(status=429), times=5)
    for _ in range(5):
        rig.deliver()
        due_now()
    assert outbox(rig)["attempts"] == 0
    assert message(rig)["state"] == "pending"
    rig.deliver()
    assert len(twin.sent) == 1


def test_a_refused_message_fails_with_a_plain_sentence(rig: Rig, twin: TwilioTwin) -> None:
    answered(rig)
    twin.misbehave(Fault(status=400, code=21610))
    rig.deliver()
    failed = message(rig)
    assert failed["state"] == "failed"
    assert failed["error_code"] == "21610"
    assert str(failed["error"]).endswith(".")


def test_an_invalid_sign_in_pauses_the_connection_and_keeps_the_message(rig: Rig, twin: TwilioTwin) -> None:
    answered(rig)
    twin.misbehave(Fault(status=401))
    rig.deliver()
    [connection] = rig.query("SELECT state FROM connections WHERE kind = 'twilio'")
    assert connection["state"] == "paused"
    assert outbox(rig)["state"] == "pending"
    due_now()
    rig.deliver()
    assert len(twin.sent) == 0, "a paused connection is not used"
    with system() as tx:
        run(tx, "UPDATE connections SET state = 'active'")
    due_now()
    rig.deliver()
    assert len(twin.sent) == 1


def test_what_certainly_did_not_leave_is_tried_three_times(database_url: str) -> None:
    rig = Rig("http://127.0.0.1:9", FakeModel())  # nobody listens on the discard port
    rig.publish()
    answered(rig)
    for attempt in (1, 2):
        rig.deliver()
        assert (outbox(rig)["state"], outbox(rig)["attempts"], outbox(rig)["later"]) == ("pending", attempt, True)
        due_now()
    rig.deliver()
    assert outbox(rig)["state"] == "failed"
    assert "3 times" in str(message(rig)["error"])


def test_an_unknown_outcome_is_shown_and_found_at_the_provider(rig: Rig, twin: TwilioTwin) -> None:
    answered(rig)
    twin.misbehave(Fault(drop=True, accepts=True))
    rig.deliver()
    assert message(rig)["state"] == "unknown"
    rig.deliver()
    assert len(twin.sent) == 1, "an unknown message is never blindly sent again"
    due_now()
    assert rig.reconciliation.ask() == 1
    assert message(rig)["state"] == "sent"
    assert outbox(rig)["provider_message_id"] == twin.sent[0].sid


def test_an_unknown_message_that_the_provider_does_not_have_is_sent_again(rig: Rig, twin: TwilioTwin) -> None:
    answered(rig)
    twin.misbehave(Fault(drop=True))
    rig.deliver()
    assert message(rig)["state"] == "unknown"
    due_now()
    assert rig.reconciliation.ask() == 1
    rig.deliver()
    assert [sent.body for sent in twin.sent] == ["We open at nine."]
    assert message(rig)["state"] == "sent"


def test_a_worker_that_died_while_sending_leaves_an_unknown_message(rig: Rig, twin: TwilioTwin) -> None:
    answered(rig)
    rig.delivery.claim(10)
    with system() as tx:
        run(tx, "UPDATE outbox SET lease_until = now() - interval '1 second'")
    assert rig.reconciliation.take_over_expired() == 1
    assert message(rig)["state"] == "unknown"
    assert outbox(rig)["state"] == "unknown"


def test_a_late_answer_of_a_lost_lease_is_still_true(rig: Rig, twin: TwilioTwin) -> None:
    answered(rig)
    [ready] = rig.delivery.claim(10)
    with system() as tx:
        run(tx, "UPDATE outbox SET lease_until = now() - interval '1 second'")
    rig.reconciliation.take_over_expired()
    rig.delivery.perform(ready)
    assert (message(rig)["state"], outbox(rig)["state"]) == ("sent", "done")


def test_messages_of_a_conversation_leave_in_order_even_when_the_first_has_to_wait(rig: Rig, twin: TwilioTwin) -> None:
    answered(rig)
    ana = rig.user()
    twin.misbehave(Fault(status=429))
    conversation = rig.conversation()["id"]
    actions.reply(rig.workspace, conversation, ana, "First", "1")
    actions.reply(rig.workspace, conversation, ana, "Second", "2")
    rig.deliver()
    assert twin.sent == []
    due_now()
    rig.deliver()
    assert [sent.body for sent in twin.sent] == ["First", "Second"]


def test_a_long_answer_leaves_in_parts_that_the_channel_takes(rig: Rig, twin: TwilioTwin) -> None:
    rig.model.reply = "\n".join(f"Line {n}: " + "word " * 60 for n in range(12))  # type: ignore[union-attr]
    answered(rig)
    rig.deliver()
    assert len(twin.sent) == 3
    assert all(len(sent.body) <= 1600 for sent in twin.sent)
    assert "".join(sent.body for sent in twin.sent).count("Line") == 12


def test_outside_the_window_whatsapp_is_not_asked(rig: Rig, twin: TwilioTwin) -> None:
    answered(rig)
    with system() as tx:
        run(tx, "UPDATE conversations SET channel = 'whatsapp', last_inbound_at = now() - interval '25 hours'")
    rig.deliver()
    assert twin.sent == []
    assert message(rig)["error_code"] == "window_closed"


def test_nothing_automatic_leaves_after_an_opt_out(rig: Rig, twin: TwilioTwin) -> None:
    answered(rig)
    rig.receive_sms("STOP")
    rig.take_in()
    rig.deliver()
    assert twin.sent == []
    assert message(rig)["state"] == "cancelled"


def test_states_only_go_forward(rig: Rig, twin: TwilioTwin) -> None:
    from db import messages

    answered(rig)
    rig.deliver()
    [row] = rig.query("SELECT id FROM messages WHERE direction = 'out'")
    with system() as tx:
        assert messages.advance_state(tx, row["id"], "read")
        assert not messages.advance_state(tx, row["id"], "sent")
        assert not messages.advance_state(tx, row["id"], "failed")
    assert message(rig)["state"] == "read"
    assert isinstance(rig.query("SELECT sent_at FROM messages WHERE direction = 'out'")[0]["sent_at"], datetime)
