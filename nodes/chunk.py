"""A document cut into passages that can be found and read on their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from langchain_text_splitters import RecursiveCharacterTextSplitter

# Best place to cut first. A sentence ends with its mark and the space, so that "9.30" stays whole.
_SEPARATORS = ["\n\n", "\n", ". ", "? ", "! ", "。", "; ", ", ", " ", ""]
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_FENCE = re.compile(r"\s*(```+|~~~+)")
_CODE = re.compile(r"(?<!`)`+([^`]+)`+")
# What stands around a whole word. Two lines on each side are more often a name (__main__) than meant to be bold.
_EMPHASIS = re.compile(
    r"(?<![\w*])(\*{1,3})(?=\S)(?P<stars>[^*]+)(?<=\S)\1(?![\w*])|(?<!\w)_(?=[^\s_])(?P<lines>[^_]+)(?<=\S)_(?!\w)"
)
WHOLE_CHARS = 1000  # a table or a piece of code up to this length is never cut


@dataclass(frozen=True)
class Chunk:
    """A passage before it is stored. `heading` is the path "Title > Section > Sub", `position` counts from 0."""

    text: str
    heading: str
    position: int

    @property
    def embedding_text(self) -> str:
        """What to embed: without its heading a passage is found half as often."""
        return f"{self.heading}\n{self.text}".strip()


def split(text: str, title: str = "", chunk_chars: int = 900, overlap: float = 0.2) -> list[Chunk]:
    """Passages of at most `chunk_chars` characters, in order; none reaches over a heading.

    `overlap` is the largest share of a passage that may repeat the end of the one before it. A heading with nothing
    under it gives no passage of its own. Tables and code stay whole up to 1000 characters; longer ones are cut between
    their rows or lines, and every part of a table has its header.
    """
    cutter = RecursiveCharacterTextSplitter(
        chunk_size=chunk_chars,
        chunk_overlap=int(chunk_chars * overlap),
        separators=_SEPARATORS,
        keep_separator="end",
    )
    pieces = [
        (piece, heading) for heading, lines in _sections(text, title) for piece in _pieces(lines, cutter, chunk_chars)
    ]
    return [Chunk(piece, heading, position) for position, (piece, heading) in enumerate(pieces)]


def _sections(text: str, title: str) -> Iterator[tuple[str, list[str]]]:
    """Every heading path with the lines under it."""
    path: dict[int, str] = {}
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        fence = _fence_after(line, fence)
        heading = None if fence else _HEADING.fullmatch(line.rstrip())
        if heading is None:
            lines.append(line.rstrip())
            continue
        yield _path(path, title), lines
        level, lines = len(heading.group(1)), []
        path = {above: name for above, name in path.items() if above < level} | {level: _plain(heading.group(2))}
    yield _path(path, title), lines


def _path(names: dict[int, str], title: str) -> str:
    path = [name for _, name in sorted(names.items()) if name]
    if title and path[:1] != [title]:
        path.insert(0, title)
    return " > ".join(path)


def _plain(heading: str) -> str:
    """The heading without closing marks (`## Prices ##`) and emphasis. Names keep theirs: `__init__`, `f(*args)`, `C#`."""
    text = heading.rstrip("\t ¶")
    open_end = text.rstrip("#")
    parts = _CODE.split(open_end if open_end[-1:].isspace() else text)
    parts[::2] = [_without_emphasis(part) for part in parts[::2]]
    return "".join(parts).replace("`", "").strip()


def _without_emphasis(text: str) -> str:
    for _ in range(2):  # one may stand within another
        text = _EMPHASIS.sub(lambda found: found["stars"] or found["lines"], text)
    return text


def _fence_after(line: str, fence: str) -> str:
    """The mark of the code block that is open after this line, '' outside of one."""
    found = _FENCE.match(line)
    if fence:
        return "" if found and found.group(1).startswith(fence) else fence
    return found.group(1)[:3] if found else ""


def _pieces(lines: Sequence[str], cutter: RecursiveCharacterTextSplitter, chunk_chars: int) -> Iterator[str]:
    """Passages of one section. Short blocks stand together; what must stay whole is not cut."""
    waiting: list[str] = []
    for kind, block in _blocks(lines):
        if kind == "prose":
            waiting.append(block)
            continue
        if len("\n\n".join([*waiting, block])) > chunk_chars:
            yield from cutter.split_text("\n\n".join(waiting))
            waiting = []
        if len(block) <= chunk_chars:
            waiting.append(block)
            yield "\n\n".join(waiting)
            waiting = []
        else:
            yield from _whole(kind, block, chunk_chars)
    yield from cutter.split_text("\n\n".join(waiting))


def _blocks(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(prose, table or code; text) in the order of the section."""
    block: list[str] = []
    kind, fence = "prose", ""
    for line in lines:
        before, fence = fence, _fence_after(line, fence)
        now = "code" if fence or before else "table" if line.lstrip().startswith("|") else "prose"
        opens = bool(fence) and not before
        if now != kind or opens:
            yield from _block(kind, block)
            block = []
        kind = now
        block.append(line)
    yield from _block(kind, block)


def _block(kind: str, lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    text = "\n".join(lines).strip("\n")
    if text.strip():
        yield kind, text.strip() if kind == "prose" else text


def _whole(kind: str, block: str, chunk_chars: int) -> Iterator[str]:
    """A table or code that is longer than a passage: whole up to a limit, else cut between lines."""
    if len(block) <= max(WHOLE_CHARS, chunk_chars):
        yield block
        return
    lines = block.split("\n")
    if kind == "table":
        head, rows, tail = lines[:2], lines[2:], []
    else:
        head, rows, tail = lines[:1], lines[1:-1], lines[-1:]
    room = max(chunk_chars - sum(len(line) + 1 for line in [*head, *tail]), chunk_chars // 4)
    for group in _groups(rows, room):
        yield "\n".join([*head, *group, *tail])


def _groups(rows: Sequence[str], room: int) -> Iterator[list[str]]:
    """Rows that fit together; a row that is too long by itself is cut."""
    group: list[str] = []
    size = 0
    for row in (long[start : start + room] for long in rows for start in range(0, max(len(long), 1), room)):
        if group and size + len(row) > room:
            yield group
            group, size = [], 0
        group.append(row)
        size += len(row) + 1
    if group:
        yield group
