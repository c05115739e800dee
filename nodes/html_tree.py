"""The tree of a web page, however badly it is written. What the parser would drop without a word is read in a simpler form."""

from __future__ import annotations

import html
import re
from typing import Any

from nodes.reading import CannotRead

WITHOUT_LAYOUT = "The page is nested so deeply that it was read without its layout."

# What carries meaning for us; everything else can go when a page is nested too deeply.
_KEPT = re.compile(r"html|head|body|title|meta|link|base|script|style|h[1-6]|p|pre|br|a|nav|footer|header|aside")
_NONE = re.compile(r"(?!)")
_INLINE = re.compile(
    r"a|abbr|b|bdi|bdo|big|cite|code|del|em|font|i|ins|kbd|label|mark|q|s|samp|small|span|strong|su[bp]|tt|u"
)
# No two parts can take the same characters, so that a hostile page does not keep it busy.
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9:-]{0,30})(?![A-Za-z0-9:-])[^<>]*>")
_HIDDEN = re.compile(r"<(script|style)\b[^<>]*>.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)


def parse(text: str) -> tuple[Any, str]:
    """The tree, and a note where something of the page was given up. Raises CannotRead for a page without anything."""
    # An XML declaration with an encoding must not reach the parser together with decoded text.
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    root, is_whole = _parse(text)
    if is_whole:
        return root, ""
    root, is_whole = _parse(_flat(text, _KEPT))
    if not is_whole:
        root, _ = _parse(f"<body><p>{_flat(text, _NONE)}</p></body>")
    return root, WITHOUT_LAYOUT


def _parse(text: str) -> tuple[Any, bool]:
    """The tree and whether it holds all of the text: at its limit of depth (2048) libxml2 stops reading."""
    from lxml import etree
    from lxml import html as lxml_html

    # Deep nesting is read too: memory and time are limited around us.
    parser = lxml_html.HTMLParser(huge_tree=True, recover=True, no_network=True)
    try:
        root = lxml_html.document_fromstring(text, parser=parser)
    except etree.XMLSyntaxError as error:
        raise MemoryError from error  # the only thing over which a forgiving parser stumbles
    except (etree.ParserError, ValueError) as error:
        raise CannotRead("The page is empty.") from error
    return root, not any(each.type_name == "ERR_RESOURCE_LIMIT" for each in parser.error_log)


def _flat(text: str, kept: re.Pattern[str]) -> str:
    """The page without all tags but these."""

    def replaced(tag: re.Match[str]) -> str:
        name = tag.group(1).lower()
        return tag.group() if kept.fullmatch(name) else "" if _INLINE.fullmatch(name) else "\n"

    if kept is not _NONE:
        return _TAG.sub(replaced, text)
    return html.escape(html.unescape(_TAG.sub(replaced, _HIDDEN.sub("", text))))
