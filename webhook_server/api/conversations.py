"""Conversations and their messages, and what a person does in them."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, Field

from db import views
from db.engine import read_only
from flows import actions, message_templates
from flows.template_reply import reply_with_template, template_with
from webhook_server.api.access import Agent, Reader
from webhook_server.api.people import acting_member
from webhook_server.api.shapes import (
    AiSwitchBody,
    Before,
    BeforeSeq,
    Done,
    GiveBackBody,
    Key,
    Limit,
    Rows,
    Search,
    SendMessageBody,
    TakeOverBody,
    page,
)
from webhook_server.errors import Refusal, not_found

router = APIRouter(tags=["Conversations"])


class SentMessage(BaseModel):
    """The message is stored and leaves in its turn; its state tells how far it is."""

    message_id: UUID = Field(description="Id of the message.")


class Template(BaseModel):
    """A message template at Twilio."""

    id: str = Field(description="Its id; begins with HX.")
    name: str = Field(description="Its name.")
    language: str = Field(description="Its language, for example en.")
    category: str = Field(description="What it is for: utility, marketing, authentication.")
    text: str = Field(description="Its text, with its blanks as {1}, {2}.")
    blanks: tuple[str, ...] = Field(description="The blanks that need a value.")
    approval: str = Field(description="What WhatsApp said of it: only approved ones can be sent.")


@router.get("/conversations", summary="List conversations, newest first")
def list_conversations(
    caller: Reader,
    owner: Annotated[Literal["ai", "human"] | None, Query(description="Only those of this owner.")] = None,
    search: Search = "",
    before: Before = None,
    limit: Limit = 50,
) -> Rows[views.ConversationLine]:
    with read_only(caller.workspace_id) as tx:
        found = views.conversation_list(tx, owner=owner, search=search, before=before, limit=limit)
    return page(found, limit, lambda line: line.cursor)


@router.get("/conversations/{conversation_id}", summary="One conversation")
def get_conversation(caller: Reader, conversation_id: UUID) -> views.ConversationDetail:
    with read_only(caller.workspace_id) as tx:
        found = views.conversation(tx, conversation_id)
    if found is None:
        raise not_found("conversation")
    return found


@router.get("/conversations/{conversation_id}/messages", summary="Messages of a conversation, oldest first")
def list_messages(
    caller: Reader,
    conversation_id: UUID,
    before: BeforeSeq = None,
    limit: Limit = 100,
) -> Rows[views.ThreadLine]:
    """The newest page first; `before` goes further back."""
    with read_only(caller.workspace_id) as tx:
        if views.conversation(tx, conversation_id) is None:
            raise not_found("conversation")
        found = views.thread(tx, conversation_id, before_seq=before, limit=limit)
    return page(found, limit, lambda _: found[0].seq)


@router.post("/send-message", status_code=202, summary="Write to the customer as a person")
def send_message(
    caller: Agent,
    body: SendMessageBody,
    idempotency_key: Annotated[Key | None, Header(description="The same key sends once.")] = None,
) -> SentMessage:
    if (body.text is None) == (body.template is None):
        raise Refusal(422, "invalid", "Send either a text or a template.", field="text")
    user = acting_member(caller.workspace_id, body.user, body.conversation_id)
    key = body.idempotency_key or idempotency_key
    # A key of another system never meets one that a page made.
    unique = f"api:{caller.key_id}:{key}" if key else str(uuid4())
    if body.template is None:
        message = actions.reply(caller.workspace_id, body.conversation_id, user, body.text or "", unique)
    else:
        chosen = template_with(caller.workspace_id, body.template.id, body.template.values)
        message = reply_with_template(caller.workspace_id, body.conversation_id, user, chosen, unique)
    caller.record("api.message_sent", f"conversation:{body.conversation_id}", user=user)
    return SentMessage(message_id=message)


@router.get("/templates", summary="Message templates of the connected Twilio accounts, the approved ones first")
def list_templates(caller: Reader) -> Rows[Template]:
    """What WhatsApp takes outside the 24 hours after a customer's message. Asked of Twilio once a minute at most."""
    found = [
        Template.model_validate(each.template, from_attributes=True)
        for each in message_templates.whatsapp(caller.workspace_id)
    ]
    return Rows(items=found, next=None)


@router.post("/conversations/{conversation_id}/take-over", summary="A person takes the pen; the AI is silent")
def take_over(caller: Agent, conversation_id: UUID, body: TakeOverBody | None = None) -> Done:
    user = acting_member(caller.workspace_id, body.user if body else None)
    actions.take_over(caller.workspace_id, conversation_id, user)
    caller.record("api.taken_over", f"conversation:{conversation_id}", user=user)
    return Done()


@router.post("/conversations/{conversation_id}/give-back", summary="The AI answers again")
def give_back(caller: Agent, conversation_id: UUID, body: GiveBackBody | None = None) -> Done:
    given = body or GiveBackBody()
    user = acting_member(caller.workspace_id, given.user) if given.user else None
    actions.give_back(caller.workspace_id, conversation_id, user, given.note)
    caller.record("api.given_back", f"conversation:{conversation_id}")
    return Done()


@router.post("/conversations/{conversation_id}/ai", summary="Switch the AI of a conversation on or off")
def switch_ai(caller: Agent, conversation_id: UUID, body: AiSwitchBody) -> Done:
    actions.set_ai(caller.workspace_id, conversation_id, None, body.enabled)
    caller.record("api.ai_switched", f"conversation:{conversation_id}", enabled=body.enabled)
    return Done()


@router.post("/conversations/{conversation_id}/read", summary="Nothing is unread any more")
def mark_read(caller: Agent, conversation_id: UUID) -> Done:
    actions.mark_read(caller.workspace_id, conversation_id)
    return Done()
