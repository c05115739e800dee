"""The database of these tests: a fresh clone of the migrated template, chosen as the database of the process."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from db.engine import configure, dispose, system
from tests.db.builders import a_workspace


@pytest.fixture
def database(database_url: str) -> Iterator[str]:
    """The address of an empty, migrated database that `transaction`, `read_only` and `system` now use."""
    configure(database_url)
    yield database_url
    dispose()


@pytest.fixture
def workspace(database: str) -> UUID:
    with system() as tx:
        return a_workspace(tx)


@pytest.fixture
def other_workspace(database: str) -> UUID:
    with system() as tx:
        return a_workspace(tx, name="Corner Bakery")
