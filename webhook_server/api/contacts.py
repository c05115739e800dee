"""People who wrote."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from db import contacts
from db.engine import read_only
from db.records import Contact
from flows.forgetting import forget_contact
from webhook_server.api.access import Admin, Reader
from webhook_server.errors import not_found

router = APIRouter(tags=["Contacts"])


class ForgottenContact(BaseModel):
    """How much was removed with the contact."""

    conversations: int = Field(description="Conversations, with their handoffs and what the AI remembered.")
    messages: int = Field(description="Messages in them.")
    runs: int = Field(description="Runs of automations, with their steps.")
    arrivals: int = Field(description="Raw arrivals, those that still waited too.")
    effects: int = Field(description="Effects, done or waiting to be sent.")


@router.get("/contacts/{contact_id}", summary="One contact")
def get_contact(caller: Reader, contact_id: UUID) -> Contact:
    with read_only(caller.workspace_id) as tx:
        found = contacts.get(tx, contact_id)
    if found is None:
        raise not_found("contact")
    return found


@router.delete("/contacts/{contact_id}", summary="Forget a contact: remove everything personal, for good")
def forget(caller: Admin, contact_id: UUID) -> ForgottenContact:
    """Refused (409) while something of the contact is being sent or answered. Your CRM and your providers keep what they have."""
    done = forget_contact(caller.workspace_id, contact_id, caller.actor)
    return ForgottenContact.model_validate(done, from_attributes=True)
