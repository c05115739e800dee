"""The corpus of `frontdesk bench retrieval`: Python's documentation as Debian packs it, read and cut by our own parts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from db.passages import Piece
from db.vectors import text_hash
from flows.ingest import Cut, cut
from nodes.contract import Embedder
from nodes.extract import extract

PARTS = ("faq", "tutorial", "howto", "library")
MISSING = (
    "Python's documentation is not on this machine. Install Debian's package python3-doc "
    "(`apt-get install -y --no-install-recommends python3-doc`), or name a folder that holds faq, tutorial, howto and library "
    "with --html."
)


class CorpusMissing(Exception):
    """There is nothing to search in; the message says what to install."""


@dataclass(frozen=True)
class Section:
    """Passages that stand under one heading: places in the list of all passages."""

    page: str
    heading: str
    places: frozenset[int]

    @property
    def name(self) -> str:
        """The last part of the heading, as small letters and digits."""
        return plain(self.heading.rpartition(" > ")[2])


@dataclass(frozen=True)
class Corpus:
    """Every passage with its page, in order."""

    pages: tuple[str, ...]
    cuts: tuple[Cut, ...]
    titles: Mapping[str, str]  # of the pages

    def sections(self) -> list[Section]:
        places: dict[tuple[str, str], set[int]] = {}
        for place, (page, each) in enumerate(zip(self.pages, self.cuts, strict=True)):
            places.setdefault((page, each.chunk.heading), set()).add(place)
        return [Section(page, heading, frozenset(found)) for (page, heading), found in places.items()]

    def pieces(self, vectors: NDArray[np.float32], model: str) -> list[Piece]:
        return [
            Piece(each.chunk.text, each.chunk.heading, each.chunk.position, vector.tolist(), model, "en")
            for each, vector in zip(self.cuts, vectors, strict=True)
        ]


def plain(heading: str) -> str:
    return re.sub(r"[\W_]+", " ", heading.lower()).strip()


def html_folder(named: Path | None) -> Path:
    """Where the pages are. Raises CorpusMissing."""
    candidates = [named] if named else sorted(Path("/usr/share/doc").glob("python3*/html"), reverse=True)
    for folder in candidates:
        if all((folder / part).is_dir() for part in PARTS):
            return folder
    raise CorpusMissing(MISSING)


def read(folder: Path) -> Corpus:
    """Extract and cut every page, on all processors."""
    files = [file for part in PARTS for file in sorted((folder / part).glob("*.html"))]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = dict(
            zip([f"{file.parent.name}/{file.name}" for file in files], pool.map(_page, files, chunksize=8), strict=True)
        )
    pages = [page for page, (_, cuts) in found.items() for _ in cuts]
    titles = {page: title for page, (title, _) in found.items()}
    return Corpus(tuple(pages), tuple(each for _, cuts in found.values() for each in cuts), titles)


def _page(file: Path) -> tuple[str, list[Cut]]:
    """Its title and its passages."""
    reading = extract(file.read_bytes(), "html", file.name)
    return reading.title, cut("website", reading.title, reading.markdown)


AT_ONCE = 256


def embed(embedder: Embedder, texts: Sequence[str], cache: Path | None) -> NDArray[np.float32]:
    """A vector of 1536 numbers per text; those that the cache has are not made again, and it is kept as they are made."""
    known = _load(cache)
    missing = [text for text in dict.fromkeys(texts) if text_hash(text).hex() not in known]
    missing.sort(key=len)  # like lengths together, across the batches too
    for start in range(0, len(missing), AT_ONCE):
        batch = missing[start : start + AT_ONCE]
        vectors = np.asarray(embedder.embed(batch), np.float32)
        known |= {text_hash(text).hex(): vector for text, vector in zip(batch, vectors, strict=True)}
        if cache is not None and (start // AT_ONCE % 8 == 7 or start + AT_ONCE >= len(missing)):
            _save(cache, known)
    return np.stack([known[text_hash(text).hex()] for text in texts])


def _load(cache: Path | None) -> dict[str, NDArray[np.float32]]:
    if cache is None or not cache.exists():
        return {}
    with np.load(cache) as kept:
        vectors = np.zeros((len(kept["names"]), 1536), np.float32)
        vectors[:, : kept["vectors"].shape[1]] = kept["vectors"]
        return dict(zip(kept["names"].tolist(), vectors, strict=True))


def _save(cache: Path, known: dict[str, NDArray[np.float32]]) -> None:
    vectors = np.stack(list(known.values()))
    used = int(np.max(np.nonzero(vectors.any(axis=0))[0])) + 1
    unfinished = cache.with_suffix(".new.npz")
    np.savez(unfinished, names=np.array(list(known)), vectors=vectors[:, :used])
    unfinished.replace(cache)
