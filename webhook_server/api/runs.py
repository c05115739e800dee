"""Runs of automations: the list, one with all that it did, letting failed ones go on, and why a message was not answered."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from db import views
from db.engine import read_only
from db.views.runs import RunState
from flows import rerun
from flows.why import Reason, first_reason, why
from webhook_server.api.access import Agent, Reader
from webhook_server.api.people import acting_member
from webhook_server.api.shapes import EXAMPLE_ID, BeforeSeq, Body, Done, Limit, Rows, Text, UserRef, page
from webhook_server.errors import Refusal, not_found

router = APIRouter(tags=["Runs"])


class RerunBody(Body):
    user: UserRef | None = Field(default=None, description="Who lets it go on; without it an admin of the workspace.")


class RerunManyBody(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"run_ids": [EXAMPLE_ID], "user": "ana@example.com"}]}
    )

    run_ids: list[UUID] = Field(
        min_length=1, max_length=rerun.MOST_AT_ONCE, description="The runs; each stands for itself."
    )
    user: UserRef | None = Field(default=None, description="Who lets them go on; without it an admin of the workspace.")


class RefusedRun(BaseModel):
    run_id: UUID = Field(description="The run that stays as it is.")
    reason: str = Field(description="Why, as a sentence.")


class RerunAnswer(BaseModel):
    gone_on: list[UUID] = Field(description="Runs that go on.")
    refused: list[RefusedRun] = Field(description="Runs that do not, each with the reason.")


class Why(BaseModel):
    """What happened with a message, in the order of its way."""

    first_reason: str = Field(description="Why the customer has no answer; empty where nothing stopped it.")
    reasons: list[Reason] = Field(description="Every automation and limit on its way.")


@router.get("/runs", summary="List runs, newest first")
def list_runs(
    caller: Reader,
    before: BeforeSeq = None,
    limit: Limit = 50,
    automation_id: Annotated[UUID | None, Query(description="Only runs of this automation.")] = None,
    conversation_id: Annotated[UUID | None, Query(description="Only runs in this conversation.")] = None,
    state: Annotated[RunState | None, Query(description="Only runs in this state.")] = None,
    contact: Annotated[Text, Query(max_length=200, description="Part of a name, phone number or e-mail address.")] = "",
    outcome: Annotated[
        Text, Query(max_length=200, description="Words of the sentence that says how a run ended.")
    ] = "",
    text: Annotated[
        Text, Query(max_length=200, description="Words of the customer, among the newest 5,000 runs that fit the rest.")
    ] = "",
    since: Annotated[AwareDatetime | None, Query(description="Begun then or later, like 2026-01-31T09:00:00Z.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Begun before then.")] = None,
) -> Rows[views.RunLine]:
    if since is not None and until is not None and until <= since:
        raise Refusal(422, "invalid", "until: give a time after 'since'.", field="until")
    with read_only(caller.workspace_id) as tx:
        found = views.run_list(
            tx,
            before_seq=before,
            limit=limit,
            automation_id=automation_id,
            conversation_id=conversation_id,
            state=state,
            search=contact,
            outcome=outcome,
            text=text,
            since=since,
            until=until,
        )
    return page(found, limit, lambda line: line.seq)


@router.get("/runs/{run_id}", summary="One run with its steps and effects")
def get_run(caller: Reader, run_id: UUID) -> views.RunDetail:
    """Each step with what it got, gave, asked of a model and cost; then what became of each effect."""
    with read_only(caller.workspace_id) as tx:
        found = views.run(tx, run_id)
    if found is None:
        raise not_found("run")
    return found


@router.post("/runs/rerun", summary="Let several runs go on from where they failed")
def rerun_many(caller: Agent, body: RerunManyBody) -> RerunAnswer:
    """One that is refused keeps no other back. Nothing that was done is done again."""
    user = acting_member(caller.workspace_id, body.user)
    told = rerun.rerun_many(caller.workspace_id, user, list(dict.fromkeys(body.run_ids)))
    for run_id in told.gone_on:
        caller.record("api.run_rerun", f"run:{run_id}", user=user)
    refused = [RefusedRun(run_id=run_id, reason=reason) for run_id, reason in told.refused]
    return RerunAnswer(gone_on=list(told.gone_on), refused=refused)


@router.post("/runs/{run_id}/rerun", summary="Let a run go on from where it failed")
def rerun_one(caller: Agent, run_id: UUID, body: RerunBody | None = None) -> Done:
    """409 with the reason where it may not, for example because a person has the conversation by now."""
    user = acting_member(caller.workspace_id, body.user if body else None)
    rerun.rerun(caller.workspace_id, user, run_id)
    caller.record("api.run_rerun", f"run:{run_id}", user=user)
    return Done()


@router.get("/messages/{message_id}/why", summary="Why nothing happened with a message, or what did")
def explain(caller: Reader, message_id: UUID) -> Why:
    with read_only(caller.workspace_id) as tx:
        reasons = why(tx, message_id)
    if not reasons:
        raise not_found("message")
    return Why(first_reason=first_reason(reasons), reasons=reasons)
