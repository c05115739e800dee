"""Telling a CRM in trouble from a change that it refuses: the first is waited for, the second has failed.

GHL's refusals (403, 404, 422) mean the change at hand, unless it refuses everything. Then it, or something in front of it, is
in trouble, and what failed now is to arrive later.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from flows import crm
from nodes.errors import ClientError, NotSent, Rejected, Throttled

PAUSED_RETRY_SECONDS = 60.0
ANSWERS = "missing_scope"  # a refusal of a CRM that works

log = logging.getLogger(__name__)


def wait_while_paused(workspace: UUID) -> None:
    """What changes the CRM waits for a paused connection instead of failing, however long that takes. Raises Throttled."""
    found = crm.standing(workspace)
    if found.state == "paused" and not crm.revive(workspace):
        raise Throttled(f"The connection is paused: {found.reason}", PAUSED_RETRY_SECONDS)


@contextmanager
def told_apart(workspace: UUID) -> Iterator[None]:
    """Raise NotSent for a refusal while the CRM refuses everything. It is asked only after a refusal that says nothing better."""
    try:
        yield
    except Rejected as refused:
        if not (refused.code.isdigit() or refused.code == "not_found") or not _refuses_everything(workspace):
            raise
        log.warning("GoHighLevel refuses everything", extra={"action": "ghl.refuses_all", "reason": refused.reason})
        raise NotSent(f"GoHighLevel refuses everything at the moment. {refused.reason}") from refused


def _refuses_everything(workspace: UUID) -> bool:
    """Whether even the location itself cannot be read."""
    known = crm.crm_of(workspace)
    if known is None:
        return False
    try:
        known.client.location()
    except ClientError as error:
        return not (isinstance(error, Rejected) and error.code == ANSWERS)
    return False
