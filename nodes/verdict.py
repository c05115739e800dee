"""A model's answer as reply and verdict. Models are asked for JSON and do not always give it; a customer never sees any."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """`used` holds the numbers of the passages, from 1, that the model says it used."""

    reply: str
    needs_person: bool = False
    reason: str = ""
    used: tuple[int, ...] = ()


_FENCE = re.compile(r"^```[a-z]*\s*(.*?)\s*(?:```.*)?$", re.DOTALL | re.IGNORECASE)
_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_REPLY = re.compile(r'"reply"\s*:\s*("(?:[^"\\]|\\.)*")', re.DOTALL)


def read_verdict(answer: str) -> Verdict:
    """The verdict in an answer. A text without JSON is the reply itself; half a JSON object gives the reply if it is whole."""
    text = _THINKING.sub("", answer).strip()
    fenced = _FENCE.match(text)
    text = fenced.group(1) if fenced else text
    found = _object(text)
    if found is not None:
        return _verdict(found)
    if '"reply"' in text:
        return _from_fragment(text)
    # Braces and no reply in them: nothing that a customer should read.
    return Verdict("") if text.startswith("{") else Verdict(text)


def _object(text: str) -> dict[str, Any] | None:
    """The first JSON object in the text that has a reply."""
    for start in (match.start() for match in re.finditer(r"\{", text)):
        try:
            value, _ = json.JSONDecoder(strict=False).raw_decode(text, start)
        except ValueError:
            continue
        if isinstance(value, dict) and "reply" in value:
            return value
    return None


def _verdict(found: dict[str, Any]) -> Verdict:
    used = found.get("used_passages")
    return Verdict(
        reply=str(found["reply"] or "").strip(),
        needs_person=str(found.get("needs_person", False)).lower() in ("true", "1", "yes"),
        reason=str(found.get("reason") or "").strip(),
        used=tuple(int(number) for number in used if str(number).isdecimal()) if isinstance(used, list) else (),
    )


def _from_fragment(text: str) -> Verdict:
    """An answer that was cut off in the middle: what the model would have said about a person is not known."""
    whole = _REPLY.search(text)
    if whole is None:
        return Verdict("")
    try:
        return Verdict(str(json.loads(whole.group(1), strict=False)).strip())
    except ValueError:
        return Verdict("")
