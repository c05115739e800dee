"""Most of a site goes at once: a person is asked, whatever the reason looks like. Single pages go by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from db import training_changes
from db.engine import transaction
from flows import training
from flows.training import Website
from tests.fakes.site_twin import SiteTwin
from tests.flows.test_crawl import WORDS, again, crawled
from tests.flows.training_rig import TrainingRig

PATHS = [f"/page-{number}" for number in range(9)]


@pytest.fixture
def rig(database_url: str) -> TrainingRig:
    return TrainingRig()


@pytest.fixture
def site() -> Iterator[SiteTwin]:
    with SiteTwin() as twin:
        twin.page("/", "Home", WORDS, links=PATHS)
        for number, path in enumerate(PATHS):
            twin.page(path, f"Page {number}", f"<p>Number {number} costs ${number}.</p>{WORDS}")
        yield twin


@pytest.fixture
def source(rig: TrainingRig, site: SiteTwin) -> Any:
    source = crawled(rig, site).source
    assert rig.line(source).indexed == 10
    return source


def waiting(rig: TrainingRig) -> int:
    with transaction(rig.workspace) as tx:
        return len(training_changes.recent(tx, state="waiting"))


def texts(rig: TrainingRig, source: Any) -> str:
    return " ".join(each.text for each in rig.passages(source))


def not_there(site: SiteTwin) -> None:
    for path in PATHS:
        site.things.pop(path)


def nothing_leads_there(site: SiteTwin) -> None:
    site.page("/", "Home", WORDS)


def closed_for_works(site: SiteTwin) -> None:
    for path in PATHS:
        site.page(path, "Shop", f"<p>We are rebuilding our website for you.</p>{WORDS}")


def forbidden(site: SiteTwin) -> None:
    site.text("/robots.txt", "User-agent: *\nDisallow: /page\n")


def all_lead_home(site: SiteTwin) -> None:
    for path in PATHS:
        site.redirect(path, "/")


@pytest.mark.parametrize(
    ("what", "gone"), [(not_there, 9), (nothing_leads_there, 9), (closed_for_works, 8), (forbidden, 9), (all_lead_home, 9)]
)  # fmt: skip
def test_most_of_a_site_waits_for_a_person(rig: TrainingRig, site: SiteTwin, source: Any, what: Any, gone: int) -> None:
    before = dict(site.things)
    what(site)
    again(rig, source)
    assert rig.line(source).status_detail.endswith(
        f"{gone} of 10 pages are gone: none was removed, because that is most of the site. Look at it, then approve or keep them."
    )
    assert rig.line(source).config["vanished"] == {"gone": gone, "of": 10}
    assert waiting(rig) == gone and rig.job(source).waiting == gone
    assert "Number 8 costs $8." in texts(rig, source)
    again(rig, source)
    assert waiting(rig) == gone  # asking twice does not ask twice
    site.things.clear()
    site.things.update(before)
    again(rig, source)
    assert waiting(rig) == 0
    assert "vanished" not in rig.line(source).config
    assert all(f"Number {number} costs" in texts(rig, source) for number in range(9))
    assert rig.line(source).indexed == 10


def test_what_vanished_goes_when_a_person_says_so_all_at_once(rig: TrainingRig, site: SiteTwin, source: Any) -> None:
    not_there(site)
    again(rig, source)
    assert training.approve_removals(rig.workspace, rig.user, source) == 9
    assert "Number" not in texts(rig, source)
    assert rig.line(source).documents == 1


def test_what_vanished_stays_when_a_person_says_so(rig: TrainingRig, site: SiteTwin, source: Any) -> None:
    not_there(site)
    again(rig, source)
    assert training.keep_removed(rig.workspace, rig.user, source) == 9
    again(rig, source)
    assert waiting(rig) == 0
    assert "Number 8 costs $8." in texts(rig, source)


def test_pages_that_moved_are_not_gone(rig: TrainingRig, site: SiteTwin, source: Any) -> None:
    for number, path in enumerate(PATHS):
        site.things[f"/new{path}"] = site.things[path]
        site.redirect(path, f"/new{path}", 301)
        assert number >= 0
    again(rig, source)
    assert waiting(rig) == 0
    assert rig.line(source).indexed == 10
    assert rig.passages(source, site.url("/page-3")) == []
    assert rig.passages(source, site.url("/new/page-3")) != []


def test_new_addresses_take_the_place_of_those_that_nothing_leads_to_any_more(
    rig: TrainingRig, site: SiteTwin, source: Any
) -> None:
    for path in PATHS:
        site.things[f"/new{path}"] = site.things[path]
    site.page("/", "Home", WORDS, links=[f"/new{path}" for path in PATHS])
    again(rig, source)
    assert waiting(rig) == 0
    assert {line.address for line in rig.documents(source).values() if line.state == "indexed"} == {
        site.url("/"), *(site.url(f"/new{path}") for path in PATHS),
    }  # fmt: skip


def test_a_sitemap_in_trouble_removes_nothing(rig: TrainingRig, site: SiteTwin) -> None:
    site.page("/", "Home", WORDS)
    for path in PATHS[2:]:
        site.things.pop(path)
    site.text(
        "/sitemap.xml", "".join(f"<loc>{site.url(path)}</loc>" for path in PATHS[:2]).join(("<urlset>", "</urlset>"))
    )
    source = crawled(rig, site).source
    assert rig.line(source).indexed == 3
    site.fail("/sitemap.xml", 500)
    again(rig, source)
    assert rig.line(source).indexed == 3 and waiting(rig) == 0


def test_what_the_owner_leaves_out_goes_without_a_question(rig: TrainingRig, site: SiteTwin, source: Any) -> None:
    training.change_website(rig.workspace, rig.actor, source, Website(site.url("/"), prefix="/page-1"))
    again(rig, source)
    assert waiting(rig) == 0
    assert rig.line(source).indexed == 2  # the start page is always read


def test_a_shorter_list_of_addresses_lets_the_others_go(rig: TrainingRig, site: SiteTwin) -> None:
    every = [site.url(path) for path in PATHS]
    source = training.add_urls(rig.workspace, rig.actor, "Some pages", every).source
    rig.configure(source, pause_seconds=0)
    rig.work()
    training.add_urls(rig.workspace, rig.actor, "Some pages", every[:2])
    rig.work()
    assert rig.line(source).indexed == 2
    assert waiting(rig) == 0
