"""Nothing of a forgotten contact is left in any table, everything of the others is, and nothing is torn from under a worker."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb
from sqlalchemy.exc import IntegrityError

from db import contacts, forgetting
from db.engine import one, rows, run, system, transaction
from db.forgetting import ContactBusy, Forgotten
from tests.db.builders import (
    a_connection,
    a_contact,
    a_conversation,
    a_handoff,
    a_message,
    a_run,
    a_step,
    an_automation,
    an_event,
    an_outbox_row,
)

# Tables that hold what a contact is or said. Each gets rows below, and a mark in every column that takes one.
PERSONAL = {
    "contacts",
    "contact_tag_history",
    "identities",
    "conversations",
    "messages",
    "handoffs",
    "ai_conversation_memory",
    "events_queue",
    "runs",
    "run_steps",
    "decisions",
    "outbox",
    "crm_messages",
    "backtest_results",
    "limits",
}
# Tables with texts that are not about contacts, and why.
OTHERS = {
    "schema_migrations": "names of migrations",
    "workspaces": "the business",
    "users": "colleagues",
    "memberships": "colleagues",
    "sign_in_links": "colleagues",
    "sessions": "colleagues",
    "api_keys": "programs",
    "connections": "the business's own accounts",
    "audit_log": "ids and names of actions; it only grows",
    "automations": "what was composed",
    "automation_versions": "what was composed",
    "backtests": "what was tried; what customers wrote is in its results",
    "ai_models": "models",
    "training_sources": "training material",
    "training_jobs": "training material",
    "training_documents": "training material",
    "training_changes": "training material",
    "passage_edits": "training material",
    "passage_words": "training material",
    "ai_embeddings": "training material",
    "embedding_cache": "hashes and numbers",
    "heading_vectors": "hashes and numbers",
    "limit_slots": "ids",
}
# Columns by which rows are found or ordered: they hold what the program puts there, which the rows below have.
KEYS = {"order_key", "idempotency_key", "dedupe_key", "address", "key", "kind", "type", "node", "step_id", "phone"}


@dataclass(frozen=True)
class Person:
    """A contact with a row in every table that is about people."""

    contact: UUID
    mark: str
    phone: str
    conversation: UUID
    run: UUID
    outbox: UUID
    event: UUID


@pytest.fixture
def tom(workspace: UUID) -> Person:
    return a_person(workspace, "marktom", "+14155550123", "visitor-marktom")


@pytest.fixture
def eva(workspace: UUID) -> Person:
    return a_person(workspace, "markeva", "+4915155551234", "visitor-markeva")


def a_person(workspace: UUID, mark: str, phone: str, visitor: str) -> Person:
    with system() as tx:
        sms, chat = a_connection(tx, workspace, "twilio"), a_connection(tx, workspace, "webchat")
        automation = an_automation(tx, workspace)
        addresses = [("phone", phone), ("webchat", visitor), ("email", f"{mark}@example.com")]
        contact = a_contact(tx, workspace, addresses, name=f"Name {mark}", phone=phone, email=f"{mark}@example.com")
        conversation = a_conversation(tx, workspace, contact, sms, channel="sms", address=phone)
        a_conversation(tx, workspace, contact, chat, address=visitor)
        event = an_event(tx, workspace, sms, order_key=f"{sms}:{phone}", state="done")
        a_run_of = a_run(tx, workspace, automation, conversation, contact_id=contact, event_id=event)
        a_step(tx, workspace, a_run_of, "find", node="retrieve@1", detail={"query": f"What about {mark}?"})
        asked = a_message(tx, workspace, conversation, f"I am {mark}")
        said = a_message(
            tx, workspace, conversation, f"Hello {mark}", direction="out", author="ai", provider_message_id=f"SM{mark}"
        )
        run(
            tx,
            "INSERT INTO decisions (workspace_id, event_id, message_id, automation_id, fired, reason, run_id)"
            " VALUES (%(w)s, %(e)s, %(m)s, %(a)s, true, 'It fired.', %(r)s)",
            w=workspace, e=event, m=asked, a=automation, r=a_run_of,
        )  # fmt: skip
        outbox = an_outbox_row(tx, workspace, conversation, message_id=said, run_id=a_run_of)
        a_handoff(tx, workspace, conversation)
        run(
            tx,
            "INSERT INTO ai_conversation_memory (workspace_id, conversation_id, role, text) VALUES (%(w)s, %(c)s, 'fact', 'x')",
            w=workspace, c=conversation,
        )  # fmt: skip
        run(
            tx,
            "INSERT INTO crm_messages (workspace_id, crm_message_id, message_id) VALUES (%(w)s, %(x)s, %(m)s)",
            w=workspace, x=f"crm-{mark}", m=said,
        )  # fmt: skip
        backtest = one(
            tx,
            "INSERT INTO backtests (workspace_id, automation_id, draft, draft_revision, live_version, state)"
            " VALUES (%(w)s, %(a)s, '{}', 1, 1, 'done') RETURNING id",
            w=workspace, a=automation,
        )  # fmt: skip
        assert backtest is not None
        run(
            tx,
            """INSERT INTO backtest_results (workspace_id, backtest_id, position, conversation_id, message_id, first_seq, last_seq, at)
               VALUES (%(w)s, %(b)s, 1, %(c)s, %(m)s, 1, 1, now())""",
            w=workspace, b=backtest["id"], c=conversation, m=asked,
        )  # fmt: skip
        run(
            tx, "UPDATE contacts SET crm = %(crm)s WHERE id = %(id)s", id=contact, crm=Jsonb({"tags": ["vip"]})
        )  # its trigger keeps the tags
        run(tx, "INSERT INTO limits VALUES (%(k)s, now(), 1)", k=f"chat:{chat}:{visitor}")
        ids = {
            "contacts": f"id = '{contact}'",
            "contact_tag_history": f"contact_id = '{contact}'",
            "conversations": f"contact_id = '{contact}'",
            "runs": f"id = '{a_run_of}'",
            "run_steps": f"run_id = '{a_run_of}'",
            "events_queue": f"id = '{event}'",
            "outbox": f"id = '{outbox}'",
            "backtest_results": f"conversation_id = '{conversation}'",
            "decisions": f"run_id = '{a_run_of}'",
        } | dict.fromkeys(("messages", "handoffs", "ai_conversation_memory"), f"conversation_id = '{conversation}'")
    for table, which in ids.items():
        fill(table, which, mark)
    return Person(contact, mark, phone, conversation, a_run_of, outbox, event)


def fill(table: str, which: str, mark: str) -> None:
    """The mark in every column that takes a text; columns with a list of allowed values refuse it."""
    marks: dict[str, Any] = {"text": f"x {mark}", "jsonb": Jsonb({"said": [f"x {mark}"]}), "ARRAY": [f"x {mark}"]}
    for column, kind in texts().get(table, {}).items():
        if column in KEYS or column == "provider_message_id":
            continue
        try:
            with system() as tx:
                run(tx, f"UPDATE {table} SET {column} = %(mark)s WHERE {which}", mark=marks[kind])
        except IntegrityError:
            continue


def texts() -> dict[str, dict[str, str]]:
    """Per table its columns that can hold a text, with their types."""
    found: dict[str, dict[str, str]] = {}
    with system() as tx:
        for row in rows(
            tx,
            """SELECT table_name, column_name, data_type FROM information_schema.columns c JOIN information_schema.tables
                 USING (table_schema, table_name)
               WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND data_type IN ('text', 'jsonb', 'ARRAY')""",
        ):
            found.setdefault(row["table_name"], {})[row["column_name"]] = row["data_type"]
    return found


def places_of(*needles: str) -> list[str]:
    """The tables with a row that holds any of these, in whatever column."""
    with system() as tx:
        tables = rows(tx, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [
            table["name"]
            for table in tables
            if one(
                tx,
                f"SELECT 1 FROM {table['name']} t WHERE EXISTS (SELECT FROM unnest(%(n)s::text[]) n WHERE strpos(t::text, n) > 0)",
                n=list(needles),
            )
        ]


def forget(workspace: UUID, person: Person) -> Forgotten:
    with transaction(workspace) as tx:
        done = forgetting.forget(tx, workspace, person.contact)
    assert done is not None
    with system() as tx:
        forgetting.counters(tx, done.addresses)
    return done


def test_every_table_with_texts_is_known_here_as_personal_or_not(database: str) -> None:
    assert set(texts()) <= PERSONAL | set(OTHERS), "say in this file whether the new table holds what contacts say"


def test_nothing_of_the_contact_is_left_and_everything_of_others_is(workspace: UUID, tom: Person, eva: Person) -> None:
    before = places_of("markeva", eva.phone)
    assert set(places_of("marktom", tom.phone)) == PERSONAL, "the mark is in every table that is about people"

    done = forget(workspace, tom)

    assert places_of("marktom", tom.phone, tom.phone[1:], str(tom.contact), str(tom.conversation)) == []
    assert set(before) == set(places_of("markeva", eva.phone)) == PERSONAL
    assert (done.conversations, done.messages, done.runs, done.arrivals, done.effects) == (2, 2, 1, 1, 1)


def test_a_later_message_begins_a_new_contact(workspace: UUID, tom: Person) -> None:
    forget(workspace, tom)
    with transaction(workspace) as tx:
        fresh = contacts.resolve(tx, workspace, [("phone", tom.phone)])
    assert fresh.id != tom.contact
    assert (fresh.name, fresh.metadata, fresh.opted_out_at) == ("", {}, None)


@pytest.mark.parametrize(
    ("table", "state", "row"),
    [("outbox", "sending", "outbox"), ("runs", "running", "run"), ("events_queue", "processing", "event")],
)
def test_what_is_being_worked_on_is_not_torn_away(
    workspace: UUID, tom: Person, table: str, state: str, row: str
) -> None:
    before = places_of(tom.mark)
    with system() as tx:
        run(tx, f"UPDATE {table} SET state = %(s)s WHERE id = %(id)s", s=state, id=getattr(tom, row))
    with pytest.raises(ContactBusy, match="right now"):
        forget(workspace, tom)
    assert places_of(tom.mark) == before


def test_what_a_worker_is_just_claiming_is_not_torn_away_and_nobody_waits(workspace: UUID, tom: Person) -> None:
    with system() as claiming:
        run(claiming, "UPDATE outbox SET state = 'sending' WHERE id = %(id)s", id=tom.outbox)
        with pytest.raises(ContactBusy):
            forget(workspace, tom)


def test_what_waits_goes_too(workspace: UUID, tom: Person) -> None:
    with system() as tx:
        sms = one(tx, "SELECT connection_id AS id FROM conversations WHERE id = %(id)s", id=tom.conversation)
        assert sms is not None
        an_event(tx, workspace, sms["id"], order_key=f"{sms['id']}:{tom.phone}", payload={"body": "waits"})
        an_event(tx, workspace, order_key=f"{uuid4()}:(415) 555-0123", type="webhook.call", payload={"body": "called"})
        an_outbox_row(tx, workspace, order_key=f"crm:{tom.contact}", effect={"kind": "crm", "note": "waits"})
    done = forget(workspace, tom)
    assert (done.arrivals, done.effects) == (3, 2)
    assert places_of("waits", "called") == []


def test_receipts_and_calls_about_the_person_go_and_what_others_wrote_stays(
    workspace: UUID, tom: Person, eva: Person
) -> None:
    with system() as tx:
        encoded = base64.b64encode(b"\xff\x00 +14155550123").decode()
        for body in ("phone=%28415%29+555-0123", '{"mail": "\\nmarktom@example.com"}'):
            an_event(tx, workspace, state="ignored", payload={"body": body})
        an_event(tx, workspace, state="done", payload={"body_base64": encoded})
        about = an_event(tx, workspace, eva_connection(eva), state="done", payload={"body": "Tom is at +14155550123"})
        waiting = an_event(tx, workspace, payload={"body": "Tom is at +14155550123"})
        wrote = a_message(tx, workspace, eva.conversation, "Tom is at +14155550123")
        run(
            tx,
            "INSERT INTO decisions (workspace_id, event_id, message_id, fired, reason) VALUES (%(w)s, %(e)s, %(m)s, false, 'No.')",
            w=workspace, e=about, m=wrote,
        )  # fmt: skip
    done = forget(workspace, tom)
    assert done.arrivals == 4
    with system() as tx:
        left = {row["id"] for row in rows(tx, "SELECT id FROM events_queue")}
    assert {about, waiting, eva.event} == left


def eva_connection(eva: Person) -> UUID:
    with system() as tx:
        found = one(tx, "SELECT connection_id AS id FROM conversations WHERE id = %(id)s", id=eva.conversation)
    assert found is not None
    made: UUID = found["id"]
    return made


def test_a_run_with_nobody_in_particular_that_names_the_person_goes(workspace: UUID, tom: Person) -> None:
    with system() as tx:
        automation = an_automation(tx, workspace)
        named = a_run(tx, workspace, automation, trigger={"data": {"phone": "415-555-0123"}})
        in_a_step = a_run(tx, workspace, automation)
        a_step(tx, workspace, in_a_step, "ask", output={"mail": "MarkTom@example.com"})
        nobody = a_run(tx, workspace, automation)
    assert forget(workspace, tom).runs == 3
    with system() as tx:
        left = {row["id"] for row in rows(tx, "SELECT id FROM runs")}
    assert nobody in left
    assert not {named, in_a_step} & left


def test_another_contact_no_longer_points_at_it(workspace: UUID, tom: Person) -> None:
    with system() as tx:
        other = a_contact(tx, workspace, metadata={"possible_duplicates": [str(tom.contact), "x"], "vip": True})
    forget(workspace, tom)
    with transaction(workspace) as tx:
        found = contacts.get(tx, other)
    assert found is not None
    assert found.metadata == {"possible_duplicates": ["x"], "vip": True}


def test_a_contact_of_another_workspace_is_not_there(other_workspace: UUID, tom: Person) -> None:
    with transaction(other_workspace) as tx:
        assert forgetting.forget(tx, other_workspace, tom.contact) is None
    assert places_of(tom.mark)
