from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from db import document_states, documents, indexing, passages, training_changes, training_jobs, views
from db.engine import one, read_only, run, system
from db.passages import Piece
from tests.db import builders as a

NOW = datetime(2026, 3, 14, 10, 0, tzinfo=UTC)


def _vector(*first: float) -> list[float]:
    return [*first, *[0.0] * (1536 - len(first))]


def _source(workspace: UUID, name: str, **columns: Any) -> UUID:
    with system() as tx:
        return a.a_source(tx, workspace, name=name, **columns)


def _document(workspace: UUID, source: UUID, address: str, texts: list[str], heading: str = "Prices") -> UUID:
    """An indexed document with a passage per text."""
    with system() as tx:
        job, _ = training_jobs.add(tx, workspace, source, "added", "some")
        id = documents.put(tx, workspace, source, job, address, address.title(), "text", address.encode())
        pieces = [Piece(text, heading, place, _vector(1.0, place), "m1", "en") for place, text in enumerate(texts)]
        indexing.put(tx, workspace, source, "website", address, pieces)
        document = documents.get(tx, id)
        assert document is not None
        document_states.set_indexed(tx, document, job, len(texts))
    return id


def test_sources_come_newest_first_with_the_work_on_them(workspace: UUID) -> None:
    old = _source(workspace, "Old site", type="website", created_at=NOW)
    new = _source(workspace, "New site", type="website", created_at=NOW + timedelta(hours=1))
    _document(workspace, old, "a", ["One.", "Two."])
    failed = _document(workspace, old, "b", ["Three."])
    with system() as tx:
        job = training_jobs.open_of(tx, old)
        assert job is not None
        document_states.set_failed(tx, failed, job.id, "The page answers 500. Try again later.", retryable=True)
        training_jobs.count(tx, job.id, found=2, indexed=1, failed=1)
    with read_only(workspace) as tx:
        first, second = views.training_list(tx)
        single = views.training_source(tx, old)
    assert (first.name, first.job, first.documents, first.passages) == ("New site", None, 0, 0)
    assert (second.documents, second.indexed, second.failed, second.passages) == (2, 1, 1, 3)
    assert second.job is not None
    assert (second.job.looked_at, second.job.found) == (2, 2)
    assert single == second
    assert new == first.id


def test_sources_are_found_by_name_and_kind_and_paged_without_gap(workspace: UUID) -> None:
    for number in range(5):
        _source(workspace, f"Site {number}", type="website", url=f"https://s{number}.example.com", created_at=NOW)
    _source(workspace, "Letter", type="text", created_at=NOW)
    with read_only(workspace) as tx:
        assert [line.name for line in views.training_list(tx, search="s3.exam")] == ["Site 3"]
        assert [line.name for line in views.training_list(tx, type="text")] == ["Letter"]
        assert [line.name for line in views.training_list(tx, search="100%")] == []
        seen, before = [], None
        while page := views.training_list(tx, before=before, limit=2):
            seen += [line.id for line in page]
            before = page[-1].cursor
        assert seen == [line.id for line in views.training_list(tx)]
        assert len(seen) == 6


def test_a_source_without_documents_counts_its_passages_themselves(workspace: UUID) -> None:
    source = _source(workspace, "Shop documents", type="file")
    with system() as tx:
        passages.replace_document(
            tx, workspace, source, "file", "hours.md", [Piece("Nine to six.", "Hours", 0, _vector(1.0), "m1")]
        )
    with read_only(workspace) as tx:
        [line] = views.training_list(tx)
    assert (line.documents, line.passages, line.last_read_at) == (0, 1, None)


def test_when_a_source_was_read_last_is_the_end_of_its_last_complete_work(workspace: UUID) -> None:
    source = _source(workspace, "Site", type="website")
    with system() as tx:
        first, _ = training_jobs.add(tx, workspace, source, "added")
        run(
            tx,
            "UPDATE training_jobs SET state = 'done', finished_at = %(now)s WHERE id = %(id)s",
            now=NOW,
            id=first,
        )
        training_jobs.add(tx, workspace, source, "by_hand")
    with read_only(workspace) as tx:
        line = views.training_source(tx, source)
    assert line is not None and line.job is not None
    assert (line.last_read_at, line.job.state, line.job.cause) == (NOW, "pending", "by_hand")


def test_failures_are_gathered_by_their_reason(workspace: UUID) -> None:
    source = _source(workspace, "Site", type="website")
    reasons = ["The page answers 500.", "The page answers 500.", "The file has no text."]
    for number, reason in enumerate(reasons):
        id = _document(workspace, source, f"page-{number}", ["Text."])
        with system() as tx:
            job = training_jobs.open_of(tx, source)
            assert job is not None
            document_states.set_failed(tx, id, job.id, reason, retryable="500" in reason)
    _document(workspace, source, "fine", ["Text."])
    with read_only(workspace) as tx:
        often, once = views.failures(tx, source)
        assert views.document_states(tx, source) == {"failed": 3, "indexed": 1}
    assert (often.reason, often.documents, often.retryable, often.example) == (reasons[0], 2, True, "page-0")
    assert (once.documents, once.retryable) == (1, False)


