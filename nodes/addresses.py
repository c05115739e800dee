"""Web addresses: one spelling per page, and whether two belong to one site."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

LONGEST = 2000  # characters; longer ones are traps
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:.]*:[0-9a-f:.]*")  # a name or an IPv6 address
_PORTS = {"http": 80, "https": 443}
# Says how a visitor came, never what the page is.
_TRACKING = re.compile(
    r"utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|ref_src|_ga|sessionid|phpsessid|jsessionid|sid", re.IGNORECASE
)
_NOT_TEXT = re.compile(
    r"\.(7z|avi|bmp|bz2|css|deb|dmg|docm?|eot|epub|exe|flac|gif|gz|ico|ics|iso|jar|jpe?g|m?js|json|m4[av]|mov|mp[34]|mpe?g|ogg|otf|png|ppt|"
    r"rar|rpm|rss|svg|tar|tgz|tiff?|ttf|wav|web[mp]|webmanifest|wmv|woff2?|xml|xz|zip)",
)


def normal(address: str) -> str | None:
    """The address in the one spelling that we keep, without fragment and tracking; None where it is no web address."""
    try:
        parts = urlsplit(address.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in _PORTS or parts.username or len(address) > LONGEST:
        return None
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return None
    if not _HOST.fullmatch(host):
        return None
    scheme = parts.scheme.lower()
    named = f"[{host}]" if ":" in host else host
    place = named if port in (None, _PORTS[scheme]) else f"{named}:{port}"
    query = [
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.fullmatch(name)
    ]
    return urlunsplit(SplitResult(scheme, place, _path(parts.path), urlencode(query), ""))


def _path(path: str) -> str:
    path = re.sub(r";jsessionid=[^/?]*", "", path, flags=re.IGNORECASE)
    flat = posixpath.normpath(re.sub("/{2,}", "/", path or "/"))
    if path.endswith(("/", "/.", "/..")) and flat != "/":
        flat += "/"
    return quote(flat, safe="/%:@!$&'()*+,;=~-._")


def site(address: str) -> str:
    """What all pages of a site share: host and port, without `www.`."""
    parts = urlsplit(address)
    return parts.netloc.lower().removeprefix("www.")


def may_hold_text(address: str) -> bool:
    """Whether the ending of an address leaves hope for text: pictures, films and programs do not."""
    return not _NOT_TEXT.fullmatch(PurePosixPath(urlsplit(address).path.lower()).suffix)


def are_twins(one: str, other: str) -> bool:
    """Whether two addresses differ only in what a page says of itself rightly: scheme, `www.`, query, or slash at the end."""

    def core(address: str) -> tuple[str, str]:
        return site(address).rpartition(":")[0] or site(address), urlsplit(address).path.rstrip("/")

    return core(one) == core(other)
