"""Automations, and the events that nobody could process."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from db import events, views
from db.engine import read_only, transaction
from webhook_server.api.access import Admin, Reader
from webhook_server.api.shapes import BeforeSeq, Done, Limit, Rows, page
from webhook_server.errors import not_found

router = APIRouter()


@router.get("/automations", summary="List automations", tags=["Automations"])
def list_automations(caller: Reader) -> Rows[views.AutomationLine]:
    """All of them, in the order in which they are asked about a message."""
    with read_only(caller.workspace_id) as tx:
        return Rows(items=views.automation_list(tx), next=None)


@router.get("/automations/{automation_id}", summary="One automation with its live document", tags=["Automations"])
def get_automation(caller: Reader, automation_id: UUID) -> views.AutomationDetail:
    with read_only(caller.workspace_id) as tx:
        found = views.automation(tx, automation_id)
    if found is None:
        raise not_found("automation")
    return found


@router.get("/events/parked", summary="Arrivals that were given up after three attempts", tags=["Events"])
def list_parked(caller: Admin, before: BeforeSeq = None, limit: Limit = 50) -> Rows[views.ParkedEvent]:
    with read_only(caller.workspace_id) as tx:
        found = views.parked_events(tx, before_seq=before, limit=limit)
    return page(found, limit, lambda line: line.seq)


@router.post("/events/{event_id}/retry", summary="Process a parked arrival again", tags=["Events"])
def retry_event(caller: Admin, event_id: UUID) -> Done:
    with transaction(caller.workspace_id) as tx:
        again = events.retry(tx, event_id)
    if not again:
        raise not_found("parked event")
    caller.record("api.event_retried", f"event:{event_id}")
    return Done()
