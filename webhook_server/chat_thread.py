"""What a visitor may see of their own conversation: delivered messages, and who is at the other end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db.engine import Row, one, read_only, rows
from nodes.clients.channel import Account

MOST_MESSAGES = 100

# the conversation, whether an automatic answer is in the making, and the name of the person who holds the pen
_CONVERSATION = """
SELECT c.id, c.owner, coalesce(u.name, '') AS person,
       c.owner = 'ai' AND (
           EXISTS (SELECT FROM runs r WHERE r.conversation_id = c.id AND r.state IN ('pending', 'running'))
           OR EXISTS (SELECT FROM outbox o WHERE o.conversation_id = c.id AND o.state IN ('pending', 'sending'))) AS working
FROM conversations c LEFT JOIN users u ON u.id = c.assignee_id
WHERE c.connection_id = %(connection)s AND c.channel = 'webchat' AND c.address = %(visitor)s
"""

# the newest messages after a seq; what has not left yet may still be cancelled, so the visitor does not see it
_MESSAGES = """
SELECT m.id, m.seq, m.direction, m.author, coalesce(u.name, '') AS author_name, m.content, m.media, m.metadata, m.state,
       m.provider_message_id, m.created_at
FROM messages m LEFT JOIN users u ON u.id = m.author_user_id
WHERE m.conversation_id = %(conversation)s AND m.seq > %(after)s
  AND (m.direction = 'in' OR (m.direction = 'out' AND m.state IN ('sent', 'delivered', 'read')))
ORDER BY m.seq DESC LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Thread:
    """A visitor's conversation as their window shows it. `conversation_id` None = nothing has arrived yet."""

    conversation_id: UUID | None
    messages: tuple[dict[str, Any], ...] = ()
    typing: bool = False
    owner: str = "ai"
    person: str = ""

    def status(self) -> dict[str, Any]:
        return {"typing": self.typing, "owner": self.owner, "person": self.person}


def read_thread(account: Account, visitor: str, after: int = 0) -> Thread:
    """The visitor's thread, oldest message first."""
    with read_only(account.workspace_id) as tx:
        found = one(tx, _CONVERSATION, connection=account.id, visitor=visitor)
        if found is None:
            return Thread(None)
        newest = rows(tx, _MESSAGES, conversation=found["id"], after=after, limit=MOST_MESSAGES)
    return Thread(
        found["id"], tuple(map(_message, reversed(newest))), bool(found["working"]), found["owner"], found["person"]
    )


def _message(row: Row) -> dict[str, Any]:
    inbound = row["direction"] == "in"
    return {
        "id": str(row["id"]),
        "client_id": str(row["provider_message_id"] or "").rpartition(":")[2] if inbound else "",
        "seq": row["seq"],
        "from": "visitor" if inbound else {"human": "person"}.get(row["author"], "automatic"),
        "name": row["author_name"],
        "text": row["content"],
        "media": [_file(item) for item in row["media"] if isinstance(item, dict)],
        "at": row["created_at"].isoformat(),
        "state": row["state"],
        "quoted": _is_quoted(row["metadata"]),
    }


def _file(item: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(item.get(name) or "") for name in ("url", "name", "content_type")}


def _is_quoted(metadata: Mapping[str, Any]) -> bool:
    """Whether the built-in answerer quoted the documents, because no model is connected."""
    explanation = metadata.get("explanation")
    return bool(metadata.get("quoted") or (isinstance(explanation, dict) and explanation.get("quoted")))
