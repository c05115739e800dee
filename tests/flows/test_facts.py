"""The transaction that the steps of a run share."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from db.engine import one, read_only, rows, run, system
from flows.facts import ReadDesk
from tests.db.builders import a_workspace


@pytest.fixture
def workspace(database_url: str) -> UUID:
    with system() as tx:
        return a_workspace(tx)


def test_a_connection_that_is_lost_is_told_as_that_and_the_next_question_has_a_new_one(workspace: UUID) -> None:
    desk = ReadDesk(lambda: read_only(workspace))
    with pytest.raises(DBAPIError) as told, desk() as tx:
        found = one(tx, "SELECT pg_backend_pid() AS pid")
        assert found is not None
        with system() as other:
            run(other, "SELECT pg_terminate_backend(%(pid)s, 5000)", pid=found["pid"])
        rows(tx, "SELECT 1")
    assert told.value.connection_invalidated
    with desk() as tx:
        assert rows(tx, "SELECT 1 AS one") == [{"one": 1}]
    desk.close()
