"""A saved text of GoHighLevel keeps its sense: what a step gives is inserted, what nobody gives is named."""

from __future__ import annotations

import pytest

from flows.editing import Reference
from ui.merge_fields import Turned, turned

MESSAGE = Reference("message.contact_name", "Message received", "Contact name", "")
LOOKED_UP = [Reference(f"contact.{name}", "Look up contact", name, "") for name in ("name", "email", "phone")]
ASKED = Reference("details.fields.shoe_size", "Read the details", "Shoe size", "")


def test_a_name_becomes_the_result_of_an_earlier_step() -> None:
    assert turned("Hi {{contact.first_name}}!", [MESSAGE]) == Turned("Hi {{message.contact_name}}!", ())


@pytest.mark.parametrize(
    "written", ["{{contact.name}}", "{{ contact.name }}", "{{{contact.name}}}", "{{Contact.Name | title}}"]
)
def test_however_it_is_written(written: str) -> None:
    assert turned(written, LOOKED_UP).text == "{{contact.name}}"


def test_what_no_step_gives_stands_there_in_brackets_and_is_named_once() -> None:
    found = turned("{{user.name}} of {{location.name}}: {{user.name}}", [MESSAGE, *LOOKED_UP])
    assert found == Turned("[user name] of [location name]: [user name]", ("user name", "location name"))


def test_a_custom_field_is_found_by_its_own_name() -> None:
    assert turned("Size {{contact.shoe_size}}", [ASKED]).text == "Size {{details.fields.shoe_size}}"
    assert turned("Size {{contact.shoe_size}}", LOOKED_UP) == Turned("Size [shoe size]", ("shoe size",))


def test_the_last_name_is_not_the_whole_name() -> None:
    assert turned("{{contact.last_name}}", [MESSAGE, *LOOKED_UP]).missing == ("last name",)


def test_somebody_elses_mail_address_is_not_the_customers() -> None:
    assert turned("{{user.email}}", LOOKED_UP).text == "[user email]"


def test_a_text_without_fields_stays_as_it_is() -> None:
    assert turned("We open at ten. {Really}", [MESSAGE]) == Turned("We open at ten. {Really}", ())
