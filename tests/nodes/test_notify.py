"""Notices to colleagues."""

import pytest
from pydantic import ValidationError

from nodes import notify
from nodes.effects import NotifyPeople
from tests.nodes.contexts import carry_out, context, turn


def test_a_notice_goes_to_the_page_by_default_and_names_the_contact() -> None:
    result = carry_out(notify, context(), text="A customer asks for an offer.")
    assert result.effects == (
        NotifyPeople(via="page", subject="Message from Nora Weiss", text="A customer asks for an offer."),
    )
    assert result.output.notified


def test_settings_choose_way_addresses_and_words() -> None:
    config = {"via": "email", "to": ["boss@example.com"], "subject": "Look", "text": "Somebody writes."}
    [notice] = carry_out(notify, context(contact=None), config).effects
    assert notice == NotifyPeople(via="email", to=("boss@example.com",), subject="Look", text="Somebody writes.")


def test_without_words_of_its_own_it_passes_on_what_the_customer_wrote() -> None:
    [notice] = carry_out(notify, context(turn=turn("Where is my bike?"), contact=None)).effects
    assert isinstance(notice, NotifyPeople)
    assert (notice.subject, notice.text) == ("Message from a customer", "Where is my bike?")


def test_nothing_to_say_is_no_notice() -> None:
    result = carry_out(notify, context(turn=turn("")))
    assert result.effects == () and not result.output.notified


def test_an_address_must_be_one() -> None:
    with pytest.raises(ValidationError):
        notify.Config.model_validate({"to": ["boss"]})


def test_an_sms_and_a_team_chat_need_somewhere_to_go() -> None:
    for config in ({"via": "sms"}, {"via": "webhook"}, {"via": "sms", "phones": ["call me"]}):
        with pytest.raises(ValidationError):
            carry_out(notify, context(), config)


def test_the_way_decides_the_addresses() -> None:
    addresses = {"to": ["a@example.com"], "phones": ["+14155550123"], "webhook": "https://chat.example.com/x"}
    for via, to in (("page", ()), ("email", ("a@example.com",)), ("sms", ("+14155550123",))):
        [notice] = carry_out(notify, context(), addresses | {"via": via}).effects
        assert isinstance(notice, NotifyPeople) and notice.to == to
    [notice] = carry_out(notify, context(), addresses | {"via": "webhook"}).effects
    assert isinstance(notice, NotifyPeople) and notice.to == ("https://chat.example.com/x",)
