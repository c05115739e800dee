"""What every test may use: a Postgres cluster per test process, and a fresh migrated database per test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg import sql

from db import engine
from db.embedded import EmbeddedPostgres
from db.migrate import migrate
from db.settings import Settings, get_settings, variable_of

_numbers = count(1)


def pytest_configure() -> None:
    """No test sees the settings, keys or data folder of whoever runs it, and none may reach a real provider by accident."""
    for field in Settings.model_fields:
        os.environ.pop(variable_of(field), None)
    os.environ["FRONTDESK_SECRET_KEY"] = Fernet.generate_key().decode()
    os.environ["FRONTDESK_ALLOW_PRIVATE_ADDRESSES"] = "true"  # providers are played by servers on this machine
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder of this test."""
    monkeypatch.setenv("FRONTDESK_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    yield tmp_path / "home"
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def cluster() -> Iterator[EmbeddedPostgres]:
    """A running cluster that forgets everything in a crash, for this test process alone."""
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-tests-"))
    folder.chmod(0o711)  # when root runs the tests, the server's own user passes through here
    postgres = EmbeddedPostgres(folder / "postgres", for_tests=True)
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(cluster: EmbeddedPostgres) -> str:
    """The name of a migrated database that tests clone and nobody opens."""
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE frontdesk_template")
    migrate(cluster.url("frontdesk_template"))
    return "frontdesk_template"


@pytest.fixture
def database_url(cluster: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The address of a fresh, migrated database; `db.engine` is pointed at it for the length of the test."""
    name = f"test_{next(_numbers)}"
    _administer(cluster, sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"), name, template)
    engine.configure(cluster.url(name))
    try:
        yield cluster.url(name)
    finally:
        engine.dispose()
        _administer(cluster, sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)


@pytest.fixture
def empty_database_url(cluster: EmbeddedPostgres) -> Iterator[str]:
    """The address of a database with nothing in it, for tests of the migrations themselves."""
    name = f"empty_{next(_numbers)}"
    _administer(cluster, sql.SQL("CREATE DATABASE {}"), name)
    try:
        yield cluster.url(name)
    finally:
        engine.dispose()
        _administer(cluster, sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)


def _administer(cluster: EmbeddedPostgres, statement: sql.SQL, *names: str) -> None:
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(statement.format(*map(sql.Identifier, names)))
