"""What many tests of this floor begin with: a front desk with a Twilio number or a CRM at a twin, and a real Prefect server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.embedded import EmbeddedPostgres
from tests.fakes.ghl_twin import GhlTwin
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.effects_rig import EffectsRig
from tests.flows.prefect_server import PrefectServer, running
from tests.flows.rig import FakeModel, Rig


@pytest.fixture
def twin() -> Iterator[TwilioTwin]:
    with TwilioTwin() as twin:
        yield twin


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin) -> Rig:
    """Nothing is published yet. A file whose tests begin with more has a `rig` of its own."""
    return Rig(twin.base_url, FakeModel())


@pytest.fixture
def ghl() -> Iterator[GhlTwin]:
    """A strict twin of GoHighLevel; every call to it must have been of the documented form."""
    with GhlTwin() as twin:
        yield twin
        assert twin.refused == []


@pytest.fixture
def effects_rig(database_url: str, ghl: GhlTwin) -> EffectsRig:
    """A workspace whose CRM is `ghl`, with a run whose effects are performed."""
    return EffectsRig(ghl)


@pytest.fixture(scope="session")
def prefect(cluster: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A real Prefect server with its own database; starting it takes some seconds."""
    with running(cluster, Path(tmp_path_factory.mktemp("prefect"))) as server:
        yield server
