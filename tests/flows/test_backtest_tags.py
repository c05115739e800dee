"""A turn of the past is judged by the tags that the contact had then, whatever the CRM knows today."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from db import views
from db.engine import run, system, transaction
from flows import backtest, drafts
from flows.automation import Automation
from flows.reach import reach
from flows.situation import PastMessage
from flows.trial import trial
from tests.db.builders import a_contact, a_conversation, a_message
from tests.fakes.ghl_twin import GhlTwin
from tests.flows.crm_desk import by_token
from tests.flows.rig import FakeModels, Rig

DESK: dict[str, Any] = {
    "format": 1,
    "name": "By tag",
    "description": "",
    "steps": [
        {"id": "message", "node": "message_received@1"},
        {"id": "who", "node": "lookup_contact@1"},
        {"id": "vip", "node": "condition@1", "input": {"value": "who.tags"}, "config": {"operator": "contains", "expected": "vip"}},
        {"id": "usual", "node": "send_message@1", "config": {"text": "Hello."}, "when": [{"value": "vip.yes", "is": False}]},
        {"id": "special", "node": "send_message@1", "config": {"text": "Dear guest."}, "when": [{"value": "vip.yes", "is": True}]},
    ],
}  # fmt: skip
NOW = datetime.now(UTC)
OF_TODAY = "The contact's tags are those of today here; which it had then is not known."


@pytest.fixture(params=["without a CRM", "with a CRM"])
def rig(database_url: str, ghl: GhlTwin, request: pytest.FixtureRequest) -> Rig:
    made = Rig()
    if request.param == "with a CRM":
        by_token(ghl, made.workspace)
    return made


def wrote(rig: Rig, text: str, *tags_since: tuple[float, list[str]], today: list[str]) -> UUID:
    """Somebody wrote three days ago and had these tags since so many days."""
    with system() as tx:
        contact = a_contact(tx, rig.workspace, name="Lena Vogt")
        run(tx, "UPDATE contacts SET crm = %(crm)s, crm_fetched_at = now() WHERE id = %(id)s", id=contact, crm=Jsonb({"tags": today}))  # fmt: skip
        for days, tags in tags_since:
            run(
                tx,
                "INSERT INTO contact_tag_history VALUES (%(w)s, %(c)s, %(at)s, %(tags)s)",
                w=rig.workspace, c=contact, at=NOW - timedelta(days=days), tags=tags,
            )  # fmt: skip
        conversation = a_conversation(tx, rig.workspace, contact, rig.webchat, last_inbound_at=NOW)
        return a_message(tx, rig.workspace, conversation, text, created_at=NOW - timedelta(days=3))


def draft(rig: Rig, desk: UUID, step: str, **config: str) -> Automation:
    document = deepcopy(DESK)
    [found] = [each for each in document["steps"] if each["id"] == step]
    found["config"] = {**found["config"], **config}
    made = Automation.model_validate(document)
    drafts.save(rig.workspace, None, desk, made, drafts.load(rig.workspace, desk).revision)
    return made


def compared(rig: Rig, desk: UUID) -> dict[str, views.ResultLine]:
    id = backtest.start(rig.workspace, None, desk, conversations=100)
    assert (backtest.work(id, models=FakeModels()) or ("", ""))[0] == "done"
    with transaction(rig.workspace) as tx:
        return {line.text: line for line in views.results(tx, id, limit=100)}


def test_a_change_shows_in_the_turns_of_those_who_had_the_tag_then(rig: Rig) -> None:
    desk = rig.publish(DESK)
    wrote(rig, "was one, is none", (9, ["vip"]), (1, []), today=[])
    wrote(rig, "became one", (9, []), (1, ["vip"]), today=["vip"])
    draft(rig, desk, "special", text="Dear valued guest.")
    results = compared(rig, desk)
    assert {text: line.verdict for text, line in results.items()} == {"was one, is none": "look", "became one": "same"}
    assert results["became one"].live["replies"] == ["Hello."]
    assert [change["what"] for line in results.values() for change in line.differences] == ["reply"]


def test_where_nobody_knows_the_tags_of_then_those_of_today_count_and_it_is_said(rig: Rig) -> None:
    desk = rig.publish(DESK)
    wrote(rig, "known since yesterday", (1, ["vip"]), today=["vip"])
    draft(rig, desk, "usual", text="Good day.")
    line = compared(rig, desk)["known since yesterday"]
    assert (line.verdict, line.live["replies"]) == ("same", ["Dear guest."])
    assert [change["sentence"] for change in line.differences] == [OF_TODAY]


def test_who_does_not_look_at_tags_is_told_nothing_of_them(rig: Rig) -> None:
    desk = rig.publish({**DESK, "steps": [DESK["steps"][0], {"id": "usual", "node": "send_message@1", "config": {"text": "Hi"}}]})  # fmt: skip
    wrote(rig, "Hello", today=["vip"])
    assert compared(rig, desk)["Hello"].differences == []


def test_a_tag_is_added_to_those_of_then(rig: Rig) -> None:
    adding = {"id": "add", "node": "tag@1", "config": {"add": ["asked"]}}
    desk = rig.publish({**DESK, "steps": [*DESK["steps"], adding]})
    wrote(rig, "Hello", (9, ["vip"]), (2, ["vip", "asked"]), today=["vip", "asked"])
    [change] = compared(rig, desk)["Hello"].live["changes"]
    assert (change["before"], change["after"]) == ("vip", "vip, asked")


def test_a_test_on_a_past_message_and_the_reach_see_the_tags_of_then(rig: Rig) -> None:
    desk = rig.publish(DESK)
    message = wrote(rig, "Hello", (9, ["vip"]), (1, []), today=[])
    document = draft(rig, desk, "special", text="Dear guest.")
    tried = trial(rig.workspace, document, PastMessage(message), models=FakeModels())
    assert tried.steps[1].output["tags"] == ["vip"]
    assert reach(rig.workspace, document, step_id="special").caught == 1
