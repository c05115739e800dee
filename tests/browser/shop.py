"""A small shop in the pages' database, with something of everything that the builder and the Runs page can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from db import connections, decisions
from db.decisions import Decision
from db.engine import run, system, transaction
from flows import backtest, drafts, editing
from flows.automation import Automation
from flows.publish import publish
from flows.templates import template
from nodes.contract import ChatMessage, Completion
from nodes.effects import AddNote, ChangeTags, CreateTask
from tests.browser.window import a_person
from tests.db.builders import (
    a_connection,
    a_contact,
    a_conversation,
    a_message,
    a_run,
    a_step,
    a_talk,
    a_workspace,
    an_event,
    an_outbox_row,
)
from tests.fakes.ghl_twin import GhlTwin
from tests.fakes.models import RememberingModel, verdict
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.effects_rig import PHONE, EffectsRig
from tests.flows.rig import FakeModels

SAID = (
    ("Mia Keller", "What does a cleaning cost?"),
    ("Jon Brandt", "Do you have time on Saturday morning?"),
    ("Sara Lindholm", "I want to talk to a person please"),
    ("Peter Ott", "What is the price of a new crown, and how long does it take until it is ready?"),
    ("Lea Moser", "Where can I park?"),
    ("Rita Gomez", "My tooth hurts since yesterday, can I come today?"),
    ("Tom Becker", "Is the price for children lower?"),
    ("Nina Falk", "Thanks, see you on Monday!"),
)
REMINDER = "Hello {{1}}, it is time for your next visit. Reply here and we find a time for you."
PASSAGES = [
    {"id": "1", "source": "Price list", "heading": "Cleaning", "text": "A cleaning with polish takes 45 minutes and costs 120 CHF.", "score": 0.83},
    {"id": "2", "source": "Questions", "heading": "How do I pay?", "text": "By card, in cash, or by invoice within 30 days.", "score": 0.61},
]  # fmt: skip


@dataclass
class Answerer(RememberingModel):
    """Answers by the tone that the draft asks for, so that a changed tone is a changed answer; once in a while it has none."""

    def answer(self, messages: Sequence[ChatMessage]) -> Completion:
        is_warm = any("warm" in each.content for each in messages if each.role == "system")
        text = "Gladly! A cleaning costs 120 CHF and takes 45 minutes. Shall I look for a time for you?"
        lost = is_warm and "tooth" in messages[-1].content
        return Completion(verdict("" if lost else text if is_warm else "120 CHF."), self.name, 412, 38, 0.0004)


class Shop(EffectsRig):
    """`front` is live with two versions and a changed draft, `quick` asks no model, `unfinished` has problems, and a run of
    `offers` waits for an approval. Beside it is a workspace in which nothing happened yet, with the builder `newcomer`."""

    def __init__(self, twin: GhlTwin, model_url: str, twilio: TwilioTwin) -> None:
        super().__init__(twin)
        twilio.add_template("next_visit", REMINDER, variables={"1": "Lea"})
        for tag in ("lead", "vip", "price question"):
            twin.tag_list.append({"id": tag, "name": tag, "locationId": twin.location_id})
        twin.add_contact(firstName="Nora", lastName="Quill", phone=PHONE, tags=["lead"])
        self.people = {
            "admin": a_person(self.workspace, "admin", "Eva Roth", "admin"),
            "builder": a_person(self.workspace, "builder", "Ana Silva", "builder"),
            "viewer": a_person(self.workspace, "viewer", "Vic Lund", "viewer"),
        }
        self._beside()
        with transaction(self.workspace) as tx:
            connections.create(tx, self.workspace, "llm", "Model", {"base_url": model_url, "model": "twin-chat"}, {"api_key": "sk-twin"}, True)  # fmt: skip
            self.talks = [self._talk(tx, number, *said) for number, said in enumerate(SAID)]
        self.front = self._front()
        self.unfinished = self._unfinished()
        self.offers = self._published("approved_answer")
        self.quick = self._quick()
        self._published("after_hours")
        self.compared = self._compare()
        self._failed()
        self._waits()
        self.answered = self._answered()
        self._did_nothing()
        self._called()
        self.closed = self._closed(twilio)
        self.put_in_line(
            ChangeTags(add=("vip",), remove=("lead",)), CreateTask(title="Call back", due_at=datetime.now(UTC) + timedelta(days=1)), AddNote(body="Likes the mornings.")
        )  # fmt: skip
        self.deliver_until_settled()

    def _talk(self, tx: Any, number: int, name: str, text: str) -> UUID:
        at = datetime.now(UTC) - timedelta(hours=5 + 14 * number)
        return a_talk(tx, self.workspace, self.webchat, text, name=name, at=at)

    def _published(self, key: str) -> UUID:
        found = template(key)
        made = drafts.create(self.workspace, self.people["builder"], name=found.title, document=found.document)
        publish(self.workspace, made, self.people["builder"], "The first one")
        return made

    def _front(self) -> UUID:
        made = self._published("front_desk")
        reply = next(step.id for step in self.document(made).steps if step.node == "generate@1")
        self.edit(made, lambda doc: editing.set_config(doc, reply, "tone", "brief"))
        publish(self.workspace, made, self.people["admin"], "Shorter answers")
        self.edit(made, lambda doc: editing.set_config(doc, reply, "tone", "warm and brief"))
        return made

    def _quick(self) -> UUID:
        document = Automation(name="Thanks for writing", description="Says that somebody reads it, and tells the team.")
        for node in ("message_received@1", "send_message@1", "tag@1"):
            document, made = editing.add_step(document, node, after=None)
            if node == "send_message@1":
                document = editing.set_config(document, made, "text", "Thank you, {{message.contact_name}}. We read it at once.")  # fmt: skip
        document = editing.set_config(document, made, "add", ["lead"])
        return drafts.create(self.workspace, self.people["builder"], name=document.name, document=document)

    def _unfinished(self) -> UUID:
        document = Automation(name="Price questions", description="Marks who asks for a price, and tells the team.")
        for node in ("message_received@1", "condition@1", "tag@1", "send_message@1", "notify@1"):
            document, made = editing.add_step(document, node, after=None)
        document = editing.set_config(document, made, "text", "{{message.contact_name}} asks for a price.")
        return drafts.create(self.workspace, self.people["builder"], name=document.name, document=document)

    def document(self, automation: UUID) -> Automation:
        return drafts.load(self.workspace, automation).document

    def edit(self, automation: UUID, change: Any, *, by: UUID | None = None) -> None:
        draft = drafts.load(self.workspace, automation)
        drafts.save(self.workspace, by or self.people["builder"], automation, change(draft.document), draft.revision)

    def _compare(self) -> UUID:
        id = backtest.start(self.workspace, self.people["builder"], self.front, conversations=20)
        backtest.work(id, models=FakeModels(Answerer()))
        return id

    def half_done(self) -> None:
        """A second comparison is under way."""
        backtest.start(self.workspace, self.people["builder"], self.front, days=7)
        self.query("UPDATE backtests SET state = 'working', found = 37, compared = 14, lease_owner = 'a worker', lease_until = now() + interval '1 hour' WHERE state = 'pending' RETURNING id")  # fmt: skip

    def _called(self) -> None:
        """The run whose changes in the CRM can be undone; the oldest of all."""
        at = datetime.now(UTC) - timedelta(hours=3)
        with transaction(self.workspace) as tx:
            run(tx, "UPDATE automations SET name = 'After a call', description = 'Keeps what was agreed on the phone.' WHERE id = %(id)s", id=self.automation)  # fmt: skip
            run(tx, "UPDATE runs SET created_at = %(at)s, started_at = %(at)s, finished_at = %(end)s, outcome = 'Kept in the CRM.' WHERE id = %(id)s",
                at=at, end=at + timedelta(seconds=0.8), id=self.run)  # fmt: skip
            a_step(tx, self.workspace, self.run, "message", node="message_received@1", duration_ms=4)
            run(tx, "UPDATE conversations SET last_message_at = %(at)s, last_message_preview = 'Thanks for the call!' WHERE id = %(id)s", at=at, id=self.thread)  # fmt: skip
            run(tx, "UPDATE connections SET name = 'Web chat' WHERE id = %(id)s", id=self.webchat)

    def _closed(self, twilio: TwilioTwin) -> UUID:
        """A conversation over WhatsApp in which free text is not taken any more."""
        at = datetime.now(UTC) - timedelta(hours=30)
        with transaction(self.workspace) as tx:
            run(tx, "UPDATE connections SET name = 'WhatsApp', config = config || %(at)s WHERE id = %(id)s", at={"base_url": twilio.base_url}, id=self.twilio)  # fmt: skip
            ida = a_contact(tx, self.workspace, name="Ida Brunner", phone="+14155550188")
            told = {"last_inbound_at": at, "last_message_at": at, "last_message_preview": "When is my next visit?"}
            made = a_conversation(tx, self.workspace, ida, self.twilio, channel="whatsapp", address="+14155550188", **told)  # fmt: skip
            a_message(tx, self.workspace, made, "When is my next visit?", created_at=at)
        return made

    @staticmethod
    def _beside() -> None:
        with system() as tx:
            empty = a_workspace(tx, name="Corner Bakery")
            a_connection(tx, empty, name="Web chat")
        a_person(empty, "newcomer", "Noa Berg", "builder")

    def _answered(self) -> UUID:
        """A run with all that it keeps."""
        with transaction(self.workspace) as tx:
            done = self._run(tx, 0, "done", "Answered, and no person was needed.")
            for position, step in enumerate(self.document(self.front).steps):
                a_step(tx, self.workspace, done, step.id, position, node=step.node, **self._journal(step.node, step.id))
            an_outbox_row(tx, self.workspace, self.talks[0], run_id=done, state="done", effect={"kind": "send_message", "text": "A cleaning costs 120 CHF.", "media": [], "explanation": {}})  # fmt: skip
        return done

    def _failed(self) -> None:
        with transaction(self.workspace) as tx:
            for number in (3, 1):  # the older one first, as it would be
                failed = self._run(tx, number, "failed", "Step 'AI answer' failed: the model did not answer in time.")
                for position, step in enumerate(self.document(self.front).steps[:7]):
                    a_step(tx, self.workspace, failed, step.id, position, node=step.node, **self._failing(step.node))

    def _run(self, tx: Any, talk: int, state: str, outcome: str) -> UUID:
        [found] = self.query("SELECT contact_id, (SELECT max(seq) FROM messages WHERE conversation_id = c.id) AS seq FROM conversations c WHERE id = %(id)s", id=self.talks[talk])  # fmt: skip
        began = datetime.now(UTC) - timedelta(minutes=7 + 31 * talk)
        return a_run(
            tx, self.workspace, self.front, self.talks[talk], state=state, outcome=outcome, contact_id=found["contact_id"],
            first_seq=found["seq"], last_seq=found["seq"], created_at=began, started_at=began,
            finished_at=began + timedelta(seconds=2.4),
        )  # fmt: skip

    @staticmethod
    def _journal(node: str, id: str) -> dict[str, Any]:
        match node:
            case "retrieve@1":
                return {"output": {"passages": PASSAGES}, "duration_ms": 38}
            case "generate@1":
                asked = [{"role": "system", "content": "You answer for a dentist. Use only these passages."}, {"role": "user", "content": "What does a cleaning cost?"}]  # fmt: skip
                detail = {"model": "twin-chat", "tokens_in": 412, "tokens_out": 38, "cost_usd": 0.0004, "messages": asked, "answer": "A cleaning costs 120 CHF."}  # fmt: skip
                return {"output": {"text": "A cleaning costs 120 CHF.", "answered": True}, "detail": detail, "duration_ms": 1800}  # fmt: skip
            case "hand_off@1" if id == "person":
                return {"state": "skipped", "note": "Only if reply.needs_person is yes."}
            case "hand_off@1":
                return {"output": {"requested": False}, "duration_ms": 3}
            case _:
                return {"output": {"text": "What does a cleaning cost?"}, "duration_ms": 4}

    @staticmethod
    def _failing(node: str) -> dict[str, Any]:
        if node != "generate@1":
            return {"duration_ms": 5}
        return {"state": "failed", "attempts": 3, "note": "The model did not answer in time.", "duration_ms": 60_000}  # fmt: skip

    def _waits(self) -> None:
        """A text that waits for a person's yes."""
        step = next(step for step in self.document(self.offers).steps if step.node == "approve@1")
        now = datetime.now(UTC)
        text = "Good morning Tom, for children a cleaning costs 80 CHF. Shall I book a first look on Tuesday at nine?"
        memory = {
            "text": text,
            "title": "Answer to a price question",
            "asked_at": (now - timedelta(minutes=9)).isoformat(),
        }
        detail = {
            "until": (now + timedelta(hours=2)).isoformat(),
            "wakes_on": ["approval"],
            "pauses": 1,
            "memory": memory,
        }
        with transaction(self.workspace) as tx:
            [found] = self.query("SELECT contact_id FROM conversations WHERE id = %(id)s", id=self.talks[6])
            began = now - timedelta(minutes=9)
            waits = a_run(tx, self.workspace, self.offers, self.talks[6], state="waiting", created_at=began, started_at=began, finished_at=None, contact_id=found["contact_id"])  # fmt: skip
            a_step(tx, self.workspace, waits, step.id, 1, node="approve@1", state="waiting", detail=detail)
            run(tx, "UPDATE runs SET waiting_for = '{approval}', due_at = now() + interval '2 hours' WHERE id = %(id)s", id=waits)  # fmt: skip

    def _did_nothing(self) -> None:
        """A message that no automation took, and an arrival that could not be read."""
        with transaction(self.workspace) as tx:
            event = an_event(tx, self.workspace, self.webchat, state="done")
            an_event(tx, self.workspace, self.webchat, state="parked", attempts=3, note="The body is not JSON.")
            [said] = self.query("SELECT id FROM messages WHERE conversation_id = %(id)s", id=self.talks[2])
            why = {self.front: "A person has this conversation.", self.offers: "It starts only when a message asks for a price."}  # fmt: skip
            decisions.write(
                tx, self.workspace, [Decision(event, said["id"], each, reason) for each, reason in why.items()]
            )
