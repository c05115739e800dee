"""What would be crawled is shown before anything is."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from flows import training
from flows.actions import ActionRefused
from flows.training import Website
from tests.fakes.site_twin import SiteTwin


@pytest.fixture
def site() -> Iterator[SiteTwin]:
    with SiteTwin() as twin:
        twin.page(
            "/", "Corner Cycles", "<p>We repair bicycles.</p>", links=["/prices", "/private/a", "http://other.example/"]
        )
        twin.text("/robots.txt", f"User-agent: *\nDisallow: /private\nSitemap: {twin.url('/map.xml')}\n")
        twin.text(
            "/map.xml",
            "<urlset>" + "".join(f"<url><loc>{twin.url(f'/bike-{n}')}</loc></url>" for n in range(150)) + "</urlset>",
        )
        yield twin


def test_the_first_addresses_the_rules_and_the_start_page_are_shown(site: SiteTwin) -> None:
    seen = training.preview_website(uuid4(), Website(site.url("/")))
    assert (seen.start, seen.title, seen.has_sitemap) == (site.url("/"), "Corner Cycles", True)
    assert "We repair bicycles." in seen.text
    assert seen.addresses[:2] == [site.url("/"), site.url("/bike-0")]
    assert (len(seen.addresses), seen.more) == (100, 52)
    assert seen.forbidden == [site.url("/private/a")]
    assert site.paths().count("/") == 2 and "/prices" not in site.paths()


def test_the_limits_of_the_crawl_are_those_of_the_preview(site: SiteTwin) -> None:
    seen = training.preview_website(uuid4(), Website(site.url("/"), max_pages=3))
    assert (len(seen.addresses), seen.more) == (3, 0)


@pytest.mark.parametrize("address", ["nonsense://x", "not an address", "http://"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ActionRefused, match="is not a web address"):
        training.preview_website(uuid4(), Website(address))


def test_a_site_that_is_away_says_so(site: SiteTwin) -> None:
    site.fail("/", 500)
    with pytest.raises(ActionRefused, match="an error of its own"):
        training.preview_website(uuid4(), Website(site.url("/")))


def test_a_text_shows_its_passages_before_it_is_added() -> None:
    found = training.preview_text("# Prices\n\nAll in dollars.\n\n## Wash\n\nA wash costs $15.", "Shop")
    assert [(chunk.heading, chunk.text) for chunk in found] == [
        ("Prices", "All in dollars."),
        ("Prices > Wash", "A wash costs $15."),
    ]
