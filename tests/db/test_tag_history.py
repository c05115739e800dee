"""Which tags a contact had when: every change is kept, a reading counts for the message that it was made for, old rows go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from db import crm_contacts, past, tag_history
from db.engine import rows, run, system, transaction
from db.migrate import migrate
from tests.db.builders import a_contact, a_conversation, a_message

NOW = datetime.now(UTC)
BEGAN = NOW - timedelta(days=10)


@pytest.fixture
def contact(workspace: UUID) -> UUID:
    with system() as tx:
        return a_contact(tx, workspace, created_at=BEGAN)


def had(workspace: UUID, contact: UUID, *held: tuple[datetime, Sequence[str], bool]) -> None:
    """Rows as the trigger would have made them then."""
    with system() as tx:
        for at, tags, was_read in held:
            run(
                tx,
                "INSERT INTO contact_tag_history VALUES (%(w)s, %(c)s, %(at)s, %(tags)s, %(read)s)",
                w=workspace,
                c=contact,
                at=at,
                tags=list(tags),
                read=was_read,
            )


def kept(workspace: UUID) -> list[tuple[list[str], bool]]:
    with transaction(workspace) as tx:
        found = rows(tx, "SELECT tags, was_read FROM contact_tag_history ORDER BY at")
    return [(row["tags"], row["was_read"]) for row in found]


def at(workspace: UUID, contact: UUID, moment: datetime) -> tuple[str, ...] | None:
    with transaction(workspace) as tx:
        [tags] = tag_history.tags_at(tx, [(contact, moment)])
    return tags


def read(workspace: UUID, contact: UUID, *tags: str) -> None:
    """What a reading of the CRM keeps."""
    with transaction(workspace) as tx:
        memory = crm_contacts.memory(tx, contact)
        assert memory is not None
        crm_contacts.remember(tx, contact, {"tags": list(tags), "fields": {}}, memory.version)


def test_what_is_read_and_told_is_kept_once_each(workspace: UUID, contact: UUID) -> None:
    read(workspace, contact, "lead", "vip")
    read(workspace, contact, "vip", "lead")  # another order is no change
    with transaction(workspace) as tx:
        crm_contacts.set_tags(tx, contact, ["vip", "lead", "new"])
        crm_contacts.set_tags(tx, contact, ["vip", "lead", "new"])
        run(
            tx,
            "UPDATE contacts SET name = 'Tom', crm = crm || '{\"fields\": {\"a\": 1}}' WHERE id = %(id)s",
            id=contact,
        )
        run(tx, "UPDATE contacts SET crm = '{}' WHERE id = %(id)s", id=contact)
    assert kept(workspace) == [(["lead", "vip"], True), (["vip", "lead", "new"], False), ([], False)]


def test_a_contact_that_comes_with_tags_has_them_from_its_beginning(workspace: UUID) -> None:
    with system() as tx:
        nora = a_contact(tx, workspace, created_at=BEGAN, crm={"tags": ["lead"]})
        a_contact(tx, workspace, crm={"fields": {}})
    assert kept(workspace) == [(["lead"], False)]
    assert at(workspace, nora, BEGAN) == ("lead",)


def test_the_tags_of_a_moment_are_those_that_held_then(workspace: UUID, contact: UUID) -> None:
    day = timedelta(days=1)
    had(
        workspace,
        contact,
        (BEGAN, ["lead"], False),
        (BEGAN + 2 * day, ["lead", "vip"], False),
        (BEGAN + 4 * day, [], False),
    )
    moments = [BEGAN - day, BEGAN, BEGAN + day, BEGAN + 3 * day, BEGAN + 5 * day]
    with transaction(workspace) as tx:
        found = tag_history.tags_at(tx, [(contact, moment) for moment in moments])
    assert found == [None, ("lead",), ("lead",), ("lead", "vip"), ()]


@pytest.mark.parametrize(
    ("after", "was_read", "expected"),
    [
        (timedelta(seconds=2), True, ("lead", "vip")),  # read for the answer: it was so when the message came
        (timedelta(seconds=2), False, ("lead",)),  # the answer changed it
        (timedelta(minutes=4), True, ("lead",)),
    ],
)
def test_a_reading_for_the_answer_tells_what_was_when_the_message_came(
    workspace: UUID, contact: UUID, after: timedelta, was_read: bool, expected: tuple[str, ...]
) -> None:
    had(workspace, contact, (BEGAN, ["lead"], False), (NOW + after, ["lead", "vip"], was_read))
    assert at(workspace, contact, NOW) == expected


def test_a_reading_after_the_answer_changed_something_tells_nothing_of_before(workspace: UUID, contact: UUID) -> None:
    had(
        workspace,
        contact,
        (NOW + timedelta(seconds=1), ["sold"], False),
        (NOW + timedelta(seconds=9), ["sold", "x"], True),
    )
    assert at(workspace, contact, NOW) is None


def test_what_still_held_when_the_retention_begins_stays(workspace: UUID, other_workspace: UUID, contact: UUID) -> None:
    days = [NOW - timedelta(days=age) for age in (100, 95, 20)]
    had(workspace, contact, *((day, [f"{number}"], False) for number, day in enumerate(days)))
    with system() as tx:
        assert tag_history.forget(tx, other_workspace, NOW - timedelta(days=90), 10) == 0
        assert tag_history.forget(tx, workspace, NOW - timedelta(days=90), 10) == 1
        assert tag_history.forget(tx, workspace, NOW - timedelta(days=90), 10) == 0
    assert [tags for tags, _ in kept(workspace)] == [["1"], ["2"]]


def test_turns_of_the_past_come_with_the_tags_of_then(workspace: UUID, contact: UUID) -> None:
    had(workspace, contact, (NOW - timedelta(days=3), ["lead"], False), (NOW - timedelta(days=1), ["sold"], False))
    with system() as tx:
        run(
            tx,
            "UPDATE contacts SET crm = %(crm)s WHERE id = %(id)s",
            crm=Jsonb({"tags": ["today"], "fields": {}}),
            id=contact,
        )
        conversation = a_conversation(tx, workspace, contact, last_inbound_at=NOW)
        for age in (4, 2, 0.5):
            a_message(tx, workspace, conversation, f"{age}", created_at=NOW - timedelta(days=age))
    with transaction(workspace) as tx:
        heard = past.heard(tx, days=7, most_turns=9, most_of_one=9)
        states = {each.turn.text: past.state_at(tx, each.turn).tags for each in heard}
    assert {each.turn.text: each.crm for each in heard} == {
        "4": {"tags": ["today"], "fields": {}},
        "2": {"tags": ["lead"], "fields": {}},
        "0.5": {"tags": ["sold"], "fields": {}},
    }
    assert states == {"4": None, "2": ("lead",), "0.5": ("sold",)}


def test_the_rows_of_a_workspace_are_its_own(workspace: UUID, other_workspace: UUID, contact: UUID) -> None:
    had(workspace, contact, (BEGAN, ["lead"], False))
    assert kept(other_workspace) == []
    with transaction(other_workspace) as tx:
        run(tx, "DELETE FROM contact_tag_history")
    assert kept(workspace) == [(["lead"], False)]


def test_an_installation_that_is_there_begins_with_what_it_knows(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE contact_tag_history")
        connection.execute("DROP FUNCTION contact_tags_changed CASCADE")
        connection.execute("DROP FUNCTION tags_in")
        connection.execute("DELETE FROM schema_migrations WHERE name = '0015_tag_history'")
        connection.execute("INSERT INTO workspaces (name, slug) VALUES ('A', 'a')")
        connection.execute(
            """INSERT INTO contacts (workspace_id, crm) SELECT id, '{"tags": ["lead"]}' FROM workspaces"""
        )
        connection.execute("INSERT INTO contacts (workspace_id) SELECT id FROM workspaces")
    assert migrate(empty_database_url) == ["0015_tag_history"]
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT tags FROM contact_tag_history").fetchall() == [(["lead"],)]
