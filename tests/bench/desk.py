"""A workspace with a Twilio number at the twin, a model at the twin, and one published automation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db import automations, connections, workspaces
from db.engine import system, transaction
from flows.publish import publish
from tests.fakes.twilio_twin import ACCOUNT_SID, AUTH_TOKEN, OUR_NUMBER

PLAIN = {
    "format": 1,
    "name": "Plain answer",
    "description": "The shortest automation that answers with a model.",
    "steps": [
        {"id": "message", "node": "message_received@1", "title": "A customer writes"},
        {"id": "gate", "node": "gate@1", "title": "May the AI answer?"},
        {
            "id": "memory",
            "node": "recall@1",
            "title": "What was said before",
            "when": [{"value": "gate.may_answer", "is": True}],
        },
        {
            "id": "reply",
            "node": "generate@1",
            "title": "Write the answer",
            "input": {"message": "message.text", "history": "memory.history"},
            "when": [{"value": "gate.may_answer", "is": True}],
        },
        {
            "id": "send",
            "node": "send_message@1",
            "title": "Send the answer",
            "input": {"text": "reply.text"},
            "when": [{"value": "reply.answered", "is": True}],
        },
    ],
}


@dataclass(frozen=True)
class Desk:
    """Where to write to. `webhook` is the address that Twilio calls."""

    workspace: UUID
    webhook: str


def make_desk(document: Mapping[str, Any], public_url: str, twilio_url: str, model_url: str) -> Desk:
    """Make all of it in the database of this process."""
    with system() as tx:
        workspace = workspaces.create(tx, "Bench", f"bench-{time.monotonic_ns()}").id
    with transaction(workspace) as tx:
        config = {
            "account_sid": ACCOUNT_SID,
            "from_number": OUR_NUMBER,
            "base_url": twilio_url,
            "validate_url": public_url,
        }
        twilio = connections.create(tx, workspace, "twilio", "Twin", config, {"auth_token": AUTH_TOKEN}, True)
        llm = {"base_url": model_url, "model": "twin-chat", "provider": "compatible"}
        connections.create(tx, workspace, "llm", "Twin", llm, {"api_key": "sk-twin"}, True)
        automation = automations.create(tx, workspace, document["name"], document)
    publish(workspace, automation, None)
    return Desk(workspace, f"{public_url}/webhook/twilio/{twilio.id}")
