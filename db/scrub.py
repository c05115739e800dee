"""Takes secrets out of texts that are kept or sent away: log lines, error reports."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import SecretStr

from db.settings import Settings, get_settings

HIDDEN = "***"
SHORTEST = 6  # characters; a shorter setting would hide half of every text

_FIELD = re.compile(r"(?i)(password|passwd|secret|token|api_?key|authorization|cookie|dsn)$")
_PATTERNS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@"), rf"\1:{HIDDEN}@"),  # password in an address
    (re.compile(r"\b(sk|pk|rk|fd|pit|xox[abp])([-_])[\w-]{16,}"), rf"\1\2{HIDDEN}"),  # keys of providers, and our own
    (re.compile(r"\bEAA[A-Za-z0-9]{20,}"), HIDDEN),  # Meta access tokens
    (re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"), HIDDEN),  # JSON web tokens
    (re.compile(r"\bgAAAAA[\w-]{30,}={0,2}"), HIDDEN),  # Fernet ciphertext
    (
        re.compile(r"""(?i)(["']?\b(?:password|secret|api_?key|auth_?token|access_?token|token|signature)["']?\s*[=:]\s*["']?)[^\s"'&,;)}]{4,}"""),
        rf"\1{HIDDEN}",
    ),
)  # fmt: skip


def scrub(text: str) -> str:
    """The text without the secrets of the settings and without whatever looks like a key, a token or a password."""
    for secret in _values_of(get_settings()):
        text = text.replace(secret, HIDDEN)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def scrub_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, with the ones whose name says that they are secret hidden, at any depth."""
    return {name: HIDDEN if _FIELD.search(name) else _scrub_value(value) for name, value in fields.items()}


def _scrub_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return scrub_fields({str(name): inner for name, inner in value.items()})
    if isinstance(value, list | tuple):
        return [_scrub_value(inner) for inner in value]
    return scrub(value) if isinstance(value, str) else value


@lru_cache(maxsize=4)
def _values_of(settings: Settings) -> tuple[str, ...]:
    """Every secret in the settings, the longest first, so that one inside another does not leave its end behind."""
    found: set[str] = set()
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            found.update(part.strip() for part in value.get_secret_value().split(","))
    return tuple(sorted((text for text in found if len(text) >= SHORTEST), key=len, reverse=True))
