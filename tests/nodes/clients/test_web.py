"""Pages are fetched within limits, and never from a private network, whatever the name says and however it changes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from nodes.clients.network import anywhere, is_public
from nodes.clients.site_map import Sitemaps, read_robots
from nodes.clients.web import Web
from nodes.errors import NotSent, OutcomeUnknown, Rejected, Throttled
from tests.fakes import site_twin
from tests.fakes.site_twin import SiteTwin, Thing


@pytest.fixture
def site() -> Iterator[SiteTwin]:
    with SiteTwin() as twin:
        yield twin


@pytest.fixture
def web() -> Iterator[Web]:
    with Web(contact="https://desk.example.com", may_connect=anywhere, pause_seconds=0, whole_seconds=1.5) as made:
        yield made


def code(web: Web, url: str, **options: int) -> str:
    with pytest.raises(Rejected) as refused:
        web.fetch(url, **options)  # type: ignore[arg-type]
    return refused.value.code


def test_a_page_comes_with_what_is_needed_to_ask_again(site: SiteTwin, web: Web) -> None:
    thing = site.put("/", b"<p>Hello</p>", headers={"Last-Modified": "Mon, 02 Nov 2026 08:00:00 GMT"})
    answer = web.fetch(site.url("/"))
    assert (answer.content, answer.content_type, answer.charset) == (b"<p>Hello</p>", "text/html", "utf-8")
    assert (answer.etag, answer.last_modified) == (thing.etag, "Mon, 02 Nov 2026 08:00:00 GMT")
    assert web.fetch(site.url("/"), etag=answer.etag).not_modified
    assert site.asked[1].headers["if-none-match"] == thing.etag


def test_we_say_who_we_are_and_where_to_complain(site: SiteTwin, web: Web) -> None:
    site.put("/", b"x")
    web.fetch(site.url("/"))
    assert site.asked[0].headers["user-agent"] == "Frontdesk/1.0 (+https://desk.example.com)"


def test_a_packed_page_is_unpacked(site: SiteTwin, web: Web) -> None:
    site.sly("/", site_twin.gzipped("<p>Hello</p>" * 100))
    assert web.fetch(site.url("/")).content == b"<p>Hello</p>" * 100


@pytest.mark.parametrize("behaviour", [site_twin.endless, site_twin.bomb])
def test_what_is_too_large_is_not_read_to_the_end(site: SiteTwin, web: Web, behaviour: object) -> None:
    site.sly("/", behaviour)  # type: ignore[arg-type]
    assert code(web, site.url("/"), most_bytes=2_000_000) == "too_large"


def test_what_says_that_it_is_too_large_is_not_read_at_all(site: SiteTwin, web: Web) -> None:
    site.things["/"] = Thing(b"x" * 3_000_000)
    assert code(web, site.url("/"), most_bytes=2_000_000) == "too_large"


@pytest.mark.parametrize("behaviour", [site_twin.dripping, site_twin.dripping_header])
def test_an_answer_that_drips_is_given_up_in_time(site: SiteTwin, web: Web, behaviour: object) -> None:
    site.sly("/", behaviour)  # type: ignore[arg-type]
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown, match="did not finish its answer within 2 seconds"):
        web.fetch(site.url("/"))
    assert time.monotonic() - began < 5
    site.put("/next", b"x")
    assert web.fetch(site.url("/next")).content == b"x"


def test_half_an_answer_is_no_page(site: SiteTwin, web: Web) -> None:
    site.sly("/", site_twin.hangs_up)
    with pytest.raises(OutcomeUnknown):
        web.fetch(site.url("/"))


def test_redirects_are_followed_to_where_they_end(site: SiteTwin, web: Web) -> None:
    site.redirect("/old", "/new", 301)
    site.put("/new", b"Here")
    answer = web.fetch(site.url("/old"))
    assert (answer.url, answer.content) == (site.url("/new"), b"Here")


def test_endless_redirects_end(site: SiteTwin, web: Web) -> None:
    site.redirect("/a", "/b")
    site.redirect("/b", "/a")
    assert code(web, site.url("/a")) == "too_many_redirects"
    assert len(site.asked) == 6


@pytest.mark.parametrize(
    ("status", "expected"), [(404, "not_found"), (410, "not_found"), (403, "forbidden"), (418, "http_418")]
)
def test_an_answer_that_is_no_page_says_what_it_is(site: SiteTwin, web: Web, status: int, expected: str) -> None:
    site.fail("/", status)
    assert code(web, site.url("/")) == expected


def test_a_busy_site_says_how_long_to_wait(site: SiteTwin, web: Web) -> None:
    site.fail("/", 429, Retry_After="7")
    with pytest.raises(Throttled) as asked:
        web.fetch(site.url("/"))
    assert asked.value.retry_after_seconds == 7
    site.fail("/", 500)
    with pytest.raises(OutcomeUnknown, match="an error of its own"):
        web.fetch(site.url("/"))


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.9",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::", "not an address"),
    ],
)
def test_private_addresses_are_known_in_every_disguise(address: str) -> None:
    assert not is_public(address)


def test_public_addresses_are_public() -> None:
    assert is_public("93.184.216.34") and is_public("2606:2800:220:1:248:1893:25c8:1946")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
def test_a_private_address_is_refused_before_anything_is_sent(site: SiteTwin, host: str) -> None:
    with Web(contact="x", pause_seconds=0) as web:
        assert code(web, f"http://{host}:{site.port}/") == "private_address"
    assert site.asked == []


def test_a_redirect_to_a_private_address_is_refused(site: SiteTwin) -> None:
    site.redirect("/", f"http://169.254.169.254:{site.port}/latest/meta-data")
    asked: list[str] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with Web(contact="x", pause_seconds=0, resolver=resolver, may_connect="127.0.0.1".__eq__) as web:
        assert code(web, f"http://shop.example.com:{site.port}/") == "private_address"
    assert asked == ["shop.example.com"]
    assert len(site.asked) == 1
    assert site.asked[0].headers["host"] == f"shop.example.com:{site.port}"


def test_a_name_that_changes_its_address_is_looked_at_at_every_request(site: SiteTwin) -> None:
    """DNS rebinding. What was looked at is what is connected to, so there is no moment in between."""
    site.put("/", b"x")
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    with Web(contact="x", pause_seconds=0, resolver=lambda *_: next(answers), may_connect="127.0.0.1".__eq__) as web:
        assert web.fetch(f"http://sly.example.com:{site.port}/").content == b"x"
        assert code(web, f"http://sly.example.com:{site.port}/") == "private_address"
    assert len(site.asked) == 1


def test_only_the_allowed_one_of_several_addresses_is_used(site: SiteTwin) -> None:
    site.put("/", b"x")
    both = ["169.254.169.254", "127.0.0.1"]
    with Web(contact="x", pause_seconds=0, resolver=lambda *_: both, may_connect="127.0.0.1".__eq__) as web:
        assert web.fetch(f"http://two.example.com:{site.port}/").content == b"x"


def test_a_name_without_an_address_says_so() -> None:
    with (
        Web(contact="x", resolver=lambda *_: []) as web,
        pytest.raises(NotSent, match=r"no server by the name nowhere\.example"),
    ):
        web.fetch("http://nowhere.example.com/")


def test_a_host_gets_a_pause_between_two_requests(site: SiteTwin) -> None:
    for path in ("/a", "/b", "/c"):
        site.put(path, b"x")
    slept: list[float] = []
    with Web(contact="x", may_connect=anywhere, pause_seconds=100, sleep=slept.append) as web:
        for path in ("/a", "/b", "/c"):
            web.fetch(site.url(path))
    assert [round(seconds, -1) for seconds in slept] == [100, 100]


def test_robots_txt_is_kept_to_with_its_wildcards_and_its_pause(site: SiteTwin, web: Web) -> None:
    rules = "User-agent: *\nDisallow: /private\nAllow: /private/open\nDisallow: /*.pdf$\nCrawl-delay: 0.5\nSitemap: http://x.test/map.xml\n"
    site.text("/robots.txt", rules)
    robots = read_robots(web, site.url("/"))
    assert [robots.allow(site.url(path)) for path in ("/", "/private/a", "/private/open", "/a.pdf", "/a.pdf?x")] == [
        *(True, False, True, False, True)
    ]
    assert robots.sitemaps == ["http://x.test/map.xml"]
    assert web.pauses == {"127.0.0.1": 0.5}


def test_without_robots_txt_everything_is_allowed_and_in_trouble_nothing_is(site: SiteTwin, web: Web) -> None:
    assert read_robots(web, site.url("/")).allow(site.url("/x"))
    site.fail("/robots.txt", 503, Retry_After="5")
    with pytest.raises(OutcomeUnknown, match=r"robots\.txt .* cannot be read now"):
        read_robots(web, site.url("/"))


def test_sitemaps_are_read_packed_and_through_their_index(site: SiteTwin, web: Web) -> None:
    import gzip

    site.text(
        "/index.xml",
        f"<sitemapindex><sitemap><loc>{site.url('/one.xml')}</loc></sitemap><sitemap><loc>{site.url('/two.xml.gz')}</loc></sitemap><sitemap><loc>{site.url('/gone.xml')}</loc></sitemap></sitemapindex>",
    )
    site.text(
        "/one.xml",
        "<?xml version='1.0'?><urlset><url><loc> http://x.test/a?b=1&amp;c=2 </loc></url><url><loc><![CDATA[http://x.test/b]]></loc></url></urlset>",
    )
    site.put("/two.xml.gz", gzip.compress(b"<urlset><url><loc>http://x.test/c</loc></url>"), "application/gzip")
    assert list(Sitemaps(web, [site.url("/index.xml")], 100)) == [
        "http://x.test/a?b=1&c=2",
        "http://x.test/b",
        "http://x.test/c",
    ]
    assert list(Sitemaps(web, [site.url("/index.xml")], 2)) == ["http://x.test/a?b=1&c=2", "http://x.test/b"]
