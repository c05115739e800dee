import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import pytest

from db import contacts
from db.engine import rows, transaction
from tests.db.builders import a_contact

PHONE, MAIL = ("phone", "+14155550100"), ("email", "tom@example.com")
NOW = datetime(2026, 3, 14, 10, 0, tzinfo=UTC)


def test_an_unknown_address_makes_a_contact_and_a_known_one_finds_it(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        made = contacts.resolve(tx, workspace, [PHONE, ("whatsapp", "+14155550100")], "Tom")
        assert (made.name, made.phone, made.email) == ("Tom", "+14155550100", None)
        assert contacts.resolve(tx, workspace, [("whatsapp", "+14155550100")], "") == made
        assert contacts.get(tx, made.id) == made


def test_missing_identities_are_attached_and_fill_empty_columns_only(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        made = contacts.resolve(tx, workspace, [("webchat", "visitor-1")])
        grown = contacts.resolve(
            tx, workspace, [("webchat", "visitor-1"), ("email", " Tom@Example.com "), PHONE], "Tom"
        )
        assert (grown.id, grown.name, grown.email, grown.phone) == (made.id, "Tom", "tom@example.com", "+14155550100")
        again = contacts.resolve(tx, workspace, [PHONE, ("phone", "+14155550199")], "Thomas")
        assert (again.id, again.name, again.phone) == (made.id, "Tom", "+14155550100")
        assert set(contacts.identities(tx, made.id)) == {
            ("webchat", "visitor-1"),
            MAIL,
            PHONE,
            ("phone", "+14155550199"),
        }


def test_addresses_of_two_contacts_are_not_merged_and_the_oldest_wins_with_a_note(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        older = a_contact(tx, workspace, [PHONE], created_at=datetime(2025, 1, 1, tzinfo=UTC))
        younger = a_contact(tx, workspace, [MAIL], metadata={"vip": True})
        for _ in range(2):
            found = contacts.resolve(tx, workspace, [MAIL, PHONE])
            assert found.id == older
            assert found.metadata == {"possible_duplicates": [str(younger)]}
        other = contacts.get(tx, younger)
        assert other is not None and other.metadata == {"vip": True}
        assert contacts.identities(tx, younger) == [MAIL]


@pytest.mark.parametrize("order", [[PHONE, MAIL], [MAIL, PHONE]])
def test_transactions_that_meet_a_new_customer_at_once_make_one_contact(
    workspace: UUID, order: list[tuple[str, str]]
) -> None:
    ready = threading.Barrier(6)

    def meet(number: int) -> UUID:
        with transaction(workspace) as tx:
            ready.wait(20)
            return contacts.resolve(tx, workspace, order if number % 2 else [PHONE, MAIL], "Tom").id

    with ThreadPoolExecutor(6) as threads:
        found = set(threads.map(meet, range(6)))
    with transaction(workspace) as tx:
        assert [row["id"] for row in rows(tx, "SELECT id FROM contacts")] == list(found)
        assert len(rows(tx, "SELECT FROM identities")) == 2


def test_the_same_address_in_two_workspaces_is_two_contacts(workspace: UUID, other_workspace: UUID) -> None:
    with transaction(workspace) as tx:
        here = contacts.resolve(tx, workspace, [PHONE])
    with transaction(other_workspace) as tx:
        assert contacts.resolve(tx, other_workspace, [PHONE]).id != here.id


def test_no_address_at_all_is_refused(workspace: UUID) -> None:
    with transaction(workspace) as tx, pytest.raises(ValueError, match="identities is empty"):
        contacts.resolve(tx, workspace, [("phone", "  ")])


def test_stop_and_start_leave_their_times(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        contact = a_contact(tx, workspace)
        contacts.set_opt_out(tx, contact, True, NOW)
        contacts.set_opt_out(tx, contact, True, datetime(2027, 1, 1, tzinfo=UTC))
        out = contacts.get(tx, contact)
        assert out is not None and (out.opted_out_at, out.opted_in_at) == (NOW, None)
        contacts.set_opt_out(tx, contact, False, NOW)
        back = contacts.get(tx, contact)
        assert back is not None and (back.opted_out_at, back.opted_in_at) == (None, NOW)


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("+1 (415) 555-0100", None, "+14155550100"),
        ("(415) 555-0100", "US", "+14155550100"),
        ("030 901820", "DE", "+4930901820"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("415 555 0100", None, None),
        ("32665", "US", None),
        ("hello", "US", None),
        ("", None, None),
    ],
)
def test_phone_numbers_become_e164_or_nothing(text: str, region: str | None, expected: str | None) -> None:
    assert contacts.normalise_phone(text, region) == expected
