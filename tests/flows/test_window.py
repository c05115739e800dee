"""What the window shows in a real Prefect server, and that nobody waits for it."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from uuid import UUID, uuid4

import pytest

from db.settings import get_settings
from flows.observe import Execution, PlannedStep, StepOutcome
from flows.window import Window
from tests.flows.prefect_server import PrefectServer
from tests.ports import free_port, until

pytestmark = pytest.mark.xdist_group("prefect")  # one Prefect server, however many test processes there are

STEPS = (
    PlannedStep("in", "A message arrives", "message_received@1"),
    PlannedStep("gate", "May the AI answer?", "gate@1"),
    PlannedStep("reply", "Answer", "generate@1"),
)
Open = Callable[..., Window]


class Links:
    """Remembers which flow run was stored with which runs."""

    def __init__(self) -> None:
        self.stored: dict[UUID, UUID] = {}

    def __call__(self, run_ids: Sequence[UUID], prefect_run_id: UUID) -> None:
        self.stored.update(dict.fromkeys(run_ids, prefect_run_id))


@pytest.fixture
def links() -> Links:
    return Links()


@pytest.fixture
def open_window(monkeypatch: pytest.MonkeyPatch, links: Links) -> Iterator[Open]:
    with ExitStack() as stack:

        def opened(api_url: str) -> Window:
            monkeypatch.setenv("PREFECT_API_URL", api_url)
            get_settings.cache_clear()
            window = Window(links)
            window.start()
            stack.callback(window.close, 10)
            assert window.wait_open(60)
            return window

        yield opened


def an_execution(contact: str, automation: str = "Front desk") -> Execution:
    execution = Execution(uuid4())
    execution.plan(automation, contact, STEPS)
    return execution


def go_through(execution: Execution, *, failing: str = "", skipped: str = "") -> None:
    for step in execution.steps:
        execution.step_started(step.id)
        state, note = "done", ""
        if step.id == failing:
            state, note = "failed", "The model does not answer."
        if step.id == skipped:
            state, note = "skipped", "Only if gate.may_answer."
        execution.step_ended(StepOutcome(step.id, state, note, {"may_answer": True, "text": "Yes."}, 3.0))  # type: ignore[arg-type]
        if state == "failed":
            break
    execution.ended("failed" if failing else "done", "The model does not answer." if failing else "Answered.")


def a_name() -> str:
    return f"Ana {uuid4().hex[:8]}"


def ended(prefect: PrefectServer, name: str) -> dict[str, object] | None:
    found = prefect.flow_runs(name)
    return found[0] if found and found[0]["state_type"] in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED") else None


def test_a_run_is_a_flow_run_named_after_the_contact_with_a_task_per_step(
    prefect: PrefectServer, open_window: Open, links: Links
) -> None:
    window, execution = open_window(prefect.api_url), an_execution(name := a_name())
    window.submit(execution, backlog=0)
    go_through(execution, skipped="reply")
    until(lambda: ended(prefect, name), 20)
    (flow_run,) = prefect.flow_runs(name)
    assert prefect.ask(f"/flows/{flow_run['flow_id']}")["name"] == "Front desk"
    assert (flow_run["state_name"], flow_run["parameters"]) == ("Completed", {"run": str(execution.run_id)})
    until(lambda: len(prefect.task_runs(flow_run["id"])) == 3, 20)
    until(lambda: all(task["state_type"] == "COMPLETED" for task in prefect.task_runs(flow_run["id"])), 20)
    tasks = prefect.task_runs(flow_run["id"])
    assert [task["name"] for task in tasks] == [step.title for step in STEPS]
    assert [task["state"]["name"] for task in tasks] == ["Completed", "Completed", "Skipped"]
    assert tasks[1]["state"]["message"] == "3 ms. may_answer: yes, text: 4 characters"
    assert tasks[2]["state"]["message"] == "Only if gate.may_answer."
    until(lambda: links.stored == {execution.run_id: UUID(flow_run["id"])}, 5)


def test_a_flow_run_is_live_while_its_step_is_still_working(prefect: PrefectServer, open_window: Open) -> None:
    window, execution = open_window(prefect.api_url), an_execution(name := a_name())
    handler = signal.getsignal(signal.SIGTERM)
    window.submit(execution, backlog=0)
    until(lambda: [run["state_type"] for run in prefect.flow_runs(name)] == ["RUNNING"], 20)
    assert signal.getsignal(signal.SIGTERM) is handler  # Prefect's own would end a worker in the middle of its work
    go_through(execution)
    until(lambda: ended(prefect, name), 20)


def test_a_failed_step_and_its_run_show_as_failed_with_the_steps_own_words(
    prefect: PrefectServer, open_window: Open
) -> None:
    window, execution = open_window(prefect.api_url), an_execution(name := a_name())
    window.submit(execution, backlog=0)
    go_through(execution, failing="gate")
    until(lambda: ended(prefect, name), 20)
    (flow_run,) = prefect.flow_runs(name)
    assert flow_run["state_type"] == "FAILED"
    until(lambda: len(prefect.task_runs(flow_run["id"])) == 3, 20)
    until(lambda: all(task["end_time"] for task in prefect.task_runs(flow_run["id"])), 20)
    tasks = prefect.task_runs(flow_run["id"])
    assert [task["state_type"] for task in tasks] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert "The model does not answer." in tasks[1]["state"]["message"]
    assert tasks[2]["state"]["name"] == "Skipped"  # never reached


def test_under_load_many_runs_share_one_flow_run_without_tasks(
    prefect: PrefectServer, open_window: Open, links: Links
) -> None:
    window, automation = open_window(prefect.api_url), f"Bookings {uuid4().hex[:8]}"
    executions = [an_execution(f"Visitor {number}", automation) for number in range(25)]
    for execution in executions:
        window.submit(execution, backlog=100)
        go_through(execution)
    name = f"25 runs · {automation}"
    until(lambda: ended(prefect, name), 20)
    (flow_run,) = prefect.flow_runs(name)
    assert flow_run["state"]["message"] == "25 runs: 25 done"
    assert prefect.task_runs(flow_run["id"]) == []
    until(lambda: window.status().batched == 25 and len(links.stored) == 25, 5)


def test_more_runs_at_once_than_can_be_shown_in_detail_end_up_in_a_batch(
    prefect: PrefectServer, open_window: Open
) -> None:
    window, automation = open_window(prefect.api_url), f"Orders {uuid4().hex[:8]}"
    executions = [an_execution(f"Visitor {number}", automation) for number in range(10)]
    for execution in executions:
        window.submit(execution, backlog=0)
        go_through(execution)
    until(lambda: (window.status().detailed, window.status().batched) == (4, 6), 20)


def test_with_prefect_away_runs_are_a_gap_and_the_window_opens_again_by_itself(
    prefect: PrefectServer, open_window: Open
) -> None:
    window = open_window(prefect.api_url)
    prefect.kill()
    try:
        for _ in range(3):
            window.submit(execution := an_execution("Ana"), backlog=0)
            go_through(execution)
        until(lambda: window.status().gap == 3 and window.status().state == "away", 20)
    finally:
        prefect.start()
    until(lambda: window.status().state == "open", 20)
    window.submit(execution := an_execution(name := a_name()), backlog=0)
    go_through(execution)
    until(lambda: ended(prefect, name), 20)


def test_submitting_returns_at_once_and_closing_ends_in_time_while_nobody_answers(open_window: Open) -> None:
    window = open_window(f"http://127.0.0.1:{free_port()}/api")
    started = time.monotonic()
    for number in range(100):
        window.submit(an_execution(f"Visitor {number}"), backlog=number)
    assert time.monotonic() - started < 0.5
    window.close(3)
    assert time.monotonic() - started < 6
    assert window.status().state == "closed"
    window.submit(an_execution("Too late"), backlog=0)
    assert "frontdesk-window" not in [thread.name for thread in threading.enumerate()]
