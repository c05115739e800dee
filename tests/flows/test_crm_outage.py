"""An hour of a CRM in trouble of any kind: customers are answered, what is to be written there waits, and arrives once, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from db.engine import run, system, transaction
from db.views.crm import lines, waiting
from nodes.clients.ghl_answer import TOKEN_REFUSED
from tests.flows.crm_rig import CUSTOMER, CrmRig, crm_rig
from tests.flows.rig import ANSWER, FakeModel

HOUR = 3600.0
QUESTIONS = ("When do you open?", "And on Sunday?", "Where are you?")
ALWAYS = float("inf")
TROUBLES: dict[str, dict[str, Any]] = {
    "slow": {"delay": 0.4, "accepts": True},  # carried out, and answered after we stopped waiting
    "401": {"status": 401, "message": "Invalid token: access token is invalid"},
    "403": {"status": 403, "message": "Forbidden"},
    "404": {"status": 404, "message": "Cannot GET"},
    "422": {"status": 422, "message": "Unprocessable Entity"},
    "429": {"status": 429, "retry_after": "120"},
    "500": {"status": 500},
    "502 after doing it": {"status": 502, "accepts": True},
    "broken JSON": {"body": '{"contact": {"id":'},
    "broken JSON after doing it": {"body": "<html>Just a moment</html>", "accepts": True},
}


STEPS = [
    *cast("list[Any]", ANSWER["steps"]),
    {"id": "tag", "node": "tag@1", "config": {"add": ["asked"]}},
    {"id": "note", "node": "add_note@1", "input": {"text": "message.text"}},
]


@pytest.fixture
def rig(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CrmRig]:
    monkeypatch.setenv("FRONTDESK_LIMIT_CONTACT_SECONDS", "0")
    with crm_rig(monkeypatch, FakeModel(), timeout_seconds=0.2) as made:
        made.ghl.limit = 100_000
        made.publish({**ANSWER, "steps": STEPS})
        yield made


@pytest.mark.parametrize("trouble", ["down", *TROUBLES])
def test_an_hour_of_it_costs_no_answer_and_no_change(rig: CrmRig, trouble: str) -> None:
    first, *others = QUESTIONS
    rig.receive_sms(first)
    if trouble == "down":
        rig.ghl.down()
    else:
        rig.ghl.break_with(times=ALWAYS, **TROUBLES[trouble])
    rig.settle()
    for number, text in enumerate(others, start=1):
        pass_time(rig, HOUR / 2)
        rig.receive_sms(text)
        rig.settle()
        assert [sent.body for sent in rig.twilio_twin.sent] == ["We open at nine."] * (number + 1)
    with transaction(rig.workspace) as tx:
        seen, shown = waiting(tx), lines(tx)
    assert (seen.waiting, seen.failed) == (4 * len(QUESTIONS), 0)
    assert seen.last_error and seen.last_worked is None
    assert [line.kind for line in shown[:4]] == ["copy_to_crm", "change_tags", "add_note", "copy_to_crm"]

    rig.ghl.up() if trouble == "down" else rig.ghl.mend()
    pass_time(rig, HOUR)
    rows = rig.query("SELECT seq, state, error FROM outbox WHERE order_key LIKE 'crm:%%' ORDER BY settled_at, seq")
    assert [(row["state"], row["error"]) for row in rows] == [("done", "")] * 4 * len(QUESTIONS)
    assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)
    inbound = [text for direction, text in rig.thread() if direction == "inbound"]
    assert inbound == list(QUESTIONS)
    assert len(rig.thread()) == 2 * len(QUESTIONS)
    assert [note["body"] for note in rig.ghl.note_lists[rig.there()["id"]]] == list(QUESTIONS)
    assert rig.there()["tags"] == ["asked"]
    with transaction(rig.workspace) as tx:
        after = waiting(tx)
    assert (after.waiting, after.failed, after.last_error) == (0, 0, "")
    assert rig.desk.state() == ("active", "")
    assert len(rig.twilio_twin.sent) == len(QUESTIONS)


def test_a_sign_in_that_could_not_be_renewed_meanwhile_is_told_once_and_goes_on_by_itself(rig: CrmRig) -> None:
    rig.ghl.break_with(times=ALWAYS, status=401, message="Invalid JWT")
    rig.receive_sms(QUESTIONS[0])
    rig.settle()
    pass_time(rig, HOUR)
    assert rig.desk.state() == ("paused", TOKEN_REFUSED)
    paused = rig.query("SELECT FROM audit_log WHERE action = 'connection.paused'")
    assert len(paused) == 1
    rig.ghl.mend()
    pass_time(rig, 120)
    assert rig.desk.state() == ("active", "")


def test_a_change_that_is_refused_alone_has_failed_at_once_and_the_next_goes_on(rig: CrmRig) -> None:
    there = rig.ghl.add_contact(phone=CUSTOMER)
    rig.ghl.break_with(times=1, status=422, message="No such tag", path=f"/contacts/{there['id']}/tags")
    rig.receive_sms(QUESTIONS[0])
    rig.settle()
    rig.settle()
    states = [(row["effect"]["kind"], row["state"], row["error_code"]) for row in rig.crm_rows()]
    assert states == [("copy_to_crm", "done", ""), ("change_tags", "failed", "422"), ("add_note", "done", ""),
                      ("copy_to_crm", "done", "")]  # fmt: skip
    assert len(rig.ghl.calls("GET", f"/locations/{rig.ghl.location_id}")) == 1


# --- time ------------------------------------------------------------------------------------------------------------------


def pass_time(rig: CrmRig, seconds: float) -> None:
    """So much time goes by, with everything done when it is due and nobody sleeping."""
    left = seconds
    while True:
        rig.forget()
        rig.settle()
        next_due = rig.query(_NEXT_DUE)[0]["seconds"]
        step = left if next_due is None else min(left, max(0.0, float(next_due)) + 0.001)
        with system() as tx:
            for moved in _CLOCK:
                run(tx, moved, step=step)
        left -= step
        if left <= 0:
            return


_NEXT_DUE = """
    SELECT extract(epoch FROM min(o.due_at) - now()) AS seconds FROM outbox o
    WHERE o.state = 'pending' AND NOT EXISTS (SELECT FROM outbox b WHERE b.order_key = o.order_key AND b.seq < o.seq
                                              AND b.state IN ('pending', 'sending'))
"""
_CLOCK = (
    "UPDATE outbox SET due_at = due_at - make_interval(secs => %(step)s) WHERE state = 'pending'",
    "UPDATE limit_slots SET frees_at = frees_at - make_interval(secs => %(step)s)",
    "UPDATE limits SET window_start = window_start - make_interval(secs => %(step)s)",
)
