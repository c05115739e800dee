"""A cheap Prefect client for one event loop: settings, contexts, and the way its events leave."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.context import AsyncClientContext, SyncClientContext
from prefect.events.clients import PrefectEventsClient
from prefect.events.worker import EventsWorker
from prefect.settings import temporary_settings


@asynccontextmanager
async def prefect_client(api_url: str, home: Path, patience_seconds: float) -> AsyncIterator[PrefectClient]:
    """One client that everything within uses, also the flow and task engines. Makes no request by itself."""
    # With Prefect away the events of task runs are given up after two tries, so that they never hold up the end of the process.
    EventsWorker.set_client_override(PrefectEventsClient, reconnection_attempts=1)
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a step that failed is logged by our engine
    with temporary_settings(_cheap(api_url, home, patience_seconds)):
        # Held open: every new client would load the certificate bundle anew (24 ms), three times per flow run.
        async with AsyncClientContext() as context:
            with SyncClientContext():
                yield context.client


async def events_sent() -> None:
    """Return when the states of task runs have left for the server, or were given up."""
    waiting = EventsWorker.drain_all(at_exit=False)
    assert not isinstance(waiting, tuple)  # that is the answer outside of an event loop
    await waiting


def _cheap(api_url: str, home: Path, patience_seconds: float) -> dict[Any, Any]:
    return {
        "home": home,
        "api.url": api_url,
        "api.request_timeout": patience_seconds,
        "client.max_retries": 0,  # the window asks again itself
        "client.server_version_check_enabled": False,
        "client.csrf_support_enabled": False,
        "logging.to_api.enabled": False,  # the journal and the states say it all
        "results.persist_by_default": False,
        "server.ephemeral.enabled": False,
    }
