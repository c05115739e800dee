"""What is known of a contact, as values and as a text for the AI."""

from __future__ import annotations

import pytest

from nodes import lookup_contact
from nodes.contract import NodeFailed
from tests.nodes.conftest import Desk
from tests.nodes.contexts import carry_out, contact, context

CRM = {
    "tags": ["vip", "bike"],
    "custom_fields": [
        {"name": "Frame size", "value": 56},
        {"name": "Colours", "value": ["red", "blue"]},
        {"name": "Empty", "value": ""},
    ],
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
    known = contact(id=desk.contact, crm={"custom_fields": {"Frame size": "56", "Debts": "many"}})
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
