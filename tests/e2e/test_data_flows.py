"""The five data flows of the product, each from one end to the other through the running product.

Everything runs as `frontdesk up` starts it: webhook server, workers, schedules, pages, Prefect, Postgres. The other ends are
strict twins on loopback: Twilio (WhatsApp), GoHighLevel, a language model, a mail server.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest

from db import api_keys, connections
from db.engine import rows, system, transaction
from db.live import LIVE, Listener
from tests.bench.stack import Stack
from tests.db.builders import a_user
from tests.fakes.ghl_twin import APP_ID, CLIENT_ID, CLIENT_SECRET, COMPANY_ID, GhlTwin
from tests.fakes.openai_twin import OpenAITwin
from tests.fakes.smtp_twin import SmtpTwin
from tests.fakes.twilio_twin import TwilioTwin, signed_whatsapp
from tests.ports import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("data_flows")]  # one stack for all of them

PROVIDER = "prov0Twin0Provider00"
SECONDS = 120
KNOWS = [{"value": "gate.may_answer", "is": True}, {"value": "wish.requested", "is": False}]
FRONT_DESK = {
    "format": 1,
    "name": "Front desk",
    "steps": [
        {"id": "message", "node": "message_received@1"},
        {"id": "gate", "node": "gate@1"},
        {"id": "wish", "node": "hand_off@1", "when": [{"value": "gate.may_answer", "is": True}]},
        {"id": "who", "node": "lookup_contact@1", "when": KNOWS},
        {"id": "memory", "node": "recall@1", "when": KNOWS},
        {"id": "documents", "node": "retrieve@1", "input": {"message": "message.text"}, "when": KNOWS},
        {
            "id": "reply",
            "node": "generate@1",
            "input": {
                "message": "message.text",
                "history": "memory.history",
                "memory": "memory.facts",
                "passages": "documents.passages",
                "facts": "who.facts",
            },
            "when": KNOWS,
        },
        {
            "id": "send",
            "node": "send_message@1",
            "input": {"text": "reply.text"},
            "when": [{"value": "reply.answered", "is": True}],
        },
        {
            "id": "act",
            "node": "act@1",
            "config": {"allowed": ["tag", "task"]},
            "input": {"message": "message.text", "facts": "who.facts", "reply": "reply.text"},
            "when": [{"value": "reply.answered", "is": True}],
        },
    ],
}


def answer(body: Mapping[str, Any]) -> str:
    """The model: answers, and proposes a task and a tag to whoever asks for an implant."""
    text = str(body["messages"])
    if '"actions"' in json.dumps(body.get("response_format", "")) or "actions" in text[:4000] and "action" in text:
        wanted = "implant" in str(body["messages"][-1]["content"]).lower()
        actions = [
            {"action": "task", "title": "Call about the implant", "text": ""},
            {"action": "tag", "tag": "implant"},
        ]
        return json.dumps({"actions": actions if wanted else []})
    return json.dumps({"reply": "Of course, see you soon.", "needs_person": False, "reason": "", "used_passages": []})


class Practice:
    """The workspace of a dental practice in the running product, and everybody around it."""

    def __init__(self, stack: Stack, twilio: TwilioTwin, ghl: GhlTwin, model: OpenAITwin, mail: SmtpTwin) -> None:
        self.stack, self.twilio, self.ghl, self.model, self.mail = stack, twilio, ghl, model, mail
        stack.twilio.base_url, stack.model.base_url = twilio.base_url, model.base_url
        self.desk = stack.desk(FRONT_DESK)
        self.workspace = self.desk.workspace
        ghl.providers[PROVIDER] = APP_ID
        pair = ghl.issue()
        secrets = {"access_token": pair["access_token"], "refresh_token": pair["refresh_token"]}
        config = {
            "auth": "oauth", "location_id": ghl.location_id, "base_url": ghl.base_url, "provider_id": PROVIDER,
            "client_id": CLIENT_ID, "company_id": COMPANY_ID, "app_id": APP_ID, "country": "US",
        }  # fmt: skip
        secrets |= {"client_secret": CLIENT_SECRET, "expires_at": "2100-01-01T00:00:00+00:00"}
        with transaction(self.workspace) as tx:
            connections.create(tx, self.workspace, "ghl", "GoHighLevel", config, secrets, True)
            connections.create(
                tx, self.workspace, "email_smtp", "Mail", {}, {"url": f"{mail.url}?from=desk@example.com"}, True
            )
        with system() as tx:
            self.ana = a_user(tx, self.workspace, email="ana@practice.test")
            key = api_keys.make(tx, self.workspace, "tests", "admin")
        self.rest = httpx.Client(base_url=stack.public_url, headers={"X-API-Key": key}, timeout=20, trust_env=False)

    def whatsapp(self, text: str, sender: str) -> None:
        webhook = signed_whatsapp(self.desk.webhook, text, sender=sender)
        httpx.post(webhook.url, content=webhook.body, headers=webhook.headers, trust_env=False).raise_for_status()

    def post(self, path: str, **body: Any) -> Any:
        answered = self.rest.post(path, json=body)
        assert answered.is_success, answered.text
        return answered.json()

    def told_by_ghl(self) -> None:
        """GHL posts its events, and hands messages to the conversation provider."""
        self.ghl.post_events(f"{self.stack.public_url}/webhook/ghl")
        self.ghl.post_deliveries(f"{self.stack.public_url}/webhook/ghl/outgoing")

    def sent_to(self, phone: str) -> list[str]:
        return [sent.body for sent in self.twilio.sent if sent.to.removeprefix("whatsapp:") == phone]

    def there(self, phone: str) -> dict[str, Any]:
        """The contact in GHL."""
        return next((each for each in self.ghl.contacts.values() if each.get("phone") == phone), {})

    def thread_there(self, phone: str) -> list[tuple[str, str]]:
        id = self.there(phone).get("id")
        return [(each["direction"], each["body"]) for each in list(self.ghl.message_list) if each["contactId"] == id]

    def query(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        with transaction(self.workspace) as tx:
            return [dict(row) for row in rows(tx, sql, **values)]

    def conversation(self, phone: str) -> dict[str, Any]:
        [found] = self.query("SELECT * FROM conversations WHERE address = %(phone)s", phone=phone)
        return found

    def prompts(self, words: str) -> list[str]:
        """What the model was asked, where it holds these words."""
        texts = ["\n".join(str(each["content"]) for each in body["messages"]) for body in list(self.model.chats)]
        return [text for text in texts if words in text]


@pytest.fixture(scope="module")
def practice() -> Iterator[Practice]:
    kept = dict(os.environ)
    with TwilioTwin() as twilio, GhlTwin() as ghl, OpenAITwin() as model, SmtpTwin() as mail:
        model.reply = answer
        with Stack({"GHL_PUBLIC_KEY": ghl.signer.public_key, "FRONTDESK_WORKERS": "1"}) as stack:
            yield Practice(stack, twilio, ghl, model, mail)
    os.environ.clear()
    os.environ.update(kept)


def test_1_a_whatsapp_message_is_answered_and_both_stand_in_the_crm(practice: Practice) -> None:
    phone, heard = "+14155550101", []
    listener = Listener([LIVE], lambda channel, notice: heard.append(notice))
    listener.start()
    listener.connected.wait(10)
    practice.whatsapp("Are you open tomorrow?", phone)
    until(lambda: practice.sent_to(phone) == ["Of course, see you soon."], SECONDS, "the customer is answered")
    expected = [("inbound", "Are you open tomorrow?"), ("outbound", "Of course, see you soon.")]
    until(lambda: practice.thread_there(phone) == expected, SECONDS, "GHL shows both messages")
    assert practice.there(phone)["firstName"] == "Dana"
    [kept] = practice.query("SELECT state, author FROM messages WHERE direction = 'out'")
    assert kept == {"state": "sent", "author": "ai"}
    conversation = str(practice.conversation(phone)["id"])
    listener.stop()
    shown = [json.loads(notice) for notice in heard if conversation in notice]
    assert sum(notice["topic"] == "message" for notice in shown) >= 2  # open pages were told of both
    practice.told_by_ghl()  # nothing comes back as a message
    until(lambda: practice.query("SELECT FROM events_queue WHERE state NOT IN ('done', 'ignored')") == [], SECONDS)
    assert len(practice.query("SELECT FROM messages")) == 2
    assert practice.ghl.refused == []


def test_2_what_a_colleague_types_in_the_crm_reaches_whatsapp_and_its_fate_goes_back(practice: Practice) -> None:
    phone = "+14155550102"
    practice.whatsapp("Hello", phone)
    until(lambda: len(practice.thread_there(phone)) == 2, SECONDS, "the conversation stands in GHL")
    typed = practice.ghl.type_message(practice.there(phone)["id"], "Ana here, how can I help?", provider=PROVIDER)
    practice.ghl.status_race = 1
    again = dict(practice.ghl.deliveries[0])
    practice.told_by_ghl()
    practice.ghl.post_event(f"{practice.stack.public_url}/webhook/ghl/outgoing", again)  # GHL delivers again
    until(lambda: "Ana here, how can I help?" in practice.sent_to(phone), SECONDS, "it was sent by WhatsApp")
    assert practice.conversation(phone)["owner"] == "human"
    [sent] = [each for each in practice.twilio.sent if each.body == "Ana here, how can I help?"]
    assert sent.to == f"whatsapp:{phone}"
    until(
        lambda: practice.query("SELECT FROM messages WHERE provider_message_id = %(sid)s", sid=sent.sid) != [], SECONDS
    )
    practice.twilio.report(sent.sid, "delivered")
    reported = [(typed["id"], "delivered")]
    until(
        lambda: [(id, body["status"]) for id, body in practice.ghl.status_reports] == reported, SECONDS, "GHL knows it"
    )
    copies = [each for each in practice.ghl.message_list if each["body"] == typed["body"]]
    assert len(copies) == 1  # and it was not copied back


def test_3_the_answer_is_made_of_crm_documents_and_history_and_proposed_actions_are_done(practice: Practice) -> None:
    phone = "+14155550103"
    practice.post(
        "/api/ai/train/text", name="Prices", text="# Implants\n\nA titanium implant costs $1900 with the crown."
    )
    until(
        lambda: practice.query("SELECT FROM ai_embeddings WHERE text LIKE '%%1900%%'") != [], SECONDS, "it is learned"
    )
    person = practice.ghl.add_contact(phone=phone, firstName="Ben", tags=["patient"])
    practice.ghl.add_opportunity(person["id"], 1, name="Upper jaw")
    practice.whatsapp("I was with you in May.", phone)
    until(lambda: len(practice.sent_to(phone)) == 1, SECONDS)
    practice.whatsapp("What does a titanium implant cost?", phone)
    until(lambda: len(practice.sent_to(phone)) == 2, SECONDS, "the second answer")
    prompt = next(text for text in practice.prompts("What does a titanium implant cost?") if "1900" in text)
    assert "patient" in prompt and "Upper jaw (Patients / Booked)" in prompt  # what the CRM knows
    assert "I was with you in May." in prompt  # what was said before
    until(lambda: "implant" in practice.there(phone)["tags"], SECONDS, "the tag is there")
    until(lambda: bool(practice.ghl.task_lists.get(person["id"])), SECONDS, "the task is there")
    assert [task["title"] for task in practice.ghl.task_lists[person["id"]]] == ["Call about the implant"]


def test_4_training_material_becomes_passages_with_vectors_that_are_found(practice: Practice) -> None:
    text = "# Parking\n\n" + "There are twelve free parking spaces behind the house, reached from Mill Lane. " * 30
    accepted = practice.post("/api/ai/train/text", name="Arriving", text=text)

    def source() -> dict[str, Any]:
        found: dict[str, Any] = practice.rest.get(f"/api/ai/sources/{accepted['source_id']}").json()
        return found

    until(lambda: source()["source"]["status"] == "ready", SECONDS, "the text is read")
    kept = practice.query(
        "SELECT heading, length(text) AS size, embedding IS NOT NULL AS embedded FROM ai_embeddings WHERE source_id = %(id)s",
        id=UUID(accepted["source_id"]),
    )
    assert len(kept) >= 2 and all(row["embedded"] and row["size"] <= 1100 for row in kept)
    phone = "+14155550104"
    practice.whatsapp("Where can I leave my car, is there parking behind the house?", phone)
    until(lambda: len(practice.sent_to(phone)) == 1, SECONDS)
    assert any("Mill Lane" in prompt for prompt in practice.prompts("Where can I leave my car"))


def test_5_a_wish_for_a_person_reaches_the_agents_and_comes_back_to_the_ai(practice: Practice) -> None:
    phone = "+14155550105"
    practice.whatsapp("I want to speak to a person please", phone)
    until(
        lambda: practice.rest.get("/api/handoffs").json()["items"] != [], SECONDS, "the request for a person is there"
    )
    [handoff] = practice.rest.get("/api/handoffs").json()["items"]
    until(lambda: practice.mail.mails != [], SECONDS, "the agents got a mail")
    assert practice.conversation(phone)["owner"] == "human"
    until(lambda: not practice.query(_ON_ITS_WAY, phone=phone), SECONDS, "the last words of the AI have left")
    said = len(practice.sent_to(phone))
    practice.whatsapp("Hello?", phone)
    practice.post("/api/handoff/assign", handoff_id=handoff["id"], user="ana@practice.test")
    conversation = str(practice.conversation(phone)["id"])
    practice.post("/api/send-message", conversation_id=conversation, text="Ana here, hello!", user="ana@practice.test")
    until(lambda: practice.sent_to(phone)[said:] == ["Ana here, hello!"], SECONDS, "only the person answers")
    until(lambda: ("outbound", "Ana here, hello!") in practice.thread_there(phone), SECONDS, "GHL shows the reply")
    practice.post("/api/handoff/resolve", handoff_id=handoff["id"], resolution="Settled.")
    practice.whatsapp("Thank you, when do you open?", phone)
    until(lambda: practice.sent_to(phone)[said + 1 :] == ["Of course, see you soon."], SECONDS, "the AI answers again")


_ON_ITS_WAY = """
    SELECT FROM conversations c WHERE c.address = %(phone)s
      AND (EXISTS (SELECT FROM runs r WHERE r.conversation_id = c.id AND r.state IN ('pending', 'running'))
           OR EXISTS (SELECT FROM messages m WHERE m.conversation_id = c.id AND m.state IN ('pending', 'sending')))
"""
