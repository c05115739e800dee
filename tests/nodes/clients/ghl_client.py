"""GoHighLevel's client, connected to a twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nodes.clients import ghl
from nodes.clients.ghl import Ghl
from nodes.clients.ghl_http import FixedToken
from nodes.errors import Rejected
from tests.fakes.ghl_twin import TOKEN, GhlTwin

PHONE = "+14155550123"


def client_of(twin: GhlTwin, token: str = TOKEN, **config: Any) -> Ghl:
    return ghl.make({"base_url": twin.base_url, "location_id": twin.location_id, **config}, FixedToken(token))


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value.code
