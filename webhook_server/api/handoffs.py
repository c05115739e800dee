"""Requests for a person."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from db import views
from db.engine import read_only
from flows import actions
from webhook_server.api.access import Agent, Reader
from webhook_server.api.people import acting_member
from webhook_server.api.shapes import (
    AssignHandoffBody,
    Before,
    CreateHandoffBody,
    Done,
    Limit,
    ResolveHandoffBody,
    Rows,
    page,
)

router = APIRouter(tags=["Handoffs"])

State = Literal["pending", "assigned", "resolved"]


class OpenedHandoff(BaseModel):
    handoff_id: str = Field(description="Id of the open handoff; an open one is never doubled.")


@router.get("/handoffs", summary="List requests for a person")
def list_handoffs(
    caller: Reader,
    state: Annotated[
        list[State] | None, Query(description="Only these states; pending and assigned by default.")
    ] = None,
    before: Before = None,
    limit: Limit = 50,
) -> Rows[views.HandoffLine]:
    with read_only(caller.workspace_id) as tx:
        found = views.handoff_list(tx, state or ["pending", "assigned"], before=before, limit=limit)
    return page(found, limit, lambda line: line.cursor)


@router.post("/handoff/create", status_code=201, summary="Ask for a person in a conversation")
def create_handoff(caller: Agent, body: CreateHandoffBody) -> OpenedHandoff:
    made = actions.create_handoff(
        caller.workspace_id,
        body.conversation_id,
        caller.actor,
        body.reason_code,
        body.reason,
        priority=body.priority,
        summary=body.summary,
    )
    return OpenedHandoff(handoff_id=str(made))


@router.post("/handoff/assign", summary="Give a handoff, and the conversation, to a colleague")
def assign_handoff(caller: Agent, body: AssignHandoffBody) -> Done:
    user = acting_member(caller.workspace_id, body.user)
    actions.assign_handoff(caller.workspace_id, body.handoff_id, user, caller.actor)
    return Done()


@router.post("/handoff/resolve", summary="Close a handoff")
def resolve_handoff(caller: Agent, body: ResolveHandoffBody) -> Done:
    actions.resolve_handoff(caller.workspace_id, body.handoff_id, caller.actor, body.resolution, body.give_back)
    return Done()
