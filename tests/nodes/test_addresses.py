"""One spelling per page, and what belongs to one site."""

import pytest

from nodes.addresses import are_twins, may_hold_text, normal, site


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("HTTP://Shop.Example:80", "http://shop.example/"),
        ("https://shop.example:443/a/../b/./c//d/#top", "https://shop.example/b/c/d/"),
        ("http://shop.example/?utm_source=x&id=3&gclid=1", "http://shop.example/?id=3"),
        ("http://shop.example/a;jsessionid=1F?b=", "http://shop.example/a?b="),
        ("http://münchen.example/straße", "http://xn--mnchen-3ya.example/stra%C3%9Fe"),
        ("http://shop.example/a%20b", "http://shop.example/a%20b"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("http://shop.example./", "http://shop.example/"),
        *((bad, None) for bad in ("mailto:a@b.example", "ftp://a.example", "http://", "http://u:p@a.example/", "http://a.example:99999/", "http://a b/", "http://a..b/", "x" * 3000)),
    ],
)  # fmt: skip
def test_an_address_has_one_spelling(address: str, expected: str | None) -> None:
    assert normal(address) == expected
    if expected:
        assert normal(expected) == expected


def test_a_site_is_its_host_with_or_without_www() -> None:
    assert site("https://www.shop.example/a") == site("http://shop.example/") != site("http://blog.shop.example/")


def test_what_holds_no_text_is_known_by_its_ending() -> None:
    assert [
        may_hold_text(f"http://a.example/{path}")
        for path in ("a", "a.html", "a.pdf", "a.docx", "a.JPG", "a.zip", "v1.2", "a.php?x=.png")
    ] == [*(True, True, True, True, False, False, True, True)]


def test_twins_differ_in_what_does_not_matter() -> None:
    assert are_twins("http://www.a.example/b", "https://a.example/b/?sort=1")
    assert not are_twins("http://a.example/b", "http://a.example/c")
