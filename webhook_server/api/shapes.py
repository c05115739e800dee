"""What callers of the API send, with the descriptions and examples that /openapi.json shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from nodes.effects import Priority, ReasonCode
from webhook_server.body import is_storable

T = TypeVar("T")


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("the text holds bytes that are no text, such as NUL")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Key = Annotated[Text, Field(min_length=1, max_length=200)]
UserRef = Annotated[Text, Field(max_length=320, description="The colleague: id or e-mail address of a member.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Rows of one page.")]
Before = Annotated[str | None, Query(max_length=200, description="next of the page before.")]
BeforeSeq = Annotated[int | None, Query(ge=0, le=2**62, description="next of the page before.")]
Search = Annotated[Text, Query(max_length=200, description="Part of a name, phone number or e-mail address.")]

EXAMPLE_ID = "5f0c7f0e-3d0a-4f1e-9d0e-0a4b6c1d2e3f"


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TemplateBody(Body):
    """A template that WhatsApp approved, with what goes into its blanks."""

    id: Text = Field(min_length=1, max_length=64, description="Id of the template, as /api/templates lists it.")
    values: dict[Text, Annotated[Text, Field(max_length=1024)]] = Field(
        default_factory=dict, max_length=100, description="Blank -> what is filled in."
    )


class SendMessageBody(Body):
    """A message from a person to the customer: a text, or a template where WhatsApp takes no free text any more.

    It takes the pen: the AI is silent until it is given back.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"conversation_id": EXAMPLE_ID, "text": "Your table is booked.", "user": "ana@example.com"}]
        },
    )

    conversation_id: UUID = Field(description="The conversation to write in.")
    text: Text | None = Field(default=None, min_length=1, max_length=20_000, description="Text of the message.")
    template: TemplateBody | None = Field(default=None, description="Sent instead of a text.")
    user: UserRef | None = Field(
        default=None,
        description="Who writes: id or e-mail address of a member. Without it the conversation's assignee, else an admin.",
    )
    idempotency_key: Key | None = Field(
        default=None,
        description="The same key sends once, however often it is posted. The header Idempotency-Key does too.",
    )


class TakeOverBody(Body):
    user: UserRef | None = Field(default=None, description="Who takes over; without it an admin of the workspace.")


class GiveBackBody(Body):
    note: Text = Field(default="", max_length=2000, description="What the AI should know from now on.")
    user: UserRef | None = Field(default=None, description="Who gives back; may stay empty.")


class AiSwitchBody(Body):
    enabled: bool = Field(description="Whether the AI may answer in this conversation.")


class CreateHandoffBody(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"conversation_id": EXAMPLE_ID, "reason": "Wants to talk about an invoice.", "priority": "high"}
            ]
        },
    )

    conversation_id: UUID = Field(description="The conversation that needs a person.")
    reason: Text = Field(default="", max_length=2000, description="The reason in words.")
    reason_code: ReasonCode = Field(default="other", description="Category of the reason.")
    priority: Priority = Field(default="normal", description="How soon a person should look.")
    summary: Text = Field(default="", max_length=5000, description="What the person should know.")


class AssignHandoffBody(Body):
    handoff_id: UUID = Field(description="The handoff.")
    user: UserRef = Field(examples=["ana@example.com"])


class ResolveHandoffBody(Body):
    handoff_id: UUID = Field(description="The handoff.")
    resolution: Text = Field(default="", max_length=2000, description="How it ended; the AI is told.")
    give_back: bool = Field(default=True, description="Whether the AI answers again.")


class ErrorDetail(BaseModel):
    code: str = Field(description="Stable name for programs.", examples=["not_found"])
    message: str = Field(description="A sentence with the remedy.")
    field: str = Field(description="The field it is about, or empty.")


class ErrorAnswer(BaseModel):
    error: ErrorDetail


class Rows(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | int | None = Field(description="Give it as before to read on; null = this was the last page.")


def page(items: list[T], limit: int, cursor: Callable[[T], str | int]) -> Rows[T]:
    """A page that knows whether another may follow."""
    return Rows(items=items, next=cursor(items[-1]) if len(items) >= limit else None)


class Done(BaseModel):
    """It is done; ask for the row to see how it looks now."""

    ok: bool = True


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": text}
    for status, text in {
        401: "The key is missing or not valid.",
        403: "The key's role may not do this.",
        404: "There is no such row in this workspace.",
        409: "It cannot be done now; the message says why.",
        422: "A field cannot be used; `field` names it.",
        429: "Too many calls; wait for Retry-After seconds.",
        503: "The database does not answer; try again.",
    }.items()
}
