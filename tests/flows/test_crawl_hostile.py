"""What a hostile, broken or rebuilt site can do to a crawl: each time a plain sentence, and an end within its limits."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.settings import get_settings
from flows import training
from flows.actions import ActionRefused
from flows.training import Website
from tests.fakes import site_twin
from tests.fakes.site_twin import SiteTwin
from tests.flows.test_crawl import WORDS, crawled, states
from tests.flows.training_rig import TrainingRig


@pytest.fixture
def rig(database_url: str) -> TrainingRig:
    return TrainingRig()


@pytest.fixture
def site() -> Iterator[SiteTwin]:
    with SiteTwin() as twin:
        twin.page("/", "Corner Cycles", WORDS)
        yield twin


def detail(rig: TrainingRig, added: training.Added) -> tuple[str, str]:
    line = rig.line(added.source)
    return line.status, line.status_detail


def test_a_large_pdf_is_refused_as_a_file_and_left_unread_on_a_site(
    rig: TrainingRig, site: SiteTwin, tmp_path: Path
) -> None:
    path = tmp_path / "catalogue.pdf"
    with path.open("wb") as file:  # sparse: 200 MB of nothing between the two ends of a PDF
        file.write(b"%PDF-1.7\n")
        file.truncate(200_000_000)
        file.seek(0, 2)
        file.write(b"\n%%EOF")
    with pytest.raises(ActionRefused, match=r"'catalogue\.pdf' has 200 MB; 50 MB can be read\. Split it"):
        training.add_file(rig.workspace, rig.actor, "catalogue.pdf", path.read_bytes())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    site.sly("/catalogue.pdf", site_twin.file(path, "application/pdf"))
    site.sly("/unannounced.pdf", site_twin.file(path, "application/pdf", announced=False))
    site.page("/", "Corner Cycles", WORDS, links=["/catalogue.pdf", "/unannounced.pdf"])
    added = crawled(rig, site)
    documents = rig.documents(added.source)
    for name in ("/catalogue.pdf", "/unannounced.pdf"):
        assert documents[site.url(name)].reason == "It is larger than 10 MB and was not read to the end."
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # kB


def test_a_site_that_leads_round_in_circles_says_so(rig: TrainingRig, site: SiteTwin) -> None:
    site.redirect("/", "/a")
    site.redirect("/a", "/")
    assert detail(rig, crawled(rig, site)) == (
        "failed",
        f"{site.url('/')} cannot be read. It leads from address to address, more than 5 times.",
    )


def test_a_name_that_turns_private_in_mid_crawl_gives_nothing_away(
    site: SiteTwin, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answers of the name server are public, as far as the crawl can tell; then it names a private address."""
    monkeypatch.setenv("FRONTDESK_ALLOW_PRIVATE_ADDRESSES", "false")
    get_settings.cache_clear()
    asked: list[str] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["10.0.0.5"]

    rig = TrainingRig(resolver)
    added = training.add_website(rig.workspace, rig.actor, Website("http://sly.example.com/", "Sly"))
    rig.work()
    status, said = detail(rig, added)
    assert status == "failed" and "sly.example.com leads to 10.0.0.5, an address of a private network" in said
    assert asked and site.asked == []


def test_an_endless_calendar_ends_at_the_limit_and_says_so(rig: TrainingRig, site: SiteTwin) -> None:
    site.sly("/calendar", site_twin.calendar)
    site.page("/", "Corner Cycles", WORDS, links=["/calendar?day=1"])
    added = crawled(rig, site, max_pages=25)
    assert rig.line(added.source).indexed == 11  # ten clicks deep, by default
    training.delete_source(rig.workspace, rig.actor, added.source)
    added = crawled(rig, site, max_pages=8)
    status, said = detail(rig, added)
    assert status == "ready" and said.endswith("The limit of 8 pages was reached, and there may be more.")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<!doctype html><html><body>Not found</body></html>", "indexed"),
        (b"User-agent: *\nDisallow: /secret\n" + b"# filled up\n" * 100_000, "skipped"),
        (b"\xff\xfe\x00garbage\x00" * 1000, "indexed"),
    ],
    ids=["a page", "1.2 MB", "garbage"],
)
def test_an_odd_robots_txt_is_read_as_far_as_it_goes(
    rig: TrainingRig, site: SiteTwin, body: bytes, expected: str
) -> None:
    site.put("/robots.txt", body, "text/html")
    site.page("/secret", "Secret", f"<p>Something else.</p>{WORDS}")
    site.page("/", "Corner Cycles", WORDS, links=["/secret"])
    assert states(rig, site, crawled(rig, site).source)["/secret"] == expected


