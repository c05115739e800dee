"""What is known of a contact, as values and as a text for the AI."""

from __future__ import annotations

import pytest

from nodes import lookup_contact
from nodes.contract import NodeFailed
from tests.nodes.conftest import Desk
from tests.nodes.contexts import carry_out, contact, context

CRM = {
    "tags": ["vip", "bike"],
    "fields": {"Frame size": 56, "Colours": ["red", "blue"], "Empty": ""},
}


def test_the_crm_gives_tags_and_fields(desk: Desk) -> None:
    known = contact(id=desk.contact, phone="+41440000000", email="nora@example.com", language="de", crm=CRM)
    output = carry_out(lookup_contact, desk.context(contact=known)).output
    assert output.known and output.tags == ["vip", "bike"]
    assert output.custom_fields == {"Frame size": "56", "Colours": "red, blue"}
    assert output.facts.splitlines() == [
        "Name: Nora Weiss",
        "Phone: +41440000000",
        "E-mail: nora@example.com",
        "Language: de",
        "Tags: vip, bike",
        "Frame size: 56",
        "Colours: red, blue",
    ]


def test_the_ai_gets_to_know_the_named_fields_only(desk: Desk) -> None:
    known = contact(id=desk.contact, crm={"fields": {"Frame size": "56", "Debts": "many"}})
    output = carry_out(lookup_contact, desk.context(contact=known), {"in_facts": ["Frame size"]}).output
    assert output.facts == "Name: Nora Weiss\nFrame size: 56"
    assert output.custom_fields["Debts"] == "many"


def test_a_visitor_of_the_web_chat_is_not_known(desk: Desk) -> None:
    output = carry_out(lookup_contact, desk.context(contact=contact(id=desk.contact, name=""))).output
    assert not output.known and output.facts == "" and output.custom_fields == {}


def test_only_the_messages_of_the_contact_are_counted(desk: Desk) -> None:
    for direction in ("in", "out", "in", "note"):
        desk.say(direction, "Hello", author="system" if direction == "note" else "contact")
    assert carry_out(lookup_contact, desk.context()).output.messages == 2


def test_a_run_without_a_contact_says_so() -> None:
    with pytest.raises(NodeFailed, match="no contact"):
        carry_out(lookup_contact, context(contact=None))


class AskedCrm:
    """A CRM that knows more than what is kept with the contact, and remembers that it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def contact(self) -> dict[str, object]:
        self.asked += 1
        return {
            "tags": ["vip"],
            "tasks": [
                {"id": "1", "title": "Call back", "due": "2026-11-25T09:00:00Z", "completed": False},
                {"id": "2", "title": "Send the quote", "due": "", "completed": True},
            ],
            "opportunities": [
                {"name": "New bike", "pipeline": "Sales", "stage": "Quoted", "status": "open"},
                {"name": "Old bike", "pipeline": "Sales", "stage": "Done", "status": "won"},
            ],
            "appointments": [
                {"title": "Service", "start": "2026-11-24T08:00:00+00:00", "status": "confirmed"},
                {"title": "Past", "start": "2026-11-01T08:00:00+00:00", "status": "confirmed"},
                {"title": "Off", "start": "2026-12-01T08:00:00+00:00", "status": "cancelled"},
            ],
        }


def test_a_connected_crm_is_asked_once_and_tells_tasks_opportunities_and_appointments(desk: Desk) -> None:
    crm = AskedCrm()
    known = contact(id=desk.contact, crm={"tags": ["old"]})
    output = carry_out(lookup_contact, desk.context(contact=known, crm=crm)).output
    assert crm.asked == 1
    assert output.tags == ["vip"]
    assert output.tasks == ["Call back (due 2026-11-25)"]
    assert output.opportunities == ["New bike (Sales / Quoted)"]
    assert output.appointments == ["Service (2026-11-24 09:00)"]
    assert "Opportunities: New bike (Sales / Quoted)" in output.facts
