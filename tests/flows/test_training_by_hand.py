"""What the pages offer beyond single steps: deciding about all changes at once, removing one file or question."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from db import training_changes
from db.engine import transaction
from flows import training
from flows.actions import ActionRefused
from flows.training import Website
from tests.fakes.site_twin import SiteTwin
from tests.flows.training_rig import TrainingRig

WORDS = "<p>We are glad to help you with it in our workshop on Main Street, on every day of the week.</p>"


@pytest.fixture
def rig(database_url: str) -> TrainingRig:
    return TrainingRig()


@pytest.fixture
def site() -> Iterator[SiteTwin]:
    with SiteTwin() as twin:
        yield twin


def _write(site: SiteTwin, price: int) -> None:
    site.page("/", "Corner Cycles", f"<p>A wash costs ${price} at our shop.</p>{WORDS}", links=["/tyres"])
    site.page("/tyres", "Tyres", f"<p>A tyre costs ${price + 20} with us.</p>{WORDS}")


def _waiting(rig: TrainingRig, site: SiteTwin) -> UUID:
    """A website of which two pages changed and wait."""
    _write(site, 15)
    added = training.add_website(rig.workspace, rig.actor, Website(site.url("/"), "Shop", review=True))
    rig.configure(added.source, pause_seconds=0)
    rig.work()
    _write(site, 16)
    training.crawl_now(rig.workspace, rig.actor, added.source)
    rig.work()
    assert rig.line(added.source).waiting == 2
    return added.source


def test_every_change_that_waits_is_approved_at_once(rig: TrainingRig, site: SiteTwin) -> None:
    source = _waiting(rig, site)
    assert training.decide_waiting(rig.workspace, rig.user, approve=True, source=source) == 2
    rig.work()
    texts = " ".join(passage.text for passage in rig.passages(source))
    assert "$16" in texts and "$36" in texts and "$15" not in texts
    assert training.decide_waiting(rig.workspace, rig.user, approve=True) == 0


def test_every_change_that_waits_is_rejected_at_once_and_those_of_other_sources_are_not(
    rig: TrainingRig, site: SiteTwin
) -> None:
    source = _waiting(rig, site)
    assert training.decide_waiting(rig.workspace, rig.user, approve=False, source=uuid4()) == 0
    assert training.decide_waiting(rig.workspace, rig.user, approve=False) == 2
    rig.work()
    assert "$16" not in " ".join(passage.text for passage in rig.passages(source))
    with transaction(rig.workspace) as tx:
        assert {change.state for change in training_changes.recent(tx, source)} == {"rejected"}


def test_one_question_is_removed_and_can_be_asked_again_later(rig: TrainingRig) -> None:
    pairs = [("Do you rent bikes?", "Yes, from $20."), ("Do you sell bikes?", "No.")]
    source = training.add_qa(rig.workspace, rig.actor, "FAQ", pairs).source
    rig.work()
    rent = rig.documents(source)["Do you rent bikes?"]
    assert training.remove_document(rig.workspace, rig.actor, rent.id) == source
    assert [passage.heading for passage in rig.passages(source)] == ["Do you sell bikes?"]
    assert rig.documents(source)["Do you rent bikes?"].state == "removed"
    training.add_qa(rig.workspace, rig.actor, "FAQ", pairs[:1])
    rig.work()
    assert {passage.heading for passage in rig.passages(source)} == {"Do you rent bikes?", "Do you sell bikes?"}


def test_what_is_being_worked_on_or_crawled_is_not_removed(rig: TrainingRig, site: SiteTwin) -> None:
    source = training.add_qa(rig.workspace, rig.actor, "FAQ", [("Open on Sunday?", "No.")]).source
    question = rig.documents(source)["Open on Sunday?"]
    with pytest.raises(ActionRefused, match="being worked on"):
        training.remove_document(rig.workspace, rig.actor, question.id)
    website = _waiting(rig, site)
    with pytest.raises(ActionRefused, match="Switch off the passages"):
        training.remove_document(rig.workspace, rig.actor, next(iter(rig.documents(website).values())).id)
    with pytest.raises(ActionRefused, match="does not exist"):
        training.remove_document(rig.workspace, rig.actor, uuid4())
