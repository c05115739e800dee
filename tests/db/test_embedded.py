import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import psycopg
import pytest

from db.embedded import EmbeddedPostgres
from db.embedded_program import Account, PostgresUnavailable, check_reachable, server_account
from tests.ports import until


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path that every user may pass through; pytest's own folders are closed to the server's user."""
    made = Path(tempfile.mkdtemp(prefix="frontdesk-postgres-"))
    made.chmod(0o711)
    yield made / "postgres"
    EmbeddedPostgres(made / "postgres").stop()
    rmtree(made, ignore_errors=True)


def test_a_new_cluster_takes_connections_with_its_password_only(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder, for_tests=True)
    assert postgres.start()
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT upper('äß')").fetchone() == ("Äß",)
    password = (folder / "password").read_text()
    for wrong in (
        postgres.url().replace(password, "wrong"),
        f"postgresql://postgres@/postgres?host={folder}/run&port={postgres.port}",
    ):
        with pytest.raises(psycopg.OperationalError, match=r"password|fe_sendauth"):
            psycopg.connect(wrong)


def test_secrets_of_the_cluster_are_readable_by_us_alone(folder: Path) -> None:
    EmbeddedPostgres(folder, for_tests=True).prepare()
    for name in ("password", "port"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700


def test_the_extensions_that_the_schema_needs_are_there(cluster: EmbeddedPostgres) -> None:
    with psycopg.connect(cluster.url()) as connection:
        names = connection.execute("SELECT name FROM pg_available_extensions WHERE name IN ('vector', 'pg_trgm')")
        assert {name for (name,) in names} == {"vector", "pg_trgm"}


def test_password_and_port_stay_the_same_over_a_restart(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder, for_tests=True)
    postgres.start()
    before = postgres.url()
    postgres.stop()
    assert postgres.pid is None
    EmbeddedPostgres(folder, for_tests=True).start()
    assert EmbeddedPostgres(folder).url() == before


def test_a_second_start_attaches_and_a_borrower_does_not_stop_what_it_did_not_start(folder: Path) -> None:
    first = EmbeddedPostgres(folder, for_tests=True)
    first.start()
    second = EmbeddedPostgres(folder, for_tests=True)
    assert not second.start()
    with second.running():
        pass
    assert first.is_ready()


def test_a_killed_server_is_seen_as_gone_and_starts_again_with_its_data(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)  # with fsync, as in production
    postgres.start()
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    pid = postgres.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(postgres.has_ended)
    assert (folder / "data" / "postmaster.pid").exists()
    assert postgres.start()
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_a_stale_pid_file_whose_number_belongs_to_somebody_else_now_is_no_obstacle(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder, for_tests=True)
    postgres.start()
    postgres.stop()
    pid_file = folder / "data" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{folder / 'data'}\n0\n{postgres.port}\n\n127.0.0.1\n0 0\nready\n")
    assert postgres.pid is None
    assert postgres.start()


STARTER = """
import sys
from pathlib import Path
from db.embedded import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1]), for_tests=True).start(), flush=True)
sys.stdin.read()
"""


def starter(folder: Path) -> subprocess.Popen[bytes]:
    """A process that starts the cluster, says whether it was the one, and stays."""
    command = [sys.executable, "-c", STARTER, str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def said(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def test_several_starters_at_once_end_with_one_cluster(folder: Path) -> None:
    starters = [starter(folder) for _ in range(4)]
    try:
        assert sorted(said(process) for process in starters) == ["False", "False", "False", "True"]
        with psycopg.connect(EmbeddedPostgres(folder).url()):
            pass
    finally:
        for process in starters:
            process.kill()
            process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_the_server_ends_with_the_process_that_started_it(folder: Path) -> None:
    with starter(folder) as process:
        assert said(process) == "True"
        postgres = EmbeddedPostgres(folder)
        assert postgres.pid is not None
        process.kill()
        until(postgres.has_ended)


def test_a_taken_port_is_one_sentence_with_the_remedy(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder, for_tests=True)
    postgres.prepare()
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", postgres.port))
        squatter.listen()
        with pytest.raises(PostgresUnavailable, match=rf"Port {postgres.port} .* in use .*Stop that program"):
            postgres.start()


def test_an_unwritable_folder_is_one_sentence_with_the_remedy(folder: Path) -> None:
    folder.parent.joinpath("file").write_text("")
    with pytest.raises(PostgresUnavailable, match=r"cannot be written .*Set FRONTDESK_HOME"):
        EmbeddedPostgres(folder.parent / "file" / "postgres").start()


def test_a_folder_closed_to_the_server_names_the_closed_parent(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(PostgresUnavailable, match="Set FRONTDESK_HOME to a folder outside"):
        check_reachable(closed / "postgres", Account(uid=os.getuid() + 54321, gid=os.getgid()))
    check_reachable(closed / "postgres", Account())


def test_a_broken_cluster_says_what_postgres_said(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder, for_tests=True)
    postgres.prepare()
    (folder / "data" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(PostgresUnavailable, match=r"Postgres did not start: .*(9\.6|incompatible)"):
        postgres.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: an ordinary user runs the server as itself")
def test_root_hands_the_server_to_a_user_of_its_own_and_opens_no_parent_folder(folder: Path) -> None:
    parents = {parent: parent.stat().st_mode for parent in folder.parents}
    postgres = EmbeddedPostgres(folder, for_tests=True)
    postgres.start()
    pid = postgres.pid
    assert Path(f"/proc/{pid}").stat().st_uid == server_account().uid != 0
    assert {parent: parent.stat().st_mode for parent in folder.parents} == parents
