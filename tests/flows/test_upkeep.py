"""What the clean-up forgets, what it keeps, and what it closes in Prefect."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient

from db.engine import one, run, system, transaction
from flows import upkeep
from flows.forgetting import forget_contact
from flows.mirror import TAG
from tests.db.builders import (
    a_contact,
    a_conversation,
    a_message,
    a_run,
    a_step,
    a_user,
    a_workspace,
    an_automation,
    an_event,
)
from tests.flows.prefect_server import PrefectServer

pytestmark = pytest.mark.xdist_group("prefect")  # one Prefect server, however many test processes there are

NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=91)
RECENT = NOW - timedelta(days=89)


@pytest.fixture
def workspace(database_url: str) -> Iterator[UUID]:
    with system() as tx:
        workspace = a_workspace(tx)
    yield workspace


def count(table: str, **where: object) -> int:
    with system() as tx:
        condition = " AND ".join(f"{name} = %({name})s" for name in where) or "true"
        found = one(tx, f"SELECT count(*) AS n FROM {table} WHERE {condition}", **where)
    assert found is not None
    return int(found["n"])


def test_processed_arrivals_older_than_the_retention_are_forgotten_and_parked_ones_stay(workspace: UUID) -> None:
    with system() as tx:
        for state, received_at in (
            ("done", OLD),
            ("ignored", OLD),
            ("parked", OLD),
            ("done", RECENT),
            ("pending", OLD),
        ):
            an_event(tx, workspace, state=state, received_at=received_at)
    assert upkeep.forget(NOW)["events"] == 2
    assert count("events_queue", workspace_id=workspace) == 3


def test_more_rows_than_fit_one_transaction_are_all_forgotten(workspace: UUID) -> None:
    with system() as tx:
        run(
            tx,
            "INSERT INTO decisions (workspace_id, fired, reason, at) SELECT %(w)s, false, 'x', %(at)s FROM generate_series(1, 4500)",
            w=workspace,
            at=OLD,
        )
    assert upkeep.forget(NOW)["decisions"] == 4500
    assert count("decisions") == 0


def test_a_journal_keeps_that_a_step_ran_and_forgets_what_it_said(workspace: UUID) -> None:
    with system() as tx:
        automation = an_automation(tx, workspace)
        old = a_run(tx, workspace, automation, finished_at=OLD)
        recent = a_run(tx, workspace, automation, finished_at=RECENT)
        for run_id in (old, recent):
            a_step(tx, workspace, run_id, "reply", output={"text": "We open at nine."}, detail={"prompt": "..."})
    assert upkeep.forget(NOW)["journal_details"] == 1
    assert upkeep.forget(NOW)["journal_details"] == 0
    assert count("run_steps", run_id=old, state="done") == 1
    with system() as tx:
        steps = one(tx, "SELECT output, detail FROM run_steps WHERE run_id = %(id)s", id=old)
        kept = one(tx, "SELECT output FROM run_steps WHERE run_id = %(id)s", id=recent)
    assert steps is not None and dict(steps) == {"output": {}, "detail": {}}
    assert kept is not None and dict(kept) == {"output": {"text": "We open at nine."}}


def test_a_workspace_may_keep_longer_shorter_or_for_ever_and_messages_are_always_kept(workspace: UUID) -> None:
    with system() as tx:
        brief = a_workspace(tx, settings={"retention_days": 7})
        eternal = a_workspace(tx, settings={"retention_days": 0})
        for each, received_at in ((workspace, RECENT), (brief, RECENT), (eternal, OLD)):
            an_event(tx, each, state="done", received_at=received_at)
            a_message(tx, each, a_conversation(tx, each), created_at=OLD)
    assert upkeep.forget(NOW)["events"] == 1
    assert [count("events_queue", workspace_id=each) for each in (workspace, brief, eternal)] == [1, 0, 1]
    assert count("messages") == 3


def test_ended_sessions_links_and_counters_are_forgotten(workspace: UUID) -> None:
    with system() as tx:
        user = a_user(tx, workspace)
        for number, expires_at in enumerate((NOW - timedelta(minutes=1), NOW + timedelta(hours=1))):
            values = {"t": bytes([number]), "u": user, "e": expires_at}
            run(tx, "INSERT INTO sessions (token_hash, user_id, expires_at) VALUES (%(t)s, %(u)s, %(e)s)", **values)
            run(
                tx, "INSERT INTO sign_in_links (token_hash, user_id, expires_at) VALUES (%(t)s, %(u)s, %(e)s)", **values
            )
        run(tx, "INSERT INTO limits VALUES ('a', %(old)s, 1), ('a', %(now)s, 1)", old=NOW - timedelta(days=3), now=NOW)
    counts = upkeep.forget(NOW)
    assert (counts["sign_ins"], counts["limits"]) == (2, 1)
    assert (count("sessions"), count("sign_in_links"), count("limits")) == (1, 1, 1)


def test_a_flow_run_whose_worker_died_shows_as_crashed_and_a_fresh_one_goes_on(prefect: PrefectServer) -> None:
    flow = prefect.ask("/flows/", {"name": f"Front desk {uuid4().hex[:8]}"})["id"]
    running = {"type": "RUNNING", "name": "Running"}
    ids = [
        prefect.ask("/flow_runs/", {"flow_id": flow, "name": uuid4().hex, "tags": tags, "state": running})["id"]
        for tags in ([TAG], ["frontdesk"])
    ]
    with SyncPrefectClient(prefect.api_url) as client:
        assert upkeep.close_left_behind(client, datetime.now(UTC)) == 0
        assert upkeep.close_left_behind(client, datetime.now(UTC) + timedelta(hours=3)) == 1
    assert [prefect.ask(f"/flow_runs/{each}")["state_type"] for each in ids] == ["CRASHED", "RUNNING"]


def test_what_prefect_shows_of_a_forgotten_contact_is_deleted(workspace: UUID, prefect: PrefectServer) -> None:
    flow = prefect.ask("/flows/", {"name": f"Front desk {uuid4().hex[:8]}"})["id"]
    gone, kept = (
        prefect.ask("/flow_runs/", {"flow_id": flow, "name": "Tom Becker", "tags": [TAG]})["id"] for _ in range(2)
    )
    for flow_run in (gone, kept):
        prefect.ask("/artifacts/", {"flow_run_id": flow_run, "type": "table", "data": "Tom Becker"})
    with transaction(workspace) as tx:
        contact = a_contact(tx, workspace)
        a_run(tx, workspace, an_automation(tx, workspace), contact_id=contact, prefect_run_id=gone)
    forget_contact(workspace, contact, "user:1")

    with SyncPrefectClient(prefect.api_url) as client:
        assert [upkeep.forget_flow_runs(client, datetime.now(UTC)) for _ in range(2)] == [1, 0]

    assert [each["id"] for each in prefect.ask("/flow_runs/filter", {"flows": {"id": {"any_": [flow]}}})] == [kept]
    tables = prefect.ask("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [gone, kept]}}})
    assert [each["flow_run_id"] for each in tables] == [kept]
