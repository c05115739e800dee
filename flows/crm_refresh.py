"""Keeps what is known of the CRM near the truth where webhooks were lost, or where a connection gets none (a token of its own).

Contacts that changed there since the last time are taken over, with their new tags, what is known of those who wrote lately is
read again before anybody waits for it, and messages that people typed there leave or are shown. A run that meets trouble ends; the next one begins where it did.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect import flow

from db import connections, crm_contacts, workspaces
from db.engine import system, transaction
from flows import crm_intake
from flows.crm import Crm, crm_of
from flows.crm_context import CrmContexts
from flows.crm_missed import take_over_typed
from nodes.clients.ghl_events import contact_of
from nodes.errors import ClientError, Rejected

log = logging.getLogger(__name__)

ACTIVE = timedelta(hours=24)  # who wrote or was written to within this time
AHEAD = timedelta(minutes=5)  # read again so long before it is old
OVERLAP = timedelta(minutes=2)  # GHL's index lags, and clocks differ
CONTEXTS_AT_ONCE, CONTACTS_AT_ONCE = 40, 500


@flow(name="refresh-crm", persist_result=False)
def refresh_crm() -> dict[str, int]:
    """Refresh every workspace that has a CRM; returns how much was read."""
    with system() as tx:
        known = [workspace.id for workspace in workspaces.all_workspaces(tx)]
    counts = {"workspaces": 0, "contacts": 0, "contexts": 0, "typed": 0}
    for workspace in known:
        crm = crm_of(workspace)
        if crm is None:
            continue
        counts["workspaces"] += 1
        try:
            counts["contacts"] += take_over_changes(workspace, crm, datetime.now(UTC))
            counts["contexts"] += warm(workspace, CrmContexts(), datetime.now(UTC))
            counts["typed"] += take_over_typed(workspace, crm, datetime.now(UTC))
        except ClientError as error:
            log.warning(
                "The CRM could not be refreshed", extra={"action": "crm.refresh_failed", "reason": error.reason}
            )
    log.info("The CRM was refreshed", extra={"action": "crm.refreshed", **counts})
    return counts


def take_over_changes(workspace: UUID, crm: Crm, now: datetime) -> int:
    """Contacts that changed in the CRM since the last time; the first time only marks the beginning."""
    since = _marked(crm)
    number = 0
    if since is not None:
        changed = {"gte": (since - OVERLAP).isoformat(), "lte": now.isoformat()}
        filters = [{"field": "dateUpdated", "operator": "range", "value": changed}]
        for found in crm.client.search_contacts(filters=filters, limit=CONTACTS_AT_ONCE):
            with transaction(workspace) as tx:
                crm_intake.met_again(tx, workspace, contact_of(found), str(crm.config.get("country") or ""))
            number += 1
    with transaction(workspace) as tx:
        connections.update(tx, crm.connection_id, config={"refreshed_at": now.isoformat()})
    return number


def warm(workspace: UUID, contexts: CrmContexts, now: datetime) -> int:
    """Read again what is or will soon be old of those who wrote lately. Raises the errors of nodes.errors."""
    with transaction(workspace) as tx:
        due = crm_contacts.to_refresh(tx, now - ACTIVE, now - contexts.fresh_for + AHEAD, CONTEXTS_AT_ONCE)
    for contact in due:
        try:
            contexts.refresh(workspace, contact)
        except Rejected as refused:  # of this contact; the others may be read
            log.warning("A contact was not read", extra={"action": "crm.refresh_refused", "reason": refused.reason})
    return len(due)


def _marked(crm: Crm) -> datetime | None:
    try:
        return datetime.fromisoformat(str(crm.config.get("refreshed_at")))
    except ValueError:
        return None
