"""Texts that automations put before people: what waits, and what a person decides."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from db import views
from db.engine import read_only
from flows import approvals
from flows.actions import MOST_TEXT
from webhook_server.api.access import Agent, Reader
from webhook_server.api.people import acting_member
from webhook_server.api.shapes import Body, Done, Limit, Rows, Text, UserRef
from webhook_server.errors import Refusal

router = APIRouter(tags=["Approvals"])


class DecideBody(Body):
    """A decision about the text; the run goes on with it at once."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"decision": "approve", "text": "We can do it for 80 USD.", "user": "ana@example.com"},
                {"decision": "reject", "note": "We do not repair those."},
            ]
        },
    )

    decision: Literal["approve", "reject"] = Field(description="Whether the text may go.")
    text: Text = Field(
        default="", max_length=MOST_TEXT, description="The text with your changes; empty approves it as it is."
    )
    note: Text = Field(default="", max_length=1000, description="Later steps can use it.")
    user: UserRef | None = Field(default=None, description="Who decides; without it an admin of the workspace.")


@router.get("/approvals", summary="List what waits for a person's approval, the oldest first")
def list_approvals(caller: Reader, limit: Limit = 100) -> Rows[views.ApprovalLine]:
    """`pen_moved`: the conversation changed hands since, so what the run would send is not sent. What is decided leaves the list."""
    with read_only(caller.workspace_id) as tx:
        return Rows(items=views.approval_list(tx, limit=limit), next=None)


@router.post("/approvals/{run_id}", summary="Approve, change or reject what a run waits with")
def decide(caller: Agent, run_id: UUID, body: DecideBody) -> Done:
    """409 where somebody else decided before, or the run went on without a decision."""
    approved = body.decision == "approve"
    if body.text.strip() and not approved:
        raise Refusal(
            422, "invalid", "text: it goes with the decision 'approve'. Give the reason in 'note'.", field="text"
        )
    user = acting_member(caller.workspace_id, body.user)
    approvals.decide(caller.workspace_id, user, run_id, approved, body.text, body.note)
    caller.record("api.approval_decided", f"run:{run_id}", user=user, approved=approved)
    return Done()
