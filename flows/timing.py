"""How long a worker may hold what it claimed, and when an unknown outcome is old enough to ask about."""

from __future__ import annotations

import os


def lease_seconds() -> float:
    """Seconds after which another worker takes over what a dead one held. Longer than the longest call to a channel provider."""
    return float(os.environ.get("FRONTDESK_LEASE_SECONDS", "60"))


def reconcile_after_seconds() -> float:
    """Seconds from the start of a send until its provider is asked; longer than a send may take, so that `absent` is certain."""
    return float(os.environ.get("FRONTDESK_RECONCILE_AFTER_SECONDS", "30"))
