"""Comparisons are taken up as soon as they are asked for, shown as runs of the deployment, and given back at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from db.engine import transaction
from db.settings import get_settings
from flows import backtest
from flows.backtester import Backtester
from tests.db.builders import a_contact, a_conversation, a_message
from tests.flows.prefect_server import PrefectServer
from tests.flows.rig import FakeModel, FakeModels, Rig
from tests.waiting import until

ANSWER = '{"reply": "Gladly.", "needs_person": false, "reason": "", "used": []}'


@pytest.fixture
def rig(database_url: str) -> Rig:
    return Rig()


@pytest.fixture
def desk(rig: Rig) -> UUID:
    with transaction(rig.workspace) as tx:
        for number in range(12):
            contact = a_contact(tx, rig.workspace)
            conversation = a_conversation(tx, rig.workspace, contact, rig.webchat)
            a_message(tx, rig.workspace, conversation, f"Question {number}")
    rig.query("UPDATE conversations SET last_inbound_at = now() RETURNING id")
    return rig.publish()


def state(rig: Rig) -> dict[str, Any]:
    [found] = rig.query("SELECT state, outcome, attempts, prefect_run_id FROM backtests")
    return found


def test_what_is_started_is_done_at_once_with_prefect_away(
    rig: Rig, desk: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_PREFECT_PORT", "9")
    get_settings.cache_clear()
    backtester = Backtester(FakeModels(FakeModel(ANSWER)))
    backtester.start()
    backtest.start(rig.workspace, None, desk, conversations=20)
    until(lambda: state(rig)["state"] == "done", 60)
    backtester.stop()
    assert state(rig)["outcome"] == "12 turns of 12 conversations: 12 the same."


def test_one_that_stops_gives_back_what_it_holds(rig: Rig, desk: UUID) -> None:
    thinking, think_on = threading.Event(), threading.Event()

    def think() -> None:
        thinking.set()
        think_on.wait(20)

    first = Backtester(FakeModels(FakeModel(ANSWER, meanwhile=[think] * 12)), show=False)
    first.start()
    backtest.start(rig.workspace, None, desk, conversations=20)
    assert thinking.wait(30)
    stopping = threading.Thread(target=first.stop)
    stopping.start()
    think_on.set()
    stopping.join(20)
    assert (state(rig)["state"], state(rig)["attempts"]) == ("pending", 0)
    second = Backtester(FakeModels(FakeModel(ANSWER)), show=False)
    second.start()
    until(lambda: state(rig)["state"] == "done", 60)
    second.stop()


@pytest.fixture
def shown(prefect: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backtester]:
    monkeypatch.setenv("FRONTDESK_PREFECT_PORT", str(prefect.port))
    get_settings.cache_clear()
    backtester = Backtester(FakeModels(FakeModel(ANSWER)))
    backtester.start()
    yield backtester
    backtester.stop()


def test_it_is_a_run_of_the_deployment_that_ends_with_the_sentence(
    rig: Rig, desk: UUID, prefect: PrefectServer, shown: Backtester
) -> None:
    flow = prefect.ask("/flows/", {"name": "backtest"})
    served = {"name": "backtest", "flow_id": flow["id"], "entrypoint": "flows.backtest_flow.backtest"}
    deployment = prefect.ask("/deployments/", served)
    backtest.start(rig.workspace, None, desk, conversations=20)
    until(lambda: state(rig)["state"] == "done" and state(rig)["prefect_run_id"], 90)

    def run() -> dict[str, Any]:
        found: dict[str, Any] = prefect.ask(f"/flow_runs/{state(rig)['prefect_run_id']}")
        return found

    until(lambda: run()["state_type"] == "COMPLETED", 60)
    assert run()["name"] == "Answer" and run()["deployment_id"] == deployment["id"]
    assert run()["state"]["message"] == "12 turns of 12 conversations: 12 the same."
