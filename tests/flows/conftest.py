"""A Prefect server for the tests of this floor, started when the first test asks for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.embedded import EmbeddedPostgres
from tests.flows.prefect_server import PrefectServer, running


@pytest.fixture(scope="session")
def prefect(cluster: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A real Prefect server with its own database; starting it takes some seconds."""
    with running(cluster, Path(tmp_path_factory.mktemp("prefect"))) as server:
        yield server
