"""A workspace whose CRM is a twin, with one contact, one conversation and effects put in line as a run would."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from db import outbox
from db.engine import run, system, transaction
from db.secrets import seal
from flows import crm
from nodes.effects import Effect
from tests.db.builders import a_connection, a_contact, a_conversation, a_run, an_automation
from tests.fakes.ghl_twin import GhlTwin
from tests.flows.rig import FakeModel, Rig

PHONE = "+14155550123"


class EffectsRig(Rig):
    """`contact` is known here by phone and not yet linked to the twin's."""

    def __init__(self, twin: GhlTwin | None, **contact: Any) -> None:
        super().__init__(model=FakeModel())
        self.twin = twin
        if twin is not None:
            self.connect(twin)
        with transaction(self.workspace) as tx:
            facts = {"name": "Nora Quill", "phone": PHONE} | contact
            self.contact = a_contact(tx, self.workspace, **facts)
            self.thread = a_conversation(tx, self.workspace, self.contact, self.webchat)
            steps = [{"id": "message", "node": "message_received@1", "config": {"channels": ["email"]}}]
            document = {"format": 1, "name": "Earlier", "steps": steps}
            self.automation = an_automation(tx, self.workspace, document)
            self.run = self.new_run(tx)

    def connect(self, twin: GhlTwin) -> None:
        config = {"location_id": twin.location_id, "base_url": twin.base_url, "auth": "token", "timezone": twin.timezone,
                  "country": "US", "sync_messages": False, "timeout_seconds": 5}  # fmt: skip
        with transaction(self.workspace) as tx:
            secrets = seal({"token": twin.token})
            self.ghl = a_connection(tx, self.workspace, "ghl", config=config, secrets=secrets, is_default=True)
        crm.forget(self.workspace)

    def new_run(self, tx: Any) -> UUID:
        return a_run(tx, self.workspace, self.automation, self.thread, contact_id=self.contact)

    def put_in_line(self, *effects: Effect, run_id: UUID | None = None) -> list[UUID]:
        """Effects of the run, in order; returns their ids."""
        keys = [f"{run_id or self.run}:step:{uuid4().hex}" for _ in effects]
        with transaction(self.workspace) as tx:
            for key, effect in zip(keys, effects, strict=True):
                outbox.add(
                    tx,
                    workspace=self.workspace,
                    idempotency_key=key,
                    order_key=f"crm:{self.contact}",
                    effect=effect.model_dump(mode="json"),
                    author="system",
                    conversation_id=self.thread,
                    run_id=run_id or self.run,
                )
        found = self.query("SELECT id, idempotency_key FROM outbox WHERE idempotency_key = ANY(%(keys)s)", keys=keys)
        by_key = {each["idempotency_key"]: each["id"] for each in found}
        return [by_key[key] for key in keys]

    def effect(self, id: UUID) -> dict[str, Any]:
        [found] = self.query("SELECT * FROM outbox WHERE id = %(id)s", id=id)
        return found

    def due_now(self) -> None:
        with system() as tx:
            run(tx, "UPDATE outbox SET due_at = now() WHERE state = 'pending'")

    def deliver_until_settled(self, rounds: int = 8) -> None:
        """Perform what waits, as if every pause were over."""
        for _ in range(rounds):
            self.due_now()
            if not self.deliver():
                return

    def person(self) -> dict[str, Any]:
        [found] = self.query("SELECT * FROM contacts WHERE id = %(id)s", id=self.contact)
        return found

    def said(self) -> list[str]:
        """What went out or waits to go out to the customer."""
        found = self.query("SELECT content FROM messages WHERE direction = 'out' AND state <> 'cancelled' ORDER BY seq")
        return [each["content"] for each in found]

    def notes(self) -> list[str]:
        return [each["content"] for each in self.query("SELECT content FROM messages WHERE direction = 'note'")]
