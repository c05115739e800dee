import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from db import passages, views
from db.engine import read_only, run, system
from tests.db import builders as a
from tests.db.people import NOW, people


def test_conversations_come_newest_first_with_all_a_line_needs(workspace: UUID) -> None:
    first, second = people(workspace, "Tom Becker", "Mia Wong")
    with system() as tx:
        ana = a.a_user(tx, workspace)
        handoff = a.a_handoff(tx, workspace, second, state="assigned", priority="high", assignee_id=ana)
        a.a_handoff(tx, workspace, first, state="resolved")
        run(
            tx,
            "UPDATE conversations SET owner = 'human', assignee_id = %(u)s, unread = 2 WHERE id = %(c)s",
            u=ana,
            c=second,
        )
    with read_only(workspace) as tx:
        tom, mia = views.conversation_list(tx)
        detail = views.conversation(tx, second)
    assert (tom.id, tom.contact_name, tom.owner, tom.handoff_state) == (first, "Tom Becker", "ai", None)
    assert (mia.id, mia.assignee_name, mia.unread, mia.contact_phone) == (second, "Ana Silva", 2, "+14155550101")
    assert (mia.handoff_id, mia.handoff_state, mia.handoff_priority) == (handoff, "assigned", "high")
    assert detail is not None and (detail.handoff_reason, detail.connection_state) == ("Asked for a person.", "active")
    assert json.dumps(asdict(detail), default=str)


def test_conversations_are_filtered_by_owner_and_found_by_name_phone_or_mail(workspace: UUID) -> None:
    tom, mia, zoe = people(workspace, "Tom Becker", "Mia 100% Wong", "Zoe")
    with system() as tx:
        run(tx, "UPDATE conversations SET owner = 'human' WHERE id = %(id)s", id=mia)
        run(tx, "UPDATE contacts SET email = 'boss@example.com' WHERE name = 'Tom Becker'")

    def found(**filters: str) -> list[UUID]:
        with read_only(workspace) as tx:
            return [line.id for line in views.conversation_list(tx, **filters)]  # type: ignore[arg-type]

    assert found(owner="human") == [mia]
    assert found(owner="ai", search="e") == [tom, zoe]
    assert found(search="becker") == found(search="(415) 555-0100") == found(search="BOSS@") == [tom]
    assert found(search="100%") == found(search=" wong ") == [mia]
    assert found(search="nobody") == found(search="_") == found(search="\\") == []


def test_conversations_are_filtered_by_what_somebody_has_to_do(workspace: UUID) -> None:
    tom, mia, zoe, kim, lee = people(workspace, "Tom", "Mia", "Zoe", "Kim", "Lee")
    with system() as tx:
        ana, ben = a.a_user(tx, workspace), a.a_user(tx, workspace, name="Ben")
        run(tx, "UPDATE conversations SET unread = 1 WHERE id = ANY(%(ids)s)", ids=[tom, zoe])
        for id, who in ((mia, ana), (zoe, ben), (kim, None)):
            run(tx, "UPDATE conversations SET owner = 'human', assignee_id = %(u)s WHERE id = %(c)s", u=who, c=id)
        a.a_handoff(tx, workspace, lee)
        a.a_handoff(tx, workspace, mia, state="assigned", assignee_id=ana)
        a.a_handoff(tx, workspace, tom, state="resolved")

    def found(**filters: Any) -> list[UUID]:
        with read_only(workspace) as tx:
            return [line.id for line in views.conversation_list(tx, **filters)]

    assert found(unread=True) == [tom, zoe]
    assert found(unread=False) == [mia, kim, lee]
    assert found(waiting=True) == [kim, lee]  # nobody took the one, whoever had the other is gone
    assert found(assignee_id=ana) == [mia]
    assert found(assignee_id=ben, unread=True, owner="human") == [zoe]
    assert found(assignee_id=ben, waiting=True) == found(assignee_id=uuid4()) == []
    assert found(unread=True, search="to") == [tom]
    with read_only(workspace) as tx:
        [first] = views.conversation_list(tx, waiting=True, limit=1)
        assert [line.id for line in views.conversation_list(tx, waiting=True, before=first.cursor)] == [lee]


