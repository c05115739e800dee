"""Changes that wait for a person, and passages that a person corrected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from db import training_changes
from db.engine import transaction
from db.training_changes import Change
from flows import training
from flows.actions import ActionRefused
from flows.training import Website
from tests.fakes.openai_twin import OpenAITwin
from tests.fakes.site_twin import SiteTwin
from tests.flows.training_rig import TrainingRig

WORDS = "<p>We are glad to help you with it in our workshop on Main Street, on every day of the week.</p>"


@pytest.fixture
def rig(database_url: str) -> TrainingRig:
    return TrainingRig()


@pytest.fixture
def site() -> Iterator[SiteTwin]:
    with SiteTwin() as twin:
        twin.page("/", "Corner Cycles", WORDS, links=["/prices", "/team"])
        twin.page("/prices", "Prices", f"<p>A wash costs $15 at our shop.</p>{WORDS}")
        twin.page("/team", "Team", f"<p>Ana leads the workshop.</p>{WORDS}")
        yield twin


@pytest.fixture
def watched(rig: TrainingRig, site: SiteTwin) -> Any:
    """A website whose changes must be approved, crawled once."""
    added = training.add_website(rig.workspace, rig.actor, Website(site.url("/"), "Shop", review=True))
    rig.configure(added.source, pause_seconds=0)
    rig.work()
    assert rig.line(added.source).indexed == 3  # the first crawl asks nobody
    return added.source


def recrawl(rig: TrainingRig, source: Any) -> None:
    training.crawl_now(rig.workspace, rig.actor, source)
    rig.work()


def waiting(rig: TrainingRig) -> list[Change]:
    with transaction(rig.workspace) as tx:
        return training_changes.recent(tx, state="waiting")


def texts(rig: TrainingRig, source: Any) -> str:
    return " ".join(each.text for each in rig.passages(source) if each.enabled)


def test_a_changed_page_waits_and_the_former_text_serves_until_it_is_approved(
    rig: TrainingRig, site: SiteTwin, watched: Any
) -> None:
    site.page("/prices", "Prices", f"<p>A wash costs $18 at our shop.</p>{WORDS}")
    recrawl(rig, watched)
    assert rig.documents(watched)[site.url("/prices")].state == "quarantined"
    assert "$15" in texts(rig, watched) and "$18" not in texts(rig, watched)
    [change] = waiting(rig)
    assert [(item["before"], item["after"]) for item in change.items] == [("$15", "$18")]
    recrawl(rig, watched)
    assert [each.id for each in waiting(rig)] == [change.id]  # asking twice does not ask twice
    training.approve_change(rig.workspace, rig.user, change.id)
    rig.work()
    assert "$18" in texts(rig, watched) and "$15" not in texts(rig, watched)
    assert rig.documents(watched)[site.url("/prices")].state == "indexed"
    recrawl(rig, watched)
    assert waiting(rig) == []
    assert rig.job(watched).unchanged == 3


def test_a_rejected_version_is_not_proposed_again_but_the_next_one_is(
    rig: TrainingRig, site: SiteTwin, watched: Any
) -> None:
    site.page("/prices", "Prices", f"<p>A wash costs $1 at our shop.</p>{WORDS}")
    recrawl(rig, watched)
    [change] = waiting(rig)
    training.reject_change(rig.workspace, rig.user, change.id)
    recrawl(rig, watched)
    recrawl(rig, watched)
    assert waiting(rig) == []
    assert "$15" in texts(rig, watched)
    assert rig.documents(watched)[site.url("/prices")].state == "indexed"
    with pytest.raises(ActionRefused, match="does not wait any more"):
        training.approve_change(rig.workspace, rig.user, change.id)
    site.page("/prices", "Prices", f"<p>A wash costs $16 at our shop.</p>{WORDS}")
    recrawl(rig, watched)
    assert [item["after"] for item in waiting(rig)[0].items] == ["$16"]


def test_a_page_that_says_again_what_it_said_needs_no_decision(rig: TrainingRig, site: SiteTwin, watched: Any) -> None:
    before = site.things["/prices"]
    site.page("/prices", "Prices", f"<p>A wash costs $18 at our shop.</p>{WORDS}")
    recrawl(rig, watched)
    site.things["/prices"] = before
    recrawl(rig, watched)
    assert waiting(rig) == []
    assert rig.documents(watched)[site.url("/prices")].state == "indexed"


def test_a_page_that_is_gone_serves_until_its_removal_is_approved(
    rig: TrainingRig, site: SiteTwin, watched: Any
) -> None:
    site.page("/", "Corner Cycles", WORDS, links=["/prices"])
    recrawl(rig, watched)
    assert "Ana leads" in texts(rig, watched)
    [change] = waiting(rig)
    assert change.kind == "removed"
    recrawl(rig, watched)
    assert [each.id for each in waiting(rig)] == [change.id]
    training.approve_change(rig.workspace, rig.user, change.id)
    assert "Ana leads" not in texts(rig, watched)
    assert rig.documents(watched)[site.url("/team")].state == "removed"


def test_a_page_that_is_gone_may_be_kept_for_good(rig: TrainingRig, site: SiteTwin, watched: Any) -> None:
    del site.things["/team"]
    recrawl(rig, watched)
    training.reject_change(rig.workspace, rig.user, waiting(rig)[0].id)
    recrawl(rig, watched)
    assert waiting(rig) == []
    assert "Ana leads" in texts(rig, watched)


def test_a_new_page_waits_too(rig: TrainingRig, site: SiteTwin, watched: Any) -> None:
    site.page("/news", "News", f"<p>Free beer for everyone on May 1st.</p>{WORDS}")
    site.page("/", "Corner Cycles", WORDS, links=["/prices", "/team", "/news"])
    recrawl(rig, watched)
    change = next(each for each in waiting(rig) if each.kind == "added")
    assert "Free beer" not in texts(rig, watched)
    assert change.items[0]["kind"] == "date"
    training.approve_change(rig.workspace, rig.user, change.id)
    rig.work()
    assert "Free beer" in texts(rig, watched)


@pytest.fixture
def text_source(rig: TrainingRig) -> Any:
    added = training.add_text(
        rig.workspace, rig.actor, "Prices", "# Prices\n\nAll in dollars.\n\n## Wash\n\nA wash costs $15.\n"
    )
    rig.work()
    return added.source


def test_a_switched_off_passage_stays_off_when_its_document_changes_elsewhere(
    rig: TrainingRig, text_source: Any
) -> None:
    wash = rig.passages(text_source)[1]
    training.disable_passage(rig.workspace, rig.user, wash.id)
    training.add_text(rig.workspace, rig.actor, "Prices", "# Prices\n\nAll in euros.\n\n## Wash\n\nA wash costs $15.\n")
    rig.work()
    assert [(each.text, each.enabled) for each in rig.passages(text_source)] == [
        ("All in euros.", True),
        ("A wash costs $15.", False),
    ]
    training.disable_passage(rig.workspace, rig.user, wash.id, enabled=True)
    assert rig.passages(text_source)[1].enabled


def test_an_edit_lasts_until_the_document_says_something_else_there(
    rig: TrainingRig, text_source: Any, edits: None
) -> None:
    wash = rig.passages(text_source)[1]
    training.edit_passage(rig.workspace, rig.user, wash.id, wash.heading, "A wash costs $15, on Mondays $10.")
    assert [(each.text, each.edited) for each in rig.passages(text_source)][1] == (
        "A wash costs $15, on Mondays $10.",
        True,
    )
    training.add_text(rig.workspace, rig.actor, "Prices", "# Prices\n\nAll in euros.\n\n## Wash\n\nA wash costs $15.\n")
    rig.work()
    assert [each.text for each in rig.passages(text_source)] == ["All in euros.", "A wash costs $15, on Mondays $10."]
    training.add_text(rig.workspace, rig.actor, "Prices", "# Prices\n\nAll in euros.\n\n## Wash\n\nA wash costs $20.\n")
    rig.work()
    assert [(each.text, each.edited) for each in rig.passages(text_source)] == [
        ("All in euros.", False),
        ("A wash costs $20.", False),
    ]


def test_an_edit_can_be_taken_back(rig: TrainingRig, text_source: Any, edits: None) -> None:
    wash = rig.passages(text_source)[1]
    training.edit_passage(rig.workspace, rig.user, wash.id, "Other", "Something else.")
    training.restore_passage(rig.workspace, rig.user, wash.id)
    assert [(each.heading, each.text, each.edited) for each in rig.passages(text_source)][1] == (
        "Prices > Wash",
        "A wash costs $15.",
        False,
    )
    with pytest.raises(ActionRefused, match="was not edited"):
        training.restore_passage(rig.workspace, rig.user, wash.id)


@pytest.fixture
def edits(rig: TrainingRig) -> Iterator[None]:
    """An embedding server of the workspace: what a person edits is embedded at once, by the model that is connected."""
    with OpenAITwin() as server:
        rig.connect_embeddings(server.base_url)
        yield
