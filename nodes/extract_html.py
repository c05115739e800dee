"""The main content of a web page: what a visitor reads, without menus, banners and footers; and where the page leads."""

from __future__ import annotations

import copy
import re
from typing import Any
from urllib.parse import urljoin

from nodes.extract_text import decode
from nodes.html_tree import parse
from nodes.reading import Reading, cell, table

MOST_LINKS = 5000
LARGE = 1_000_000  # characters; what surrounds the content of such a page is not worth the seconds of finding it

_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
# The frame of a page. A header within an article holds its title and stays.
_FRAME = (
    "//script|//style|//noscript|//template|//svg|//iframe|//form|//button|//nav|//footer|//aside|//*[@hidden]|//*[@role='navigation']"
    "|//header[not(ancestor::article or ancestor::main)]"
)
# Parts that say by their class or id that they are no content.
_ASIDES = re.compile(
    r"breadcrumbs?|cookies?(-(banner|consent))?|headerlink|nav(footer|header)|pagination|related|(sphinx)?sidebar|shar(e|ing)|skip-?link|social"
)
PROBE_CHARACTERS = 30  # a line this long is found again in the page
MOST_PROBES = 40


def read_html(content: bytes, charset: str, address: str) -> Reading:
    """Raises CannotRead for a page without text, which is what a page drawn by JavaScript looks like to us."""
    meta = _META.search(content[:4096])
    text = decode(content, charset, meta.group(1).decode("ascii", "replace") if meta else "")
    root, note = parse(text)
    robots = " ".join(root.xpath("//meta[translate(@name,'ROBTS','robts')='robots']/@content")).lower()
    base = urljoin(address, (root.xpath("string(//base/@href)") or "").strip())
    links, title = _links(root, base), _title(root)
    markdown = _main(root, len(text))
    return Reading(
        markdown,
        title=title,
        note=note,
        language=(root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "")[:2].lower(),
        links=links,
        canonical=_joined(base, root.xpath("string(//link[@rel='canonical']/@href)")),
        may_index=not _forbids(robots, "noindex"),
        may_follow=not _forbids(robots, "nofollow"),
    )


def _forbids(robots: str, what: str) -> bool:
    return bool({what, "none"} & set(re.split(r"[\s,]+", robots)))


def _main(root: Any, size: int) -> str:
    """Everything in the part of the page in which trafilatura finds the main content.

    Its own text is not taken: it leaves out tables and headings that it holds for decoration, and prices stand in tables.
    """
    for element in [*root.xpath(_FRAME), *(each for each in root.iter() if _is_aside(each))]:
        if element.getparent() is not None:
            element.drop_tree()
    marked, body = root.xpath("//main|//*[@role='main']|//article"), root.find(".//body")
    whole = marked[0] if len(marked) == 1 else root if body is None else body
    return _tidy(_body(_container(whole, _probes(root) if size <= LARGE else [])))


def _is_aside(element: Any) -> bool:
    if not isinstance(element.tag, str):
        return False
    names = f"{element.get('class') or ''} {element.get('id') or ''}".lower().split()
    return any(_ASIDES.fullmatch(name) for name in names)


def _probes(root: Any) -> list[str]:
    """Long lines of what trafilatura holds for the main content."""
    import trafilatura
    from trafilatura.settings import use_config

    config = use_config()
    config.set("DEFAULT", "EXTRACTION_TIMEOUT", "0")  # the process around us has the clock
    try:
        found = trafilatura.extract(
            copy.deepcopy(root), include_comments=False, include_tables=True, favor_recall=True, config=config
        )
    except RecursionError:  # over deeply nested lists; the whole page is taken for its content
        found = ""
    lines = ("".join(line.split()) for line in (found or "").split("\n") if not line.startswith("|"))
    long = [line for line in lines if len(line) >= PROBE_CHARACTERS]
    return long[:: 1 + len(long) // MOST_PROBES]


def _container(element: Any, probes: list[str]) -> Any:
    """The innermost part that holds nearly all of these lines."""
    if not probes:
        return element
    needed = 0.9 * len(probes)
    while True:
        for child in element:
            if isinstance(child.tag, str) and child.tag in (
                "div",
                "section",
                "article",
                "main",
                "td",
                "tr",
                "table",
                "tbody",
                "center",
            ):
                text = "".join(child.text_content().split())
                if sum(probe in text for probe in probes) >= needed and len(probes) > 1:
                    element = child
                    break
        else:
            return element


def _body(root: Any) -> str:
    """Everything that is text, with its headings, tables, lists and code."""
    for element in [each for each in root.iter("table") if next(each.iterdescendants("table"), None) is None]:
        rows = [[cell(each.text_content()) for each in row.xpath("./td|./th")] for row in element.xpath(".//tr")]
        _replace(element, table(rows))
    for element in list(root.iter("pre")):
        _replace(element, f"```\n{element.text_content().strip(chr(10))}\n```")
    for level in range(1, 7):
        for element in list(root.iter(f"h{level}")):
            _replace(element, f"{'#' * level} {' '.join(element.text_content().split())}")
    for element in root.iter("li"):
        element.text = "- " + (element.text or "").lstrip()
    for element in root.iter("p", "div", "li", "br", "section", "article", "dt", "dd", "ul", "ol"):
        element.tail = "\n" + (element.tail or "")
        element.text = ("" if element.tag in ("li", "br") else "\n") + (element.text or "")
    return _lines(root.text_content())


def _replace(element: Any, text: str) -> None:
    """The element holds this text and nothing else."""
    for child in list(element):
        element.remove(child)
    element.text, element.tail = f"\n\n{text}\n\n", "\n" + (element.tail or "")


def _lines(text: str) -> str:
    """Without the spaces of the source, except in code."""
    lines, in_code = [], False
    for line in text.split("\n"):
        in_code ^= line.startswith("```")
        lines.append(line if in_code else " ".join(line.split()))
    return "\n".join(lines)


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
