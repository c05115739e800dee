"""Searches of the production runs as a list, newest first."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from db.engine import one, read_only, run, system
from db.views.paging import CursorInvalid
from db.views.retrievals import retrieval, retrieval_list
from tests.db import builders as a

NOW = datetime(2026, 3, 14, 10, 0, tzinfo=UTC)
PASSAGE = {"id": str(uuid4()), "source": "Prices", "heading": "Wash", "text": "A wash costs $18.", "score": 0.61}


def _searched(workspace: UUID, *questions: str, found: bool = True) -> list[UUID]:
    """A run with one search per question; the first is the newest."""
    made = []
    with system() as tx:
        automation = a.an_automation(tx, workspace)
        contact = a.a_contact(tx, workspace, name="Mia Wong")
        conversation = a.a_conversation(tx, workspace, contact)
        for number, question in enumerate(questions):
            made.append(a.a_run(tx, workspace, automation, conversation))
            a.a_step(tx, workspace, made[-1], "in")
            a.a_step(
                tx,
                workspace,
                made[-1],
                "documents",
                1,
                node="retrieve@1",
                input={"message": question},
                output={"passages": [PASSAGE] if found else [], "found": found, "best_score": 0.61 if found else 0.0},
                detail={
                    "query": f"hello\n{question}",
                    "model": "words",
                    "scores": [{"heading": "Wash", "score": 0.61}],
                },
                started_at=NOW - timedelta(minutes=number),
                duration_ms=12.5,
            )
    return made


def test_searches_come_newest_first_with_question_message_score_and_run(workspace: UUID) -> None:
    runs = _searched(workspace, "how much is a wash", "and on sunday?")
    with read_only(workspace) as tx:
        first, second = retrieval_list(tx)
    assert [first.run_id, second.run_id] == runs
    assert (first.step_id, first.at, first.question, first.message) == (
        "documents",
        NOW,
        "hello\nhow much is a wash",
        "how much is a wash",
    )
    assert (first.best_score, first.found, first.contact_name, first.duration_ms) == (0.61, 1, "Mia Wong", 12.5)
    assert first.conversation_id is not None and first.automation_name


def test_the_list_is_searched_filtered_and_continued(workspace: UUID) -> None:
    _searched(workspace, *(f"question {n}" for n in range(5)))
    _searched(workspace, "do you sell 100% wool", found=False)
    with read_only(workspace) as tx:
        assert [line.message for line in retrieval_list(tx, search="100%")] == ["do you sell 100% wool"]
        assert [line.found for line in retrieval_list(tx, found=False)] == [0]
        assert len(retrieval_list(tx, found=True)) == 5
        assert retrieval_list(tx, search="nowhere") == []
        seen: list[UUID] = []
        page = retrieval_list(tx, limit=2)
        while page:
            seen += [line.run_id for line in page]
            page = retrieval_list(tx, limit=2, before=page[-1].cursor)
        assert len(seen) == len(set(seen)) == 6
        with pytest.raises(CursorInvalid):
            retrieval_list(tx, before="yesterday")


def test_one_search_shows_its_passages_and_every_score(workspace: UUID, other_workspace: UUID) -> None:
    [run_id] = _searched(workspace, "how much is a wash")
    with read_only(workspace) as tx:
        found = retrieval(tx, run_id, "documents")
        assert found is not None and found.model == "words"
        assert [passage["heading"] for passage in found.passages] == ["Wash"] and found.scores[0]["score"] == 0.61
        assert retrieval(tx, run_id, "in") is None and retrieval(tx, uuid4(), "documents") is None
    with read_only(other_workspace) as tx:
        assert retrieval(tx, run_id, "documents") is None and retrieval_list(tx) == []


def test_a_search_that_failed_is_listed_too(workspace: UUID) -> None:
    [run_id] = _searched(workspace, "how much is a wash")
    with system() as tx:
        run(tx, "UPDATE run_steps SET state = 'failed', output = '{}', detail = '{}' WHERE node = 'retrieve@1'")
    with read_only(workspace) as tx:
        [line] = retrieval_list(tx)
        assert (line.run_id, line.question, line.found, line.best_score) == (run_id, "", 0, 0.0)


def test_the_newest_of_many_are_found_by_the_index(workspace: UUID) -> None:
    _searched(workspace, "how much is a wash")
    with system() as tx:
        run(tx, _MANY, workspace=workspace)
    with system() as tx:
        run(tx, "ANALYZE run_steps")
    with read_only(workspace) as tx:
        assert len(retrieval_list(tx, limit=3)) == 3
        plan = one(
            tx,
            """EXPLAIN (FORMAT JSON) SELECT * FROM run_steps s WHERE s.node = 'retrieve@1'
               ORDER BY s.started_at DESC, s.run_id DESC, s.step_id DESC LIMIT 50""",
        )
    assert plan is not None and "run_steps_retrievals" in str(plan)


_MANY = """
    WITH many AS (
        INSERT INTO runs (workspace_id, automation_id, version_id, state)
        SELECT r.workspace_id, r.automation_id, r.version_id, 'done' FROM (SELECT * FROM runs WHERE workspace_id = %(workspace)s LIMIT 1) r,
            generate_series(1, 3000) RETURNING id, workspace_id)
    INSERT INTO run_steps (run_id, workspace_id, step_id, position, node, state, started_at)
    SELECT id, workspace_id, step, 0, CASE step WHEN 'documents' THEN 'retrieve@1' ELSE 'generate@1' END, 'done',
        now() - random() * interval '9 days'
    FROM many, unnest(ARRAY['documents', 'reply', 'send', 'recall']) step
"""
