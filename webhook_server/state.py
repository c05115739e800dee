"""What the requests of one server process share."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from webhook_server.accounts import Accounts
from webhook_server.hub import Hub
from webhook_server.locations import Locations
from webhook_server.metrics import Metrics
from webhook_server.refusals import Refusals
from webhook_server.threads import ANSWER_THREADS, CHAT_THREADS, HEALTH_THREADS, WEBHOOK_THREADS, Threads


@dataclass(frozen=True)
class ServerState:
    """Caches, counters, thread pools and the live hub; made with the application, never at import of a module."""

    accounts: Accounts = field(default_factory=Accounts)
    locations: Locations = field(default_factory=Locations)
    refusals: Refusals = field(default_factory=Refusals)
    metrics: Metrics = field(default_factory=Metrics)
    hub: Hub = field(default_factory=Hub)
    webhook_threads: Threads = field(default_factory=lambda: Threads(WEBHOOK_THREADS))
    chat_threads: Threads = field(default_factory=lambda: Threads(CHAT_THREADS))
    health_threads: Threads = field(default_factory=lambda: Threads(HEALTH_THREADS))
    answer_threads: Threads = field(default_factory=lambda: Threads(ANSWER_THREADS))


def state_of(request: HTTPConnection) -> ServerState:
    state = request.app.state.server
    assert isinstance(state, ServerState)
    return state
