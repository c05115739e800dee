"""In whose name a key acts: a colleague that the call names, or one who can answer for it."""

from __future__ import annotations

from uuid import UUID

from db import conversations, users
from db.engine import read_only
from db.records import Member
from db.roles import may
from webhook_server.errors import Refusal


def acting_member(workspace: UUID, named: str | None, conversation_id: UUID | None = None) -> UUID:
    """The member that the call names; without a name the conversation's assignee, else an admin. Raises Refusal 422."""
    with read_only(workspace) as tx:
        members = users.members(tx)
        conversation = conversations.get(tx, conversation_id) if conversation_id else None
    if named:
        return _named(members, named)
    if conversation and conversation.assignee_id:
        return conversation.assignee_id
    admins = [member for member in members if member.role == "admin"]
    if not admins:
        raise Refusal(
            422, "user_missing", "Say who acts: give a member's id or e-mail address in 'user'.", field="user"
        )
    return admins[0].user.id


def _named(members: list[Member], named: str) -> UUID:
    wanted = named.strip().lower()
    for member in members:
        if wanted in (str(member.user.id), member.user.email):
            if not may(member.role, "reply"):
                text = (
                    f"{member.user.name} is a viewer and cannot answer customers. Name a colleague with a higher role."
                )
                raise Refusal(422, "user_role", text, field="user")
            return member.user.id
    raise Refusal(422, "user_unknown", "user: no member has this id or e-mail address.", field="user")
