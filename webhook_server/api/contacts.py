"""People who wrote."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from db import contacts
from db.engine import read_only
from db.records import Contact
from webhook_server.api.access import Reader
from webhook_server.errors import not_found

router = APIRouter(tags=["Contacts"])


@router.get("/contacts/{contact_id}", summary="One contact")
def get_contact(caller: Reader, contact_id: UUID) -> Contact:
    with read_only(caller.workspace_id) as tx:
        found = contacts.get(tx, contact_id)
    if found is None:
        raise not_found("contact")
    return found
