"""A website is crawled: what belongs to it, what changed, what is gone, and what a site can do to a crawler."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flows import training
from flows.pulse import JobGivenBack, Pulse
from flows.retrieval_test import try_retrieval
from flows.training import Website
from nodes.search import SearchSettings
from tests.fakes import site_twin
from tests.fakes.site_twin import SiteTwin
from tests.flows.training_rig import TrainingRig

WORDS = "<p>We are glad to help you with it in our workshop on Main Street, on every day of the week.</p>"


@pytest.fixture
def rig(database_url: str) -> TrainingRig:
    return TrainingRig()


@pytest.fixture
def site() -> Iterator[SiteTwin]:
    with SiteTwin() as twin:
        twin.page(
            "/",
            "Corner Cycles",
            f"<p>We repair bicycles.</p>{WORDS}",
            links=["/prices", "/hours#today", "mailto:a@b.example"],
        )
        twin.page(
            "/prices",
            "Prices",
            f"<p>A tune-up costs $79.</p>{WORDS}<h2>Wash</h2><p>A wash costs $15 at our shop.</p>{WORDS}",
            links=["/", "/team"],
        )
        twin.page("/hours", "Opening hours", f"<p>We open at 9:00.</p>{WORDS}", links=["/"])
        twin.page("/team", "Team", f"<p>Ana leads the workshop.</p>{WORDS}", links=["/"])
        yield twin


def crawled(rig: TrainingRig, site: SiteTwin, **options: object) -> training.Added:
    added = training.add_website(rig.workspace, rig.actor, Website(site.url("/"), "Shop", **options))  # type: ignore[arg-type]
    rig.configure(added.source, pause_seconds=0)
    rig.work()
    return added


def again(rig: TrainingRig, source: object) -> None:
    training.crawl_now(rig.workspace, rig.actor, source)  # type: ignore[arg-type]
    rig.work()


def states(rig: TrainingRig, site: SiteTwin, source: object) -> dict[str, str]:
    return {address.removeprefix(site.url("")): line.state for address, line in rig.documents(source).items()}  # type: ignore[arg-type]


def test_every_page_of_the_site_is_read_once_and_indexed(rig: TrainingRig, site: SiteTwin) -> None:
    added = crawled(rig, site)
    assert states(rig, site, added.source) == dict.fromkeys(["/", "/prices", "/hours", "/team"], "indexed")
    assert sorted(site.paths()) == [
        "/",
        "/",
        "/hours",
        "/prices",
        "/team",
    ]  # the first one finds out where the site begins
    assert rig.passages(added.source, site.url("/prices"))[0].heading == "Prices"
    assert any("$15" in each.text and each.heading == "Prices > Wash" for each in rig.passages(added.source))
    assert not any("Copyright" in each.text or "href" in each.text for each in rig.passages(added.source))
    line = rig.line(added.source)
    assert (line.status, line.documents, line.indexed) == ("ready", 4, 4)
    assert line.bytes > 1000


def test_a_crawl_learns_what_the_site_is_about_and_a_search_asks_with_it(rig: TrainingRig, site: SiteTwin) -> None:
    for path, title in (("/", "Welcome"), ("/prices", "Prices"), ("/hours", "Hours"), ("/team", "Team")):
        site.page(
            path,
            f"{title} | Main Workshop",
            f"<p>We repair bicycles, {title}.</p>{WORDS}",
            links=["/team", "/prices", "/hours"],
        )
    crawled(rig, site)
    try_retrieval(rig.workspace, "what does it cost?", embedder=rig.embedder)
    assert rig.embedder.asked[-1] == "Main Workshop\nwhat does it cost?"
    try_retrieval(rig.workspace, "what does it cost?", SearchSettings(about="bicycles"), rig.embedder)
    assert rig.embedder.asked[-1] == "bicycles\nwhat does it cost?"


def test_a_second_crawl_of_the_same_site_embeds_nothing(rig: TrainingRig, site: SiteTwin) -> None:
    added = crawled(rig, site)
    before = {each.id for each in rig.passages(added.source)}
    rig.embedder.asked.clear()
    again(rig, added.source)
    assert rig.embedder.asked == []
    assert {each.id for each in rig.passages(added.source)} == before
    assert (rig.job(added.source).unchanged, rig.job(added.source).indexed) == (4, 0)
    assert states(rig, site, added.source) == dict.fromkeys(["/", "/prices", "/hours", "/team"], "indexed")


def test_without_an_etag_the_text_itself_tells_that_nothing_changed(rig: TrainingRig, site: SiteTwin) -> None:
    for thing in site.things.values():
        thing.with_etag = False
    added = crawled(rig, site)
    rig.embedder.asked.clear()
    again(rig, added.source)
    assert rig.embedder.asked == []
    assert rig.job(added.source).unchanged == 4


def test_a_changed_page_changes_only_its_own_passages(rig: TrainingRig, site: SiteTwin) -> None:
    added = crawled(rig, site)
    before = {each.id for each in rig.passages(added.source)}
    rig.embedder.asked.clear()
    thing = site.things["/prices"]
    thing.body = thing.body.replace(b"$15", b"$18")
    again(rig, added.source)
    after = {each.id: each for each in rig.passages(added.source)}
    assert len(rig.embedder.asked) == 1
    assert len(before - after.keys()) == len(after.keys() - before) == 1
    [change] = rig.query("SELECT kind, state, items FROM training_changes")
    assert (change["kind"], change["state"]) == ("changed", "applied")
    assert [(item["kind"], item["where"], item["before"], item["after"]) for item in change["items"]] == [
        ("price", "Prices > Wash", "$15", "$18")
    ]


def test_a_page_that_is_gone_takes_its_passages_with_it(rig: TrainingRig, site: SiteTwin) -> None:
    added = crawled(rig, site)
    del site.things["/team"]
    again(rig, added.source)
    assert states(rig, site, added.source)["/team"] == "removed"
    assert rig.passages(added.source, site.url("/team")) == []
    site.page("/prices", "Prices", f"<p>A tune-up costs $79.</p>{WORDS}")
    site.page("/", "Corner Cycles", f"<p>We repair bicycles.</p>{WORDS}", links=["/prices"])
    again(rig, added.source)
    assert states(rig, site, added.source)["/hours"] == "removed"  # it is there, but nothing leads to it
    assert rig.job(added.source).removed == 1


def test_a_page_in_trouble_keeps_what_was_known_of_it_and_of_what_is_behind_it(
    rig: TrainingRig, site: SiteTwin
) -> None:
    added = crawled(rig, site)
    good = site.things["/prices"]
    site.fail("/prices", 500)
    again(rig, added.source)
    line = rig.documents(added.source)[site.url("/prices")]
    assert (line.state, line.retryable) == ("failed", True)
    assert "an error of its own (500)" in line.reason
    assert states(rig, site, added.source)["/team"] == "indexed"
    assert rig.passages(added.source, site.url("/prices")) != []
    site.things["/prices"] = good
    site.forget()
    training.retry_failed(rig.workspace, rig.actor, added.source)
    rig.work()
    assert site.paths() == ["/prices"]
    assert states(rig, site, added.source)["/prices"] == "indexed"


def test_robots_txt_and_the_pages_own_wishes_are_kept(rig: TrainingRig, site: SiteTwin) -> None:
    site.text("/robots.txt", "User-agent: *\nDisallow: /team\n")
    site.page("/hours", "Hours", WORDS, head='<meta name="robots" content="noindex, nofollow">', links=["/secret"])
    site.page("/secret", "Secret", WORDS)
    added = crawled(rig, site)
    assert states(rig, site, added.source) == {
        "/": "indexed",
        "/prices": "indexed",
        "/hours": "skipped",
        "/team": "skipped",
    }
    assert "/team" not in site.paths()
    assert "robots.txt" in rig.documents(added.source)[site.url("/team")].reason


def test_an_owner_may_read_a_site_whatever_its_robots_txt_says(rig: TrainingRig, site: SiteTwin) -> None:
    site.text("/robots.txt", "User-agent: *\nDisallow: /\n")
    assert states(rig, site, crawled(rig, site, obey_robots=False).source)["/team"] == "indexed"


def test_the_sitemap_finds_pages_that_nothing_links_to(rig: TrainingRig, site: SiteTwin) -> None:
    site.page("/hidden", "Hidden page", f"<p>Found by the sitemap alone.</p>{WORDS}")
    site.text(
        "/sitemap.xml",
        f"<urlset><url><loc>{site.url('/hidden')}</loc></url><url><loc>http://other.example/x</loc></url></urlset>",
    )
    assert set(states(rig, site, crawled(rig, site).source)) == {"/", "/prices", "/hours", "/team", "/hidden"}


def test_the_limits_of_pages_depth_and_path_are_kept(rig: TrainingRig, site: SiteTwin) -> None:
    assert len(states(rig, site, crawled(rig, site, max_pages=2).source)) == 2
    training.delete_source(rig.workspace, rig.actor, rig.query("SELECT id FROM training_sources")[0]["id"])
    shallow = crawled(rig, site, max_depth=1)
    assert set(states(rig, site, shallow.source)) == {"/", "/prices", "/hours"}


def test_a_crawl_that_was_cut_short_by_its_limit_removes_nothing(rig: TrainingRig, site: SiteTwin) -> None:
    added = crawled(rig, site)
    rig.configure(added.source, max_pages=2)
    again(rig, added.source)
    assert states(rig, site, added.source) == dict.fromkeys(["/", "/prices", "/hours", "/team"], "indexed")


def test_the_same_text_at_two_addresses_is_indexed_once(rig: TrainingRig, site: SiteTwin) -> None:
    site.things["/prices?print=1"] = site.things["/prices"]
    site.things["/about"] = site.things["/team"]
    site.page("/", "Corner Cycles", WORDS, links=["/prices", "/prices?print=1", "/team", "/about", "/?utm_source=mail"])
    added = crawled(rig, site)
    assert states(rig, site, added.source) == {
        "/": "indexed", "/prices": "indexed", "/prices?print=1": "skipped", "/team": "indexed", "/about": "skipped",
    }  # fmt: skip
    assert rig.documents(added.source)[site.url("/about")].reason == f"It says the same as {site.url('/team')}."


def test_a_page_that_names_another_address_of_its_own_is_read_there(rig: TrainingRig, site: SiteTwin) -> None:
    site.page("/team?sort=age", "Team by age", WORDS, head='<link rel="canonical" href="/team">')
    site.page("/", "Corner Cycles", WORDS, links=["/team?sort=age"])
    found = states(rig, site, crawled(rig, site).source)
    assert (found["/team?sort=age"], found["/team"]) == ("skipped", "indexed")


def test_a_redirect_leads_to_the_page_and_off_the_site_to_nowhere(rig: TrainingRig, site: SiteTwin) -> None:
    site.redirect("/old", "/team", 301)
    site.redirect("/partner", "http://other.example/", 302)
    site.redirect("/round", "/round")
    site.page("/", "Corner Cycles", WORDS, links=["/old", "/partner", "/round"])
    added = crawled(rig, site)
    found = states(rig, site, added.source)
    assert (found["/old"], found["/team"], found["/partner"], found["/round"]) == (
        "skipped",
        "indexed",
        "skipped",
        "failed",
    )
    assert "from address to address" in rig.documents(added.source)[site.url("/round")].reason


def test_a_site_that_cannot_be_reached_says_so_on_the_source(rig: TrainingRig, site: SiteTwin) -> None:
    site.fail("/", 404)
    added = crawled(rig, site)
    line = rig.line(added.source)
    assert (line.status, line.status_detail) == (
        "failed",
        f"{site.url('/')} cannot be read. The page is not there (404).",
    )


def test_sly_pages_fail_alone_and_say_why(rig: TrainingRig, site: SiteTwin) -> None:
    site.sly("/endless", site_twin.endless)
    site.sly("/bomb", site_twin.bomb)
    site.sly("/half", site_twin.hangs_up)
    site.put("/picture", b"\x89PNG", "image/png")
    site.put("/script", b"<html><body><script>draw()</script></body></html>")
    site.put(
        "/broken",
        b"<html><body><h1>Broken<p>"
        + b"<div>" * 300
        + b"<b>We do open on holidays, and you can read it here & there <table><tr><td>",
    )
    site.put(
        "/latin",
        "<p>Grüße aus der Werkstatt, wir öffnen um neun Uhr und freuen uns auf Sie.</p>".encode("cp1252"),
        "text/html; charset=utf-8",
    )
    site.page(
        "/", "Corner Cycles", WORDS, links=["/endless", "/bomb", "/half", "/picture", "/script", "/broken", "/latin"]
    )
    added = crawled(rig, site)
    documents = {address.removeprefix(site.url("")): line for address, line in rig.documents(added.source).items()}
    assert {path: line.state for path, line in documents.items()} == {
        "/": "indexed", "/endless": "failed", "/bomb": "failed", "/half": "failed", "/picture": "skipped", "/script": "skipped",
        "/broken": "indexed", "/latin": "indexed",
    }  # fmt: skip
    assert "larger than 10 MB" in documents["/endless"].reason and "larger than 10 MB" in documents["/bomb"].reason
    assert "did not answer" in documents["/half"].reason
    assert "drawn by JavaScript" in documents["/script"].reason
    assert any("Grüße" in each.text for each in rig.passages(added.source, site.url("/latin")))
    assert any("open on holidays" in each.text for each in rig.passages(added.source, site.url("/broken")))
    assert rig.line(added.source).status == "ready"


def test_a_private_address_is_refused_with_the_remedy(
    rig: TrainingRig, site: SiteTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    from db.settings import get_settings

    monkeypatch.setenv("FRONTDESK_ALLOW_PRIVATE_ADDRESSES", "false")
    get_settings.cache_clear()
    added = crawled(rig, site)
    line = rig.line(added.source)
    assert line.status == "failed"
    assert "private network" in line.status_detail and "FRONTDESK_ALLOW_PRIVATE_ADDRESSES" in line.status_detail
    assert site.asked == []


def test_a_list_of_addresses_is_read_and_not_left(rig: TrainingRig, site: SiteTwin) -> None:
    added = training.add_urls(rig.workspace, rig.actor, "Some pages", [site.url("/prices"), site.url("/hours")])
    rig.configure(added.source, pause_seconds=0)
    rig.work()
    assert states(rig, site, added.source) == {"/prices": "indexed", "/hours": "indexed"}


def test_cancelling_stops_the_crawl_and_keeps_what_was_read(rig: TrainingRig, site: SiteTwin) -> None:
    added = training.add_website(rig.workspace, rig.actor, Website(site.url("/"), "Shop"))
    rig.configure(added.source, pause_seconds=5)  # long enough to be cancelled in between
    rig.embedder.meanwhile.append(lambda: training.cancel(rig.workspace, rig.actor, added.source))
    assert rig.work() == [("cancelled", "Cancelled; what was read before stays.")]
    assert rig.line(added.source).status == "cancelled"
    rig.configure(added.source, pause_seconds=0)
    again(rig, added.source)
    assert states(rig, site, added.source) == dict.fromkeys(["/", "/prices", "/hours", "/team"], "indexed")


def test_a_job_that_is_given_back_is_finished_by_the_next_process(rig: TrainingRig, site: SiteTwin) -> None:
    added = training.add_website(rig.workspace, rig.actor, Website(site.url("/"), "Shop"))
    rig.configure(added.source, pause_seconds=0)
    held: list[Pulse] = []
    rig.embedder.meanwhile.append(lambda: held[0].stop(JobGivenBack("This process ends.")))
    ends = rig.work(held.append)
    assert [state for state, _ in ends] == ["given back", "done"]
    assert states(rig, site, added.source) == dict.fromkeys(["/", "/prices", "/hours", "/team"], "indexed")
    assert len(rig.embedder.asked) == len(set(rig.embedder.asked))
