"""The main content of a web page: what a visitor reads, without menus, banners and footers; and where the page leads."""

from __future__ import annotations

import copy
import re
from typing import Any
from urllib.parse import urljoin

from nodes.extract_text import decode
from nodes.reading import CannotRead, Reading

MOST_LINKS = 5000
FEW_CHARACTERS = 200  # less than this beside a longer body = the main content was not found

_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_ASIDE = (
    "//script|//style|//noscript|//template|//svg|//iframe|//form|//button|//nav|//header|//footer|//aside|//*[@hidden]"
)


def read_html(content: bytes, charset: str, address: str) -> Reading:
    """Raises CannotRead for a page without text, which is what a page drawn by JavaScript looks like to us."""
    meta = _META.search(content[:4096])
    text = decode(content, charset, meta.group(1).decode("ascii", "replace") if meta else "")
    root = _parse(text)
    robots = " ".join(root.xpath("//meta[translate(@name,'ROBTS','robts')='robots']/@content")).lower()
    base = urljoin(address, (root.xpath("string(//base/@href)") or "").strip())
    links, title = _links(root, base), _title(root)
    markdown = _main(root)
    return Reading(
        markdown,
        title=title,
        language=(root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "")[:2].lower(),
        links=links,
        canonical=_joined(base, root.xpath("string(//link[@rel='canonical']/@href)")),
        may_index=not _forbids(robots, "noindex"),
        may_follow=not _forbids(robots, "nofollow"),
    )


def _forbids(robots: str, what: str) -> bool:
    return bool({what, "none"} & set(re.split(r"[\s,]+", robots)))


def _parse(text: str) -> Any:
    from lxml import etree, html

    try:
        # Deep nesting is read too: memory and time are limited around us. An XML declaration with an encoding must not reach the parser together with decoded text.
        parser = html.HTMLParser(huge_tree=True, recover=True, no_network=True)
        root = html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text), parser=parser)
    except (etree.ParserError, ValueError) as error:
        raise CannotRead("The page is empty.") from error
    return root


def _main(root: Any) -> str:
    """Markdown of the main content, else of the whole body without its frame."""
    import trafilatura
    from trafilatura.settings import use_config

    config = use_config()
    config.set("DEFAULT", "EXTRACTION_TIMEOUT", "0")  # the process around us has the clock
    found = trafilatura.extract(
        copy.deepcopy(root),
        output_format="markdown",
        include_tables=True,
        include_formatting=True,
        include_comments=False,
        favor_recall=True,
        config=config,
    )
    markdown = _tidy(found or "")
    if len(markdown) < FEW_CHARACTERS:
        whole = _tidy(_body(root))
        markdown = whole if len(whole) > 2 * len(markdown) else markdown
    return markdown


def _body(root: Any) -> str:
    """Everything that is text, with headings, for pages whose main part cannot be told."""
    for element in root.xpath(_ASIDE):
        element.drop_tree()
    for level in range(1, 7):
        for element in root.iter(f"h{level}"):
            element.text = f"\n\n{'#' * level} {' '.join(element.text_content().split())}\n\n"
            for child in list(element):
                element.remove(child)
    for element in root.iter("p", "div", "li", "tr", "br", "section", "dt", "dd", "pre"):
        element.tail = "\n" + (element.tail or "")
    found: str = root.text_content()
    return "\n".join(" ".join(line.split()) for line in found.split("\n"))


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n" if text.strip() else ""


def _title(root: Any) -> str:
    for path in ("//title", "//meta[@property='og:title']/@content", "//h1"):
        found = root.xpath(f"string({path})")
        if found.strip():
            return " ".join(found.split())[:300]
    return ""


def _links(root: Any, base: str) -> tuple[str, ...]:
    """Where the page leads, each address once, in the order of the page."""
    found: dict[str, None] = {}
    for link in root.xpath("//a[@href][not(contains(concat(' ', @rel, ' '), ' nofollow '))]/@href | //area/@href"):
        if address := _joined(base, link):
            found.setdefault(address)
        if len(found) >= MOST_LINKS:
            break
    return tuple(found)


def _joined(base: str, link: str) -> str:
    try:
        address = urljoin(base, link.strip()) if link.strip() else ""
    except ValueError:
        return ""
    return address if address.startswith(("http://", "https://")) else ""
