"""What somebody typed in the CRM and no webhook told of is found by the recurring look, and counts once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows import crm
from flows.crm_missed import GRACE, LONGEST_BACK, take_over_typed
from nodes.errors import NotSent
from tests.flows.crm_rig import PROVIDER, CrmRig, crm_rig
from tests.flows.rig import FakeModel


@pytest.fixture
def rig(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CrmRig]:
    """The AI has answered Ana once, and the look was begun."""
    with crm_rig(monkeypatch, FakeModel()) as made:
        made.publish()
        made.receive_sms("When do you open?")
        made.all_settled()
        assert looked(made, minutes=-10) == 0  # the first one only marks the beginning
        yield made


def looked(rig: CrmRig, minutes: float = 15) -> int:
    """Look, as if so many minutes had passed; returns how many were taken over."""
    rig.forget()
    there = crm.crm_of(rig.workspace)
    assert there is not None
    return take_over_typed(rig.workspace, there, datetime.now(UTC) + timedelta(minutes=minutes))


def typed(rig: CrmRig, text: str, **more: Any) -> dict[str, Any]:
    """Typed there, and every webhook of it is lost."""
    message: dict[str, Any] = rig.ghl.type_message(rig.there()["id"], text, **more)
    rig.ghl.deliveries.clear()
    rig.ghl.events.clear()
    return message


def sent(rig: CrmRig) -> list[str]:
    return [each.body for each in rig.twilio_twin.sent][1:]


def test_a_typed_message_whose_webhook_was_lost_leaves_once_and_takes_the_pen(rig: CrmRig) -> None:
    first = typed(rig, "Ana here.", provider=PROVIDER)
    typed(rig, "How can I help?", provider=PROVIDER)
    assert looked(rig) == 2
    assert looked(rig) == looked(rig, 30) == 0
    rig.settle()
    assert sent(rig) == ["Ana here.", "How can I help?"]
    assert rig.conversation()["owner"] == "human"
    rig.receive_status("Ana here.", "delivered")
    rig.take_in()
    rig.hours_later()
    assert (first["id"], "delivered") in [(id, body["status"]) for id, body in rig.ghl.status_reports]
    assert rig.ghl.refused == []


def test_a_webhook_that_comes_all_the_same_changes_nothing(rig: CrmRig) -> None:
    rig.ghl.type_message(rig.there()["id"], "Early.", provider=PROVIDER)
    late = dict(rig.ghl.deliveries[0])
    rig.ghl.deliveries.clear()
    assert looked(rig) == 1
    rig.tell(late, "/webhook/ghl/outgoing")
    rig.ghl.type_message(rig.there()["id"], "In time.", provider=PROVIDER)
    rig.hear()
    assert looked(rig, 30) == 0
    rig.all_settled()
    assert sent(rig) == ["Early.", "In time."]


def test_an_answer_that_ghl_sent_by_itself_is_shown_here_and_the_ai_keeps_still(rig: CrmRig) -> None:
    """As with a private token, which gets no webhooks at all."""
    rig.desk.change(config={"provider_id": ""})
    typed(rig, "We are closed today.")
    assert looked(rig) == 1
    assert looked(rig, 30) == 0
    rig.settle()
    assert sent(rig) == []
    [line] = rig.query("SELECT state, author FROM messages WHERE content = 'We are closed today.'")
    assert line == {"state": "sent", "author": "human"}
    assert rig.conversation()["owner"] == "human"


@pytest.mark.parametrize(
    "message",
    [
        {"source": "workflow"},
        {"source": "api"},
        {"status": "failed"},  # who typed it has seen that, and may have typed it again
        {"status": "scheduled"},
        {"messageType": "TYPE_INTERNAL_COMMENTS"},
        {"messageType": "TYPE_ACTIVITY_OPPORTUNITY"},
        {"messageType": "TYPE_CALL", "body": ""},
        {"direction": "inbound"},
        {"dateAdded": "nonsense"},
        {"dateAdded": "2026-01-01T00:00:00.000Z"},
    ],
    ids=str,
)
@pytest.mark.parametrize("provider", [PROVIDER, ""], ids=["ours", "ghl's"])
def test_what_no_person_has_sent_just_now_is_left_alone(rig: CrmRig, message: dict[str, Any], provider: str) -> None:
    rig.desk.change(config={"provider_id": provider})
    typed(rig, "Hello", provider=provider).update(message)
    assert looked(rig) == 0
    rig.settle()
    assert sent(rig) == []
    assert rig.conversation()["owner"] == "ai"


def test_what_was_typed_moments_ago_is_left_to_its_webhook(rig: CrmRig) -> None:
    typed(rig, "Just now.", provider=PROVIDER)
    assert looked(rig, GRACE.total_seconds() / 60 - 1) == 0
    assert looked(rig, 10) == 1


def test_after_a_long_break_old_words_are_not_said_any_more(rig: CrmRig) -> None:
    typed(rig, "Come at nine today.", provider=PROVIDER)
    assert looked(rig, LONGEST_BACK.total_seconds() / 60 + 1) == 0


def test_many_are_read_page_by_page_and_leave_in_the_order_in_which_they_were_typed(rig: CrmRig) -> None:
    texts = [f"Line {number}" for number in range(230)]
    begun = datetime.now(UTC)
    for number, text in enumerate(texts):
        at = begun + timedelta(milliseconds=number)
        typed(rig, text, provider=PROVIDER)["dateAdded"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert looked(rig) == len(texts)
    rig.deliver()
    assert sent(rig) == texts


def test_somebody_who_was_never_here_is_written_to_by_the_number_that_the_crm_has(rig: CrmRig) -> None:
    stranger = rig.ghl.add_contact(phone="+14155550777", firstName="Tom")
    rig.ghl.type_message(stranger["id"], "Hello Tom", provider=PROVIDER)
    rig.ghl.deliveries.clear()
    rig.ghl.events.clear()
    assert looked(rig) == 1
    rig.settle()
    assert [(each.to, each.body) for each in rig.twilio_twin.sent][1:] == [("+14155550777", "Hello Tom")]


def test_trouble_on_the_way_loses_nothing(rig: CrmRig) -> None:
    typed(rig, "Ana here.", provider=PROVIDER)
    rig.ghl.break_with(status=500, path="/conversations/messages/export")
    with pytest.raises(NotSent):
        looked(rig)
    assert looked(rig) == 1
