"""The REST interface: every part, and what all of them have in common."""

from __future__ import annotations

from fastapi import APIRouter

from webhook_server.api import approvals, contacts, conversations, handoffs, live, runs, training, work
from webhook_server.api.access import DESCRIBED
from webhook_server.api.shapes import ERRORS

DESCRIPTION = """
Every call needs an API key of a workspace, as `Authorization: Bearer fd_...` or `X-API-Key: fd_...`; its role decides what it
may do (viewer reads, agent writes, decides approvals and lets failed runs go on, builder trains, admin retries events). Errors look like
`{"error": {"code": "not_found", "message": "...", "field": ""}}`. Lists are paged by the last row seen. Times are UTC.

The web chat's own calls (`/api/chat/...`) and the webhooks of providers (`/webhook/...`) are not listed: browsers and providers make them.
"""

api = APIRouter(prefix="/api", dependencies=DESCRIBED, responses=ERRORS)
for part in (conversations, handoffs, approvals, runs, work, contacts, training, live):
    api.include_router(part.router)
