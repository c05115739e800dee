"""GoHighLevel: one location, everything that Frontdesk asks of it.

Every method raises the errors of nodes.errors and returns GHL's own dictionaries without their wrapping (the contact, not
{"contact": ...}). Account.config: location_id, base_url, timezone, company_id, timeout_seconds. The groups of calls have a
module each: ghl_contacts, ghl_tasks, ghl_opportunities, ghl_calendars, ghl_conversations, ghl_location, ghl_scopes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodes.clients.ghl_calendars import Calendars
from nodes.clients.ghl_contacts import Contacts
from nodes.clients.ghl_conversations import Conversations
from nodes.clients.ghl_http import READ_SECONDS, GhlHttp, Limit, Tokens
from nodes.clients.ghl_opportunities import Opportunities
from nodes.clients.ghl_scopes import Scopes
from nodes.clients.ghl_tasks import Notes, Tasks
from nodes.errors import ClientError, OutcomeUnknown


class Ghl(Contacts, Tasks, Notes, Opportunities, Conversations, Scopes, Calendars):
    """One location; safe for several threads."""


def make(config: Mapping[str, Any], tokens: Tokens, limit: Limit | None = None) -> Ghl:
    """The client of a connection's settings."""
    http = GhlHttp(
        tokens,
        base_url=str(config.get("base_url") or ""),
        limit=limit,
        read_seconds=float(config.get("timeout_seconds") or READ_SECONDS),
    )
    return Ghl(
        http,
        str(config.get("location_id") or ""),
        timezone=str(config.get("timezone") or ""),
        company_id=str(config.get("company_id") or ""),
    )


def problem_of(ghl: Ghl) -> str:
    """'' when the location can be read and every scope is there, else what to do. Changes nothing."""
    if not ghl.location_id:
        return "The connection has no location. Enter the id of the sub-account, or choose one after signing in."
    try:
        ghl.location()
        missing = ghl.missing_scopes()
    except OutcomeUnknown:
        return "GoHighLevel gave no usable answer just now. Try again in a minute."
    except ClientError as error:
        return error.reason
    return f"The token lacks these scopes: {', '.join(missing)}. Add them, then connect again." if missing else ""
