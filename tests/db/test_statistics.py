"""Tables that grow fast are measured for the planner before their old figures do harm."""

from __future__ import annotations

from uuid import UUID

from db import statistics
from db.engine import one, run, system
from tests.db.builders import a_contact, a_conversation


def _known_rows(table: str) -> int:
    with system() as tx:
        found = one(tx, "SELECT reltuples::bigint AS n FROM pg_class WHERE oid = %(t)s::regclass", t=table)
    assert found is not None
    return int(found["n"])


def _grow(workspace: UUID, contacts: int) -> None:
    with system() as tx:
        run(
            tx,
            "INSERT INTO contacts (workspace_id, name) SELECT %(w)s, 'Somebody ' || n FROM generate_series(1, %(n)s) n",
            w=workspace,
            n=contacts,
        )


def test_a_table_that_grew_is_measured_and_one_that_did_not_is_left_alone(workspace: UUID) -> None:
    _grow(workspace, 1000)
    with system() as tx:
        assert statistics.refresh(tx) == ["contacts"]
    assert _known_rows("contacts") == 1000
    with system() as tx:
        assert statistics.refresh(tx) == []


def test_it_is_measured_again_when_it_has_doubled(workspace: UUID) -> None:
    for size in (1000, 2000):
        _grow(workspace, size)
        with system() as tx:
            assert statistics.refresh(tx) == ["contacts"]
    assert _known_rows("contacts") == 3000


def test_a_few_rows_are_not_worth_it(workspace: UUID) -> None:
    with system() as tx:
        a_conversation(tx, workspace, a_contact(tx, workspace))
        assert statistics.refresh(tx) == []


def test_two_workers_do_not_measure_at_once(workspace: UUID) -> None:
    _grow(workspace, 1000)
    with system() as first, system() as second:
        assert statistics.refresh(first) == ["contacts"]
        assert statistics.refresh(second) == []