def test_a_search_that_fits_nearly_everybody_finds_the_newest(workspace: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    made = people(workspace, *[f"Customer {n}" for n in range(8)], "Somebody")
    monkeypatch.setattr("db.views.conversations.FEW_CONTACTS", 3)
    with read_only(workspace) as tx:
        assert [line.id for line in views.conversation_list(tx, search="customer", limit=5)] == made[:5]


def test_pages_join_without_gap_or_overlap_also_at_equal_times(workspace: UUID) -> None:
    made = people(workspace, *[f"Customer {n}" for n in range(7)])
    with system() as tx:
        run(tx, "UPDATE conversations SET last_message_at = %(now)s WHERE id = ANY(%(ids)s)", now=NOW, ids=made[2:6])
        for number, id in enumerate(made):
            a.a_handoff(tx, workspace, id, priority="urgent" if number == 5 else "normal", created_at=NOW)
    seen, waiting, past = [], [], []
    with read_only(workspace) as tx:
        before = None
        while page := views.conversation_list(tx, before=before, limit=2):
            seen += [line.id for line in page]
            before = page[-1].cursor
        before = None
        while lines := views.handoff_list(tx, before=before, limit=2):
            waiting += [line.conversation_id for line in lines]
            before = lines[-1].cursor
        before = None
        while lines := views.handoff_list(tx, ("pending", "resolved"), before=before, limit=2):
            past += [line.conversation_id for line in lines]
            before = lines[-1].cursor
    assert len(seen) == len(waiting) == len(past) == 7
    assert set(seen) == set(waiting) == set(past) == set(made)
    assert waiting[0] == made[5]


@pytest.mark.parametrize(
    "cursor", ["", "x", "1~2", "1~not-an-id", f"{10**30}~c6b22290-57bc-4a63-8e67-18f1383fce80", "1~2~3~4"]
)
def test_a_made_up_cursor_is_refused_with_the_remedy(workspace: UUID, cursor: str) -> None:
    with read_only(workspace) as tx:
        with pytest.raises(views.CursorInvalid, match="leave it out"):
            views.conversation_list(tx, before=cursor)
        with pytest.raises(views.CursorInvalid):
            views.handoff_list(tx, before=cursor)


def test_a_thread_is_read_backwards_in_pages_and_shown_forwards(workspace: UUID) -> None:
    [conversation] = people(workspace, "Tom Becker")
    with system() as tx:
        ana = a.a_user(tx, workspace)
        a.a_message(tx, workspace, conversation, "Are you open?")
        a.a_message(tx, workspace, conversation, "Yes.", direction="out", author="ai", state="delivered")
        a.a_message(
            tx,
            workspace,
            conversation,
            "Till six.",
            direction="out",
            author="human",
            author_user_id=ana,
            state="failed",
            error="No such number.",
        )
    with read_only(workspace) as tx:
        newest = views.thread(tx, conversation, limit=2)
        older = views.thread(tx, conversation, before_seq=newest[0].seq, limit=2)
    assert [(line.content, line.author_name) for line in [*older, *newest]] == [
        ("Are you open?", "Tom Becker"),
        ("Yes.", ""),
        ("Till six.", "Ana Silva"),
    ]
    assert (newest[1].state, newest[1].error) == ("failed", "No such number.")


def test_handoffs_that_wait_come_by_urgency_and_then_by_waiting_time(workspace: UUID) -> None:
    names = ["late", "early", "urgent", "low", "done"]
    conversations = dict(zip(names, people(workspace, *names), strict=True))
    with system() as tx:
        for name, priority, minutes in (
            ("late", "normal", 5),
            ("early", "normal", 50),
            ("urgent", "urgent", 1),
            ("low", "low", 99),
        ):
            a.a_handoff(
                tx, workspace, conversations[name], priority=priority, created_at=NOW - timedelta(minutes=minutes)
            )
        a.a_handoff(tx, workspace, conversations["done"], state="resolved", resolution="Called back.", created_at=NOW)
    with read_only(workspace) as tx:
        assert [line.contact_name for line in views.handoff_list(tx, ("pending",))] == [
            "urgent",
            "early",
            "late",
            "low",
        ]
        [done] = views.handoff_list(tx, ("resolved",))
        assert (done.contact_name, done.resolution) == ("done", "Called back.")


def test_automations_show_their_live_document_and_their_last_run(workspace: UUID) -> None:
    document = {"format": 1, "name": "Front desk", "steps": []}
    with system() as tx:
        first = a.an_automation(tx, workspace, document, name="Front desk", priority=1)
        draft = a.an_automation(tx, workspace, name="Draft", live_version=None)
        a.a_run(tx, workspace, first, state="failed")
    with read_only(workspace) as tx:
        front, unpublished = views.automation_list(tx)
        detail = views.automation(tx, first)
        assert views.automation(tx, uuid4()) is None
    assert (front.id, front.live_version, front.last_run_state) == (first, 1, "failed")
    assert (unpublished.id, unpublished.live_version, unpublished.published_at) == (draft, None, None)
    assert detail is not None and detail.document == document


def test_what_went_wrong_is_counted_and_listed(workspace: UUID) -> None:
    [conversation] = people(workspace, "Tom Becker", unread=3)
    with system() as tx:
        a.a_handoff(tx, workspace, conversation)
        a.an_event(tx, workspace, state="parked", note="No such contact.", attempts=3)
        message = a.a_message(
            tx, workspace, conversation, "We open at nine.", direction="out", author="ai", state="unknown"
        )
        a.an_outbox_row(tx, workspace, conversation, state="unknown", message_id=message, sending_since=NOW)
        automation = a.an_automation(tx, workspace)
        a.a_run(tx, workspace, automation, state="failed")
        a.a_run(tx, workspace, automation, state="failed", finished_at=datetime.now(UTC) - timedelta(days=2))
        a.a_run(tx, workspace, automation)
    with read_only(workspace) as tx:
        assert views.counts(tx) == views.Counts(1, 1, 1, 1, 1, 0)
        [parked] = views.parked_events(tx)
        [unknown] = views.unknown_messages(tx)
        assert (parked.note, parked.attempts) == ("No such contact.", 3)
        assert (unknown.content, unknown.contact_name) == ("We open at nine.", "Tom Becker")
        assert views.parked_events(tx, before_seq=parked.seq) == []
        assert views.unknown_messages(tx, before_seq=unknown.seq) == []


def test_sources_are_listed(workspace: UUID) -> None:
    with system() as tx:
        passages.add_source(tx, workspace, "text", "Prices")
    with read_only(workspace) as tx:
        assert [source.name for source in views.source_list(tx)] == ["Prices"]


def test_nothing_of_another_workspace_is_shown(workspace: UUID, other_workspace: UUID) -> None:
    [conversation] = people(other_workspace, "Secret Person", unread=1)
    with system() as tx:
        a.a_message(tx, other_workspace, conversation)
        a.a_handoff(tx, other_workspace, conversation)
        automation = a.an_automation(tx, other_workspace)
        run_id = a.a_run(tx, other_workspace, automation, conversation, outcome="Hidden words.")
    with read_only(workspace) as tx:
        lists = (
            views.conversation_list(tx),
            views.conversation_list(tx, search="Secret"),
            views.conversation_list(tx, waiting=True),
            views.conversation_list(tx, unread=True),
            views.run_list(tx, search="Secret"),
            views.run_list(tx, outcome="Hidden"),
            views.thread(tx, conversation),
        )
        assert [*lists, views.run_list(tx), views.handoff_list(tx), views.automation_list(tx)] == [[]] * 10
        assert views.conversation(tx, conversation) is None and views.run(tx, run_id) is None
        assert views.counts(tx) == views.Counts(0, 0, 0, 0, 0, 0)
