"""Texts, questions and files become passages; a second time changes only what is different."""

from __future__ import annotations

import pytest

from flows import training
from flows.actions import ActionRefused
from nodes.errors import AuthFailed, Throttled
from tests.flows.training_rig import TrainingRig

PRICES = "# Prices\n\nA tune-up costs $79.\n\n## Wash\n\nA wash costs $15.\n\n## Chain\n\nA new chain costs $35.\n"


@pytest.fixture
def rig(database_url: str) -> TrainingRig:
    return TrainingRig()


def test_a_text_becomes_passages_with_their_headings(rig: TrainingRig) -> None:
    added = training.add_text(rig.workspace, rig.actor, "Price list", PRICES)
    assert [state for state, _ in rig.work()] == ["done"]
    assert [(each.heading, each.text) for each in rig.passages(added.source)] == [
        ("Prices", "A tune-up costs $79."),
        ("Prices > Wash", "A wash costs $15."),
        ("Prices > Chain", "A new chain costs $35."),
    ]
    line = rig.line(added.source)
    assert (line.status, line.documents, line.indexed, line.passages, line.failed) == ("ready", 1, 1, 3, 0)
    assert line.status_detail == "Looked at 1: 1 new or changed. Passages: 3 added, 0 removed."


def test_a_changed_text_embeds_and_replaces_only_what_changed(rig: TrainingRig) -> None:
    added = training.add_text(rig.workspace, rig.actor, "Price list", PRICES)
    rig.work()
    before = {each.text: each.id for each in rig.passages(added.source)}
    rig.embedder.asked.clear()
    training.add_text(rig.workspace, rig.actor, "Price list", PRICES.replace("$15", "$18"))
    rig.work()
    after = {each.text: each.id for each in rig.passages(added.source)}
    assert rig.embedder.asked == ["Prices > Wash\nA wash costs $18."]
    assert after.keys() == {"A tune-up costs $79.", "A wash costs $18.", "A new chain costs $35."}
    assert after["A tune-up costs $79."] == before["A tune-up costs $79."]
    assert (rig.job(added.source).passages_added, rig.job(added.source).passages_removed) == (1, 1)


def test_a_question_is_found_by_the_question_alone(rig: TrainingRig) -> None:
    pairs = [("Do you repair e-bikes?", "Yes, of every make."), ("Where do I park?", "Behind the shop.")]
    added = training.add_qa(rig.workspace, rig.actor, "Frequent questions", pairs)
    rig.work()
    assert sorted(rig.embedder.asked) == ["Do you repair e-bikes?", "Where do I park?"]
    assert {(each.heading, each.text) for each in rig.passages(added.source)} == set(pairs)
    training.add_qa(rig.workspace, rig.actor, "Frequent questions", [("Where do I park?", "On the roof.")])
    rig.work()
    assert len(rig.embedder.asked) == 2
    assert {each.text for each in rig.passages(added.source)} == {"Yes, of every make.", "On the roof."}


def test_a_file_is_read_indexed_and_its_bytes_let_go(rig: TrainingRig) -> None:
    added = training.add_file(rig.workspace, rig.actor, "prices.csv", b"Service,Price\nWash,$15\nChain,$35\n")
    rig.work()
    [passage] = rig.passages(added.source)
    assert passage.heading == "prices"
    assert "| Wash | $15 |" in passage.text
    assert rig.count("training_uploads") == 0
    assert rig.documents(added.source)["prices.csv"].state == "indexed"


def test_a_file_that_cannot_be_read_says_why_on_its_line(rig: TrainingRig) -> None:
    added = training.add_file(rig.workspace, rig.actor, "menu.pdf", b"%PDF-1.7 and then nothing of the kind")
    rig.work()
    line = rig.documents(added.source)["menu.pdf"]
    assert line.state == "failed"
    assert "damaged" in line.reason
    assert rig.line(added.source).status == "failed"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("film.mp4", b"x", "kind that cannot be read"),
        ("empty.txt", b"", "is empty"),
        ("huge.pdf", bytes(training.MOST_FILE_BYTES + 1), "50 MB can be read"),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(rig: TrainingRig, name: str, content: bytes, said: str) -> None:
    with pytest.raises(ActionRefused, match=said):
        training.add_file(rig.workspace, rig.actor, name, content)
    assert rig.count("training_sources") == 0


def test_files_added_while_a_job_works_are_taken_up_by_it(rig: TrainingRig) -> None:
    added = training.add_file(rig.workspace, rig.actor, "one.txt", b"The first file.")
    rig.embedder.meanwhile.append(
        lambda: training.add_file(rig.workspace, rig.actor, "two.txt", b"The second file.", added.source)
    )
    assert len(rig.work()) == 1
    assert {name: line.state for name, line in rig.documents(added.source).items()} == {
        "one.txt": "indexed",
        "two.txt": "indexed",
    }


def test_an_embedding_model_that_refuses_fails_the_job_and_another_try_goes_on(rig: TrainingRig) -> None:
    added = training.add_text(rig.workspace, rig.actor, "Price list", PRICES)
    rig.embedder.raises.append(AuthFailed("The key is not valid."))
    assert rig.work() == [("failed", "The embedding model refused: The key is not valid.")]
    assert rig.line(added.source).status == "failed"
    training.retry_failed(rig.workspace, rig.actor, added.source)
    rig.work()
    assert rig.line(added.source).status == "ready"
    assert rig.line(added.source).passages == 3


def test_a_busy_embedding_model_is_asked_again(rig: TrainingRig) -> None:
    added = training.add_text(rig.workspace, rig.actor, "Price list", PRICES)
    rig.embedder.raises.append(Throttled("Slow down.", 0.01))
    rig.work()
    assert rig.line(added.source).passages == 3


def test_deleting_a_source_while_it_is_read_leaves_nothing(rig: TrainingRig) -> None:
    added = training.add_text(rig.workspace, rig.actor, "Price list", PRICES)
    rig.embedder.meanwhile.append(lambda: training.delete_source(rig.workspace, rig.actor, added.source))
    [(state, _)] = rig.work()
    assert state == "lost"
    for table in ("training_sources", "training_documents", "training_jobs", "ai_embeddings"):
        assert rig.count(table) == 0