def test_a_robots_txt_in_trouble_stops_the_crawl(rig: TrainingRig, site: SiteTwin) -> None:
    site.fail("/robots.txt", 500)
    status, said = detail(rig, crawled(rig, site))
    assert status == "failed"
    assert said.startswith("The site cannot be crawled.") and "an error of its own (500)" in said


def test_sitemaps_that_go_round_or_never_end_are_left(rig: TrainingRig, site: SiteTwin) -> None:
    round_and_round = (
        f"<sitemapindex><loc>{site.url('/sitemap.xml')}</loc><loc>{site.url('/huge.xml')}</loc></sitemapindex>"
    )
    site.text("/sitemap.xml", round_and_round)
    site.put(
        "/huge.xml", b"<urlset>" + b"".join(b"<loc>%s%d</loc>" % (site.url("/p").encode(), n) for n in range(200_000))
    )
    began = time.monotonic()
    added = crawled(rig, site, max_pages=3)
    assert len(rig.documents(added.source)) == 3
    assert time.monotonic() - began < 20
    site.put("/sitemap.xml", b"<urlset><loc>" + b" " * 5_000_000)
    training.crawl_now(rig.workspace, rig.actor, added.source)
    began = time.monotonic()
    rig.work()
    assert time.monotonic() - began < 20


def test_a_site_that_falls_silent_is_not_asked_for_ever(rig: TrainingRig, site: SiteTwin) -> None:
    paths = [f"/page-{number}" for number in range(14)]
    for path in paths:
        site.sly(path, site_twin.hangs_up)
    site.page("/", "Corner Cycles", WORDS, links=paths)
    added = crawled(rig, site)
    assert len(set(site.paths()) - {"/"}) == 10
    status, said = detail(rig, added)
    assert status == "ready" and f"127.0.0.1:{site.port} stopped answering." in said
    last = rig.documents(added.source)[site.url("/page-13")]
    assert last.retryable and "was not asked again" in last.reason


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("<html><body><p>Grüße aus der Werkstatt, wir öffnen um neun.</p>".encode("utf-16-le"), "text/html"),
        (b'<html><head><meta charset="cp1252"></head><body><p>Gr\xfc\xdfe aus der Werkstatt.</p>', "text/html"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1"><p>Gr\xfc\xdfe aus der Werkstatt.</p>', "text/html"),
        ("<p>Grüße aus der Werkstatt.</p>".encode(), "text/html; charset=utf-16"),
        ("<p>Grüße aus der Werkstatt.</p>".encode("cp1252"), "text/html; charset=punycode"),
    ],
    ids=["utf-16 without mark", "meta", "meta http-equiv", "wrongly utf-16", "no charset"],
)  # fmt: skip
def test_wrong_encodings_come_out_right(rig: TrainingRig, site: SiteTwin, content: bytes, kind: str) -> None:
    site.put("/", content, kind)
    assert any("Grüße aus der Werkstatt" in each.text for each in rig.passages(crawled(rig, site).source))


@pytest.mark.parametrize("tag", ["div", "ul><li", "table><tr><td"])
def test_text_at_any_depth_is_read(rig: TrainingRig, site: SiteTwin, tag: str) -> None:
    site.put("/", f"<html><body><p>Above it all.</p>{f'<{tag}>' * 5000}<p>We do open on holidays.</p>{WORDS}".encode())
    added = crawled(rig, site)
    text = " ".join(each.text for each in rig.passages(added.source))
    assert "Above it all." in text and "We do open on holidays." in text
    assert "without its layout" in rig.documents(added.source)[site.url("/")].note


def test_an_answer_that_breaks_off_in_its_packing_is_no_page(rig: TrainingRig, site: SiteTwin) -> None:
    site.sly("/half", site_twin.half_packed)
    site.page("/", "Corner Cycles", WORDS, links=["/half"])
    line = rig.documents(crawled(rig, site).source)[site.url("/half")]
    assert (line.state, line.retryable) == ("failed", True)
    assert "half of its answer" in line.reason
