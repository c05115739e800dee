"""Backups go back where they can: to a user who owns the database but not the extensions, and from an older version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from db.migrate import FOLDER, migrate, pending
from db.settings import get_settings
from deployments import backup
from deployments.restore import restore
from deployments.state import CannotStart


@dataclass(frozen=True)
class Hosted:
    """A database as hosting companies give it: its user owns it and is no superuser, the extensions belong to one."""

    url: str
    admin_url: str

    def fetch(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def hosted(empty_database_url: str) -> Iterator[Hosted]:
    known = conninfo_to_dict(empty_database_url)
    name = str(known["dbname"])
    with psycopg.connect(empty_database_url, autocommit=True) as admin:
        for extension in ("vector", "pg_trgm"):
            admin.execute(f"CREATE EXTENSION {extension}")
        admin.execute(
            "DO $$ BEGIN CREATE ROLE frontdesk_app NOLOGIN NOINHERIT; EXCEPTION WHEN duplicate_object THEN END $$"
        )
        admin.execute(f"CREATE ROLE {name}_owner LOGIN CREATEROLE PASSWORD 'owner-of-tests'")
        admin.execute(f"GRANT frontdesk_app TO {name}_owner WITH ADMIN OPTION")
        admin.execute(f"ALTER DATABASE {name} OWNER TO {name}_owner")
    url = f"postgresql://{name}_owner:owner-of-tests@{known['host']}:{known['port']}/{name}"
    migrate(url)
    try:
        yield Hosted(url, empty_database_url)
    finally:
        with psycopg.connect(empty_database_url, autocommit=True) as admin:
            admin.execute(f"REASSIGN OWNED BY {name}_owner TO CURRENT_USER")
            admin.execute(f"DROP OWNED BY {name}_owner CASCADE")
            admin.execute(f"DROP ROLE {name}_owner")


@pytest.fixture
def programs() -> Path:
    return backup.programs(get_settings())


def a_workspace_called(url: str, slug: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM workspaces")
        connection.execute("INSERT INTO workspaces (name, slug) VALUES ('Kept', %s)", (slug,))


def test_a_user_who_does_not_own_the_extensions_restores(hosted: Hosted, programs: Path, tmp_path: Path) -> None:
    a_workspace_called(hosted.url, "kept")
    backup.backup(programs, hosted.url, tmp_path / "desk.dump")
    a_workspace_called(hosted.url, "later")

    restore(programs, hosted.url, tmp_path / "desk.dump")

    assert hosted.fetch("SELECT slug FROM workspaces") == [("kept",)]
    assert pending(hosted.url) == []
    owners = "SELECT DISTINCT pg_get_userbyid(extowner) <> current_user FROM pg_extension WHERE extname IN ('vector', 'pg_trgm')"
    assert hosted.fetch(owners) == [(True,)]
    with psycopg.connect(hosted.url) as connection:  # the workspace role has its rights, and its walls
        connection.execute("SET LOCAL ROLE frontdesk_app")
        assert connection.execute("SELECT count(*) FROM workspaces").fetchone() == (0,)


def test_a_backup_of_a_superuser_goes_to_a_hosted_database_too(
    hosted: Hosted, database_url: str, programs: Path, tmp_path: Path
) -> None:
    a_workspace_called(database_url, "kept")
    backup.backup(programs, database_url, tmp_path / "desk.dump")
    restore(programs, hosted.url, tmp_path / "desk.dump")
    assert hosted.fetch("SELECT slug FROM workspaces") == [("kept",)]


def test_a_backup_of_an_older_version_catches_up(
    database_url: str, empty_database_url: str, programs: Path, tmp_path: Path
) -> None:
    older = sorted(FOLDER.glob("[0-9]*.sql"))[:8]
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE schema_migrations (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
        )
        for path in older:
            connection.execute(path.read_bytes())
            connection.execute("INSERT INTO schema_migrations (name) VALUES (%s)", (path.stem,))
    a_workspace_called(empty_database_url, "old")
    backup.backup(programs, empty_database_url, tmp_path / "old.dump")

    restore(programs, database_url, tmp_path / "old.dump")

    assert pending(database_url)
    migrate(database_url)
    assert pending(database_url) == []
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT slug FROM workspaces").fetchall() == [("old",)]


def test_a_backup_that_breaks_off_changes_nothing(database_url: str, programs: Path, tmp_path: Path) -> None:
    a_workspace_called(database_url, "kept")
    whole = tmp_path / "desk.dump"
    backup.backup(programs, database_url, whole)
    content = whole.read_bytes()
    for share in (0.5, 0.99):
        (tmp_path / "half.dump").write_bytes(content[: int(len(content) * share)])
        with pytest.raises(CannotStart, match="nothing was changed"):
            restore(programs, database_url, tmp_path / "half.dump")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT slug FROM workspaces").fetchall() == [("kept",)]


def test_a_table_of_somebody_else_stays(database_url: str, programs: Path, tmp_path: Path) -> None:
    backup.backup(programs, database_url, tmp_path / "desk.dump")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE of_somebody_else AS SELECT 1 AS number")
        restore(programs, database_url, tmp_path / "desk.dump")
        assert connection.execute("SELECT number FROM of_somebody_else").fetchall() == [(1,)]


def test_something_else_that_rests_on_our_tables_keeps_them_as_they_are(
    database_url: str, programs: Path, tmp_path: Path
) -> None:
    a_workspace_called(database_url, "kept")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE workspaces SET settings = jsonb_build_object('long', repeat('x', 4000000))")
        backup.backup(programs, database_url, tmp_path / "desk.dump")
        connection.execute("UPDATE workspaces SET slug = 'later'")
        connection.execute("CREATE VIEW report AS SELECT slug FROM workspaces")
        with pytest.raises(CannotStart, match=r"nothing was changed: .*report"):
            restore(programs, database_url, tmp_path / "desk.dump")
        assert connection.execute("SELECT slug FROM report").fetchall() == [("later",)]
