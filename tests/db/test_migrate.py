import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from db.migrate import FOLDER, MigrationRefused, migrate, pending

ALL = [path.stem for path in sorted(FOLDER.glob("[0-9]*.sql"))]


def test_an_empty_database_gets_every_file_in_order_and_a_second_run_applies_nothing(empty_database_url: str) -> None:
    assert pending(empty_database_url) == ALL
    assert migrate(empty_database_url) == ALL
    assert migrate(empty_database_url) == []
    assert pending(empty_database_url) == []


def test_two_processes_at_once_apply_each_file_once(empty_database_url: str) -> None:
    code = "import sys; from db.migrate import migrate; print('\\n'.join(migrate(sys.argv[1])))"
    command = [sys.executable, "-c", code, empty_database_url]
    root = Path(__file__).parents[2]
    started = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    applied = [name for process in started for name in process.communicate(timeout=60)[0].split()]
    assert [process.returncode for process in started] == [0, 0]
    assert sorted(applied) == ALL


def test_two_databases_of_one_server_may_be_migrated_at_once(empty_database_url: str) -> None:
    second = empty_database_url + "_second"
    name = second.rsplit("/", 1)[1]
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            with ThreadPoolExecutor() as threads:
                assert list(threads.map(migrate, [empty_database_url, second])) == [ALL, ALL]
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_an_owner_who_is_no_superuser_can_migrate_and_become_the_workspace_role(empty_database_url: str) -> None:
    name = empty_database_url.rsplit("/", 1)[1]
    with psycopg.connect(empty_database_url, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS vector")
        admin.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        admin.execute(
            "DO $$ BEGIN CREATE ROLE frontdesk_app NOLOGIN NOINHERIT; EXCEPTION WHEN duplicate_object THEN END $$"
        )
        admin.execute(f"CREATE ROLE {name}_owner LOGIN CREATEROLE PASSWORD 'owner-of-tests'")
        admin.execute(f"GRANT frontdesk_app TO {name}_owner WITH ADMIN OPTION")
        admin.execute(f"REVOKE frontdesk_app FROM {name}_owner GRANTED BY CURRENT_USER")
        admin.execute(f"GRANT frontdesk_app TO {name}_owner WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
        admin.execute(f"ALTER SCHEMA public OWNER TO {name}_owner")
        owner = psycopg.conninfo.conninfo_to_dict(empty_database_url)
        url = f"postgresql://{name}_owner:owner-of-tests@{owner['host']}:{owner['port']}/{name}"
        try:
            assert migrate(url) == ALL
            with psycopg.connect(url) as connection:
                connection.execute("SET LOCAL ROLE frontdesk_app")
                assert connection.execute("SELECT count(*) FROM workspaces").fetchone() == (0,)
        finally:
            admin.execute(f"REASSIGN OWNED BY {name}_owner TO CURRENT_USER")
            admin.execute(f"DROP OWNED BY {name}_owner CASCADE")
            admin.execute(f"DROP ROLE {name}_owner")


def test_a_database_of_a_newer_version_is_refused_with_the_remedy(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO schema_migrations (name) VALUES ('9999_from_the_future')")
    with pytest.raises(MigrationRefused, match="9999_from_the_future.*Update Frontdesk"):
        migrate(database_url)


def test_a_file_that_fails_leaves_nothing_behind(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE contacts (id integer)")  # in the way of the second file
    with pytest.raises(psycopg.errors.DuplicateTable):
        migrate(empty_database_url)
    assert pending(empty_database_url) == ALL[1:]
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        assert connection.execute("SELECT to_regclass('conversations')").fetchone() == (None,)
        connection.execute("DROP TABLE contacts")
    assert migrate(empty_database_url) == ALL[1:]