def test_passages_are_listed_by_source_document_and_place(workspace: UUID) -> None:
    source = _source(workspace, "Site", type="website", url="https://example.com")
    _document(workspace, source, "b", ["b0", "b1"])
    _document(workspace, source, "a", ["a0", "a1"])
    with read_only(workspace) as tx:
        lines = views.passage_list(tx, source=source)
        assert [line.text for line in lines] == ["a0", "a1", "b0", "b1"]
        assert [line.text for line in views.passage_list(tx, after=lines[1].id, limit=1)] == ["b0"]
        assert [line.text for line in views.passage_list(tx, source=source, document="b")] == ["b0", "b1"]
        assert views.passage(tx, lines[0].id) == lines[0]
    assert (lines[0].source_name, lines[0].source_type) == ("Site", "website")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("cargo", ["A cargo bike costs $70."]),
        ("BIKES car", ["A cargo bike costs $70."]),
        ("prices", ["A cargo bike costs $70.", "Helmets are free."]),  # of the heading
        ("bike helmets", []),
        ("are", ["Helmets are free."]),  # a word that says nothing: by its letters
        ("'; --", []),
        ("!!", []),
    ],
)
def test_passages_are_found_by_the_beginnings_of_their_words(workspace: UUID, search: str, found: list[str]) -> None:
    source = _source(workspace, "Site", type="website")
    _document(workspace, source, "a", ["A cargo bike costs $70.", "Helmets are free."])
    with read_only(workspace) as tx:
        assert [line.text for line in views.passage_list(tx, search=search)] == found


def test_passages_that_a_person_touched_are_listed_by_themselves(workspace: UUID) -> None:
    source = _source(workspace, "Site", type="website")
    _document(workspace, source, "a", ["one", "two", "three"])
    with system() as tx:
        one_, two, _ = views.passage_list(tx, source=source)
        indexing.rewrite(tx, one_, "Prices", "one, corrected", _vector(0.5), "m1", None)
        indexing.switch(tx, two.id, enabled=False)
    with read_only(workspace) as tx:
        assert [line.text for line in views.passage_list(tx, shown="edited")] == ["one, corrected"]
        assert [line.text for line in views.passage_list(tx, shown="off")] == ["two"]
        [count] = views.passage_counts(tx)
    assert (count.id, count.name, count.passages) == (source, "Site", 2)


def test_changes_say_where_and_who_decided(workspace: UUID) -> None:
    source = _source(workspace, "Site", type="website")
    made = [_document(workspace, source, address, ["text"]) for address in ("a", "b", "c")]
    with system() as tx:
        ana = a.a_user(tx, workspace, "builder")
        items = [{"kind": "price", "where": "Prices", "before": "$40", "after": "$45"}]
        applied, waiting, decided = (
            training_changes.add(tx, workspace, source, document, None, "changed", items, waiting=wait)
            for document, wait in zip(made, (False, True, True), strict=True)
        )
        training_changes.decide(tx, decided, "approved", ana)
        outdated = training_changes.add(tx, workspace, source, made[0], None, "changed", items, waiting=True)
        training_changes.drop_waiting(tx, made[0])
    with read_only(workspace) as tx:
        lines = views.change_list(tx)
        assert [line.id for line in lines] == [decided, waiting, applied]
        assert outdated not in [line.id for line in lines]
        assert [line.id for line in views.change_list(tx, waiting=True, source=source)] == [waiting]
        assert [line.id for line in views.change_list(tx, before=lines[0].seq, limit=1)] == [waiting]
        assert views.waiting_changes(tx) == 1
    assert (lines[0].decided_by_name, lines[0].document_title, lines[0].source_name) == ("Ana Silva", "C", "Site")


def test_points_have_the_vector_of_their_passage_and_come_from_one_model(workspace: UUID) -> None:
    source = _source(workspace, "Site", type="website")
    _document(workspace, source, "a", ["one", "two"])
    with system() as tx:
        passages.replace_document(
            tx, workspace, source, "website", "z", [Piece("other model", "", 0, _vector(0.25), "m2")]
        )
    with read_only(workspace) as tx:
        points = views.sample_points(tx)
        assert len(views.sample_points(tx, most=1)) == 1
    assert {(point.document, point.heading) for point in points} == {("a", "Prices")}
    assert len(points[0].vector) == 4 + 4 * 1536
    assert points[0].vector[4:8].hex() == "3f800000"  # 1.0 as float32, big end first


def test_nothing_of_another_workspace_is_shown(workspace: UUID, other_workspace: UUID) -> None:
    source = _source(workspace, "Site", type="website")
    document = _document(workspace, source, "a", ["text"])
    with system() as tx:
        training_changes.add(tx, workspace, source, document, None, "added", [], waiting=True)
        row = one(tx, "SELECT id FROM ai_embeddings")
    assert row is not None
    with read_only(other_workspace) as tx:
        assert views.training_list(tx) == []
        assert views.training_source(tx, source) is None
        assert views.document_states(tx, source) == {}
        assert views.failures(tx, source) == []
        assert views.passage_list(tx) == []
        assert views.passage(tx, row["id"]) is None
        assert views.change_list(tx) == []
        assert views.waiting_changes(tx) == 0
        assert views.passage_counts(tx) == []
        assert views.sample_points(tx) == []
