"""GoHighLevel's client when something is wrong: a token that may not, a limit that is reached, an answer that is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nodes.clients import ghl
from nodes.clients.ghl import Ghl
from nodes.errors import NotSent, OutcomeUnknown, Rejected, Throttled
from tests.fakes.ghl_twin import GhlTwin
from tests.nodes.clients.ghl_client import PHONE, client_of


@pytest.fixture
def twin() -> Iterator[GhlTwin]:
    with GhlTwin(limit=10_000) as twin:
        yield twin


@pytest.fixture
def client(twin: GhlTwin) -> Ghl:
    return client_of(twin)


# --- what the token may -------------------------------------------------------------------------------------------------------


def test_missing_scopes_are_named_and_nothing_is_changed(twin: GhlTwin, client: Ghl) -> None:
    assert (client.missing_scopes(), ghl.problem_of(client)) == ([], "")
    twin.deny("contacts.write", "calendars/events.write", "users.readonly")
    assert client.missing_scopes() == ["contacts.write", "calendars/events.write", "users.readonly"]
    assert "lacks these scopes: contacts.write, calendars/events.write" in ghl.problem_of(client)
    assert not (twin.contacts or twin.opportunities or twin.appointments or twin.message_list or twin.tag_list)


def test_the_check_says_what_is_wrong(twin: GhlTwin) -> None:
    assert "does not accept the token" in ghl.problem_of(client_of(twin, "pit-wrong"))
    assert "belongs to another location" in ghl.problem_of(client_of(twin, location_id="elsewhere"))
    assert "has no location" in ghl.problem_of(client_of(twin, location_id=""))
    twin.down()
    assert "cannot be reached" in ghl.problem_of(client_of(twin))


# --- the limit ----------------------------------------------------------------------------------------------------------------


def test_over_the_limit_the_headers_say_how_long_to_wait() -> None:
    with GhlTwin(limit=2, window_seconds=7) as twin:
        client = client_of(twin)
        client.location()
        client.location()
        with pytest.raises(Throttled) as caught:
            client.location()
        assert (caught.value.retry_after_seconds, twin.over_limit) == (7.0, 1)


def test_with_the_day_used_up_it_is_an_hour() -> None:
    with GhlTwin(daily=1) as twin:
        client_of(twin).location()
        with pytest.raises(Throttled) as caught:
            client_of(twin).location()
        assert caught.value.retry_after_seconds == 3600


def test_retry_after_is_kept_where_it_is_given(twin: GhlTwin, client: Ghl) -> None:
    twin.break_with(status=429, retry_after="3")
    with pytest.raises(Throttled) as caught:
        client.location()
    assert caught.value.retry_after_seconds == 3.0


# --- trouble --------------------------------------------------------------------------------------------------------------------


def test_what_is_not_there_was_certainly_not_reached(twin: GhlTwin, client: Ghl) -> None:
    twin.down()
    with pytest.raises(NotSent):
        client.add_tags("x", ["vip"])
    twin.up()
    assert client.location()["id"] == twin.location_id


@pytest.mark.parametrize("trouble", [{"status": 500}, {"status": 502}, {"body": "<html>Bad gateway"}, {"body": "[1]"}, {"drop": True}])  # fmt: skip
def test_a_write_without_a_clear_answer_is_unknown_and_a_read_may_be_repeated(
    twin: GhlTwin, client: Ghl, trouble: dict[str, Any]
) -> None:
    id = twin.add_contact(phone=PHONE)["id"]
    twin.break_with(**trouble, accepts=True)
    with pytest.raises(OutcomeUnknown):
        client.add_tags(id, ["vip"])
    assert twin.contacts[id]["tags"] == ["vip"]
    twin.break_with(**trouble)
    with pytest.raises(NotSent):
        client.contact(id)
    twin.break_with(**trouble)
    with pytest.raises(NotSent):
        list(client.search_contacts(query="Ana"))


def test_an_answer_that_does_not_come_is_given_up(twin: GhlTwin) -> None:
    client = client_of(twin, timeout_seconds=0.2)
    twin.break_with(hang=True, times=2)
    with pytest.raises(NotSent):
        client.location()
    with pytest.raises(OutcomeUnknown):
        client.add_tags("x", ["vip"])


def test_a_list_of_messages_is_one_sentence(twin: GhlTwin, client: Ghl) -> None:
    with pytest.raises(Rejected, match="phone must be in E.164 form") as caught:
        client.create_contact({"phone": "4155550123"})
    assert caught.value.code == "422"


def test_a_refusal_without_json_is_still_a_sentence(twin: GhlTwin, client: Ghl) -> None:
    twin.break_with(status=403, body="<html>Access denied")
    with pytest.raises(Rejected, match="GoHighLevel answered 403"):
        client.location()
