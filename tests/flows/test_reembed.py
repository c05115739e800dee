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
from nodes.errors import NotSent
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
