import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlmodel import Session

from db import engine
from db.engine import DatabaseBusy, DatabaseUnreachable, one, read_only, run, system, transaction
from db.tables import Workspace
from tests.db.builders import a_contact


def test_an_error_inside_rolls_everything_back(workspace: UUID) -> None:
    with pytest.raises(RuntimeError, match="halfway"), transaction(workspace) as tx:
        a_contact(tx, workspace)
        raise RuntimeError("halfway")
    with transaction(workspace) as tx:
        assert one(tx, "SELECT 1 AS x FROM contacts") is None


@pytest.mark.parametrize("pooled", [1, 4])
def test_after_the_server_ended_pooled_connections_the_next_transaction_works(workspace: UUID, pooled: int) -> None:
    _end_pooled_connections(pooled)
    with transaction(workspace) as tx:
        assert _one_of(tx) == 1
    _end_pooled_connections(pooled)
    with system() as tx:
        assert _one_of(tx) == 1
    _end_pooled_connections(pooled)
    with read_only(workspace) as tx:
        assert _one_of(tx) == 1


def test_a_server_that_does_not_answer_is_named_after_three_tries(database: str) -> None:
    engine.configure("postgresql://nobody:nothing@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnreachable, match="Postgres does not answer"), system():
        pass


def test_no_chosen_database_is_an_error_with_the_remedy() -> None:
    engine.configure("")
    with pytest.raises(DatabaseUnreachable, match="set DATABASE_URL"):
        engine.database_url()


def test_ten_transactions_run_at_once_and_the_eleventh_waits_for_one_of_them(workspace: UUID) -> None:
    all_in, let_go = threading.Barrier(engine.POOL_SIZE + 1), threading.Event()

    def hold() -> None:
        with system():
            all_in.wait(20)
            let_go.wait(20)

    with ThreadPoolExecutor(engine.POOL_SIZE + 1) as threads:
        holders = [threads.submit(hold) for _ in range(engine.POOL_SIZE)]
        all_in.wait(20)
        eleventh = threads.submit(_answer)
        assert not eleventh.done()
        let_go.set()
        assert eleventh.result(20) == 1
        assert [holder.result(20) for holder in holders] == [None] * engine.POOL_SIZE


def test_a_pool_without_a_free_connection_says_so_in_the_end(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "POOL_SIZE", 1)
    monkeypatch.setattr(engine, "POOL_TIMEOUT_SECONDS", 0.05)
    with system(), pytest.raises(DatabaseBusy, match="were in use"), system():
        pass


def test_threads_that_begin_together_share_one_pool(database: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        pools = set(threads.map(lambda _: id(engine.engine()), range(8)))
    assert len(pools) == 1


def test_an_object_in_the_session_is_written_before_the_next_statement(database: str) -> None:
    with system() as tx:
        tx.add(Workspace(name="Corner Bakery", slug="corner-bakery"))
        found = one(tx, "SELECT name FROM workspaces WHERE slug = 'corner-bakery'")
        assert found is not None and found["name"] == "Corner Bakery"


def test_an_error_does_not_quote_what_went_into_the_statement(workspace: UUID) -> None:
    with pytest.raises(Exception, match="violates check constraint") as caught, transaction(workspace) as tx:
        run(tx, "UPDATE contacts SET name = %(name)s", name="Private Person")
        a_contact(tx, workspace, [("carrier pigeon", "Private Address")])
    assert "Private Address" not in str(caught.value).split("DETAIL")[0]


def _answer() -> int:
    with system() as tx:
        return _one_of(tx)


def _one_of(tx: Session) -> int:
    row = one(tx, "SELECT 1 AS x")
    return int(row["x"]) if row else 0


def _end_pooled_connections(count: int) -> None:
    """Fill the pool with this many idle connections, then end them all from the side."""
    gathered = threading.Barrier(count)

    def pid() -> int:
        with system() as tx:
            gathered.wait(20)
            row = one(tx, "SELECT pg_backend_pid() AS pid")
            assert row is not None
            return int(row["pid"])

    with ThreadPoolExecutor(count) as threads:
        pids = [found.result(20) for found in [threads.submit(pid) for _ in range(count)]]
    assert len(set(pids)) == count
    with engine._create(engine.database_url()).connect() as aside:
        for each in pids:
            aside.exec_driver_sql("SELECT pg_terminate_backend(%(pid)s, 5000)", {"pid": each})
