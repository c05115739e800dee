"""A front desk in one test process: the real intake, engine and delivery, driven by hand instead of by worker loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from db import automations, events, runs
from db.engine import rows, system, transaction
from db.secrets import seal
from flows.accounts import Accounts
from flows.delivery import Delivery
from flows.engine import Engine, Outcome
from flows.intake import Intake
from flows.observe import Execution
from flows.publish import publish
from flows.reconciliation import Reconciliation
from flows.requests import payload_of
from nodes.clients import registry as clients
from nodes.clients.channel import Request
from nodes.contract import ChatMessage, Completion, Embedder, LanguageModel
from tests.db.builders import a_connection, a_user, a_workspace
from tests.fakes.models import RememberingModel
from tests.fakes.twilio_twin import ACCOUNT_SID, AUTH_TOKEN, signed_sms

PUBLIC = "https://desk.example.com"


@dataclass
class FakeModel(RememberingModel):
    """A model that answers with `reply`."""

    reply: str = "We open at nine."
    raises: list[Exception] = field(default_factory=list)
    meanwhile: list[Callable[[], object]] = field(default_factory=list)  # what happens while it thinks

    def answer(self, messages: Sequence[ChatMessage]) -> Completion:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        if self.raises:
            raise self.raises.pop(0)
        return Completion(self.reply, self.name, 10, 5)


@dataclass
class FakeEmbedder:
    """Vectors that do not matter."""

    model: str = "fake-embedder"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[1.0] + [0.0] * 1535 for _ in texts]


@dataclass
class FakeModels:
    llm: LanguageModel | None = None
    embedder: Embedder = field(default_factory=FakeEmbedder)

    def of(self, workspace: UUID) -> tuple[LanguageModel | None, Embedder]:
        return self.llm, self.embedder

    def warm(self) -> None: ...


ANSWER = {
    "format": 1,
    "name": "Answer",
    "steps": [
        {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
        {"id": "gate", "node": "gate@1"},
        {
            "id": "reply",
            "node": "generate@1",
            "input": {"message": "message.text"},
            "when": [{"value": "gate.may_answer", "is": True}],
        },
        {
            "id": "send",
            "node": "send_message@1",
            "input": {"text": "reply.text"},
            "when": [{"value": "reply.answered", "is": True}],
        },
        {
            "id": "person",
            "node": "hand_off@1",
            "input": {"verdict": "reply.needs_person", "reason": "reply.reason"},
            "when": [{"value": "reply.needs_person", "is": True}],
        },
    ],
}


class Rig:
    """One workspace with a web chat and a Twilio number at a twin, and hands to move everything along."""

    def __init__(self, twilio_base_url: str = "http://127.0.0.1:9", model: LanguageModel | None = None) -> None:
        with system() as tx:
            self.workspace = a_workspace(tx)
            secrets = seal({"auth_token": AUTH_TOKEN})
            config = {"account_sid": ACCOUNT_SID, "from_number": "+15005550006", "base_url": twilio_base_url}
            self.twilio = a_connection(tx, self.workspace, "twilio", config=config, secrets=secrets, is_default=True)
            self.webchat = a_connection(tx, self.workspace, "webchat", secrets=seal({"visitor_key": "k" * 32}))
        self.owner = f"rig-{uuid4().hex[:6]}"
        self.model = model
        self.accounts = Accounts(
            clock=count(step=100).__next__
        )  # nothing is remembered: tests change connections at will
        self.intake = Intake(self.owner, self.accounts)
        self.engine = Engine(self.owner, FakeModels(model))
        self.delivery = Delivery(self.owner, 60, self.accounts)
        self.reconciliation = Reconciliation(self.accounts, 0)

    def publish(self, document: Mapping[str, Any] = ANSWER) -> UUID:
        with transaction(self.workspace) as tx:
            automation = automations.create(tx, self.workspace, document["name"], document)
        publish(self.workspace, automation, None)
        return automation

    def receive_sms(self, text: str, sender: str = "+14155550123", message_sid: str | None = None) -> bool:
        """Store a signed SMS as the door does; False = it was here already."""
        webhook = signed_sms(f"{PUBLIC}/webhook/twilio", text, sender=sender, message_sid=message_sid or "")
        headers = {name.lower(): value for name, value in webhook.headers.items()}
        return self.store(self.twilio, Request("POST", webhook.url, headers, webhook.body))

    def store(self, connection_id: UUID, request: Request) -> bool:
        with transaction(self.workspace) as tx:
            account = self.accounts.get(tx, connection_id).account
            keys = clients.listening(account.kind).keys(account, request)
            return events.store(
                tx,
                workspace=self.workspace,
                connection_id=connection_id,
                type=keys.type,
                dedupe_key=keys.dedupe_key,
                order_key=keys.order_key,
                payload=payload_of(request),
            )

    def take_in(self, *, together: bool = False) -> int:
        """Accept every due event, one by one or, as a busy worker does, several in one transaction."""
        done = 0
        while True:
            with system() as tx:
                claimed = events.claim(tx, self.owner, 60, 10)
            for batch in [claimed] if together and claimed else [[event] for event in claimed]:
                self.intake.accept(*batch)
            if not claimed:
                return done
            done += len(claimed)

    def claim_runs(self) -> list[runs.Run]:
        with system() as tx:
            return runs.claim(tx, self.owner, 60, 10)

    def execute(self) -> list[Outcome]:
        """Execute every due run."""
        outcomes: list[Outcome] = []
        while claimed := self.claim_runs():
            outcomes += [self.engine.execute(run, Execution(run.id)) for run in claimed]
        return outcomes

    def deliver(self) -> int:
        """Perform every due effect."""
        done = 0
        while claimed := self.delivery.claim(10):
            for ready in claimed:
                self.delivery.perform(ready)
            done += len(claimed)
        return done

    def settle(self) -> None:
        """Everything that is due, from the door to the provider."""
        self.take_in()
        self.execute()
        self.deliver()

    def query(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        with transaction(self.workspace) as tx:
            return [dict(row) for row in rows(tx, sql, **params)]

    def conversation(self) -> dict[str, Any]:
        [found] = self.query("SELECT * FROM conversations")
        return found

    def user(self, name: str = "Ana Silva") -> UUID:
        with system() as tx:
            return a_user(tx, self.workspace, name=name)
