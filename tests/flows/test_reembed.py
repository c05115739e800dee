"""Another embedding model takes over when every passage has a vector of it, and not before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from db import indexing
from db.engine import transaction
from flows import reembed as module
from flows import training
from flows.models import builtin_embedder, serving_embedder
from flows.reembed import reembed
from nodes.errors import NotSent, Rejected
from tests.fakes.openai_twin import OpenAITwin
from tests.flows.training_rig import CountingEmbedder, TrainingRig

TEXT = "\n\n".join(f"## Part {number}\n\nA wash costs ${number}." for number in range(100))


@pytest.fixture
def rig(database_url: str) -> TrainingRig:
    return TrainingRig()


@pytest.fixture
def source(rig: TrainingRig) -> Any:
    added = training.add_text(rig.workspace, rig.actor, "Prices", TEXT)
    training.add_qa(rig.workspace, rig.actor, "Questions", [("Where do I park?", "Behind the shop.")])
    rig.work()
    return added.source


def models(rig: TrainingRig) -> dict[str, int]:
    found = rig.query("SELECT model, count(*) AS n FROM ai_embeddings GROUP BY model")
    return {row["model"]: row["n"] for row in found}


def serving(rig: TrainingRig, target: CountingEmbedder) -> str:
    with transaction(rig.workspace) as tx:
        return serving_embedder(tx, target, replace(target, model="counting-1")).model


def test_the_former_model_serves_until_the_new_one_has_every_passage(rig: TrainingRig, source: Any) -> None:
    new = CountingEmbedder(model="counting-2")
    assert serving(rig, new) == "counting-1"
    turns = iter([False, True])
    assert reembed(rig.workspace, new, lambda: next(turns)) == 64
    assert models(rig) == {"counting-1": 101, "counting-2": 64}
    assert serving(rig, new) == "counting-1"
    new.raises.append(NotSent("Away."))
    with pytest.raises(NotSent):
        reembed(rig.workspace, new)
    assert reembed(rig.workspace, new) == 37
    assert models(rig) == {"counting-2": 101}
    assert serving(rig, new) == "counting-2"
    assert len(new.asked) == len(set(new.asked)) == 101
    assert "Where do I park?" in new.asked  # the question alone, as before


def test_edits_and_switches_survive_the_change(rig: TrainingRig, source: Any) -> None:
    first, second = rig.passages(source)[:2]
    with transaction(rig.workspace) as tx:
        indexing.rewrite(tx, first, first.heading, "Corrected.", [1.0] + [0.0] * 1535, "counting-1", rig.user)
    training.disable_passage(rig.workspace, rig.user, second.id)
    reembed(rig.workspace, CountingEmbedder(model="counting-2"))
    found = rig.passages(source)
    assert [(each.text, each.edited, each.enabled) for each in found[:2]] == [
        ("Corrected.", True, True),
        (second.text, False, False),
    ]


def test_nothing_is_done_where_nothing_changed(rig: TrainingRig, source: Any) -> None:
    assert reembed(rig.workspace, rig.embedder) == 0
    rig.query("SELECT 1")
    assert models(rig) == {"counting-1": 101}


def test_a_model_that_does_not_answer_is_asked_at_the_next_upkeep(rig: TrainingRig, source: Any) -> None:
    rig.connect_embeddings("http://127.0.0.1:9/v1", "text-embedding-3-small")
    assert module.reembed_all() == 0
    assert models(rig) == {"counting-1": 101}
    assert builtin_embedder().model == "all-MiniLM-L6-v2"


def test_what_is_added_meanwhile_is_found_by_both_models_and_counted_once(rig: TrainingRig, source: Any) -> None:
    new = CountingEmbedder(model="counting-2")
    turns = iter([False, True])
    reembed(rig.workspace, new, lambda: next(turns))
    rig.tools = replace(rig.tools, embedder=lambda workspace: [new, rig.embedder])
    added = training.add_text(
        rig.workspace, rig.actor, "Hours", "# Hours\n\nWe open at nine.\n\n## Sunday\n\nClosed.\n"
    )
    rig.work()
    assert models(rig) == {"counting-1": 103, "counting-2": 66}
    assert serving(rig, new) == "counting-1"
    assert (rig.line(added.source).passages, rig.line(source).passages) == (2, 100)
    assert [each.text for each in rig.passages(added.source)] == ["We open at nine.", "Closed."]
    assert len(rig.passages(source)) == 100
    assert (rig.job(added.source).passages_added, rig.documents(added.source)["Hours"].passages) == (2, 2)
    training.add_text(rig.workspace, rig.actor, "Hours", "# Hours\n\nWe open at ten.\n\n## Sunday\n\nClosed.\n")
    rig.work()
    assert (rig.job(added.source).passages_added, rig.job(added.source).passages_removed) == (1, 1)
    reembed(rig.workspace, new)
    assert models(rig) == {"counting-2": 103}


def test_a_former_model_that_does_not_answer_holds_nothing_up(rig: TrainingRig, source: Any) -> None:
    new = CountingEmbedder(model="counting-2")
    rig.tools = replace(rig.tools, embedder=lambda workspace: [new, rig.embedder])
    rig.embedder.raises.append(Rejected("gone", "There is no such model."))
    added = training.add_text(rig.workspace, rig.actor, "Hours", "# Hours\n\nWe open at nine.\n")
    assert [state for state, _ in rig.work()] == ["done"]
    assert rig.line(added.source).passages == 1


def test_a_few_leftovers_of_the_former_model_do_not_bring_it_back(rig: TrainingRig, source: Any) -> None:
    new = CountingEmbedder(model="counting-2")
    reembed(rig.workspace, new)
    training.add_text(rig.workspace, rig.actor, "Hours", "# Hours\n\nWe open at nine.\n")
    rig.work()  # of a job that began before the change
    assert models(rig) == {"counting-1": 1, "counting-2": 101}
    assert serving(rig, new) == "counting-2"


def test_a_correction_reaches_a_passage_by_both_models(rig: TrainingRig, source: Any) -> None:
    with OpenAITwin() as server:
        rig.connect_embeddings(server.base_url, "counting-2")
        reembed(rig.workspace, CountingEmbedder(model="counting-2"), iter([False, True]).__next__)
        first, second = rig.passages(source)[:2]
        training.edit_passage(rig.workspace, rig.user, first.id, first.heading, "Corrected.")
        training.disable_passage(rig.workspace, rig.user, second.id)
        reembed(rig.workspace, CountingEmbedder(model="counting-2"))
    assert models(rig) == {"counting-2": 101}
    assert [(each.text, each.enabled) for each in rig.passages(source)[:2]] == [
        ("Corrected.", True),
        (second.text, False),
    ]
