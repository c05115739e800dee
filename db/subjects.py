"""What a website is about, in words of its own: those of its name that its pages use.

Its name is what the titles of its pages share ("Prices | Corner Bike Repair"). Pages seldom say in their text whose they are, and
customers seldom say what they ask about, so the name put above a question helps a search, but only as far as it is a subject: a
name that says nothing of the matter ("Miller & Sons"), or the kind of site ("Documentation"), leads a search astray. Words that
many passages use are the subject. Learned when a crawl has read the site, and kept with the source.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows, run

SHARED_BY = 0.5  # of the titles, the name
FEWEST_PAGES = 3
USED_BY = 0.1  # of the passages, a word of it
MOST_TITLES, MOST_PASSAGES = 500, 2000  # that are looked at
MOST_CHARACTERS = 100

_BETWEEN = re.compile(r"\s+[-–—·•:~]+\s+|\s*[|»«]+\s*")
_WORD = re.compile(r"\w*[^\W\d_]\w*")  # a version number is no subject


def shared_name(titles: Sequence[str]) -> str:
    """The first or last part that at least half of the titles have; '' = there is none."""
    parts = [_BETWEEN.split(title.strip()) for title in titles]
    ends = Counter(end for split in parts if len(split) > 1 for end in {split[0], split[-1]} if end)
    name, times = max(ends.items(), key=lambda each: (each[1], each[0]), default=("", 0))
    return name[:MOST_CHARACTERS].strip() if times >= max(FEWEST_PAGES, SHARED_BY * len(titles)) else ""


def learn(tx: Session, source: UUID) -> str:
    """Keep what a source is about, as its titles and passages are now; returns it, '' = it does not say it."""
    sql = "SELECT title FROM training_documents WHERE source_id = %(source)s AND state = 'indexed' ORDER BY seq LIMIT %(most)s"
    titles = [row["title"] for row in rows(tx, sql, source=source, most=MOST_TITLES)]
    words = list(dict.fromkeys(_WORD.findall(shared_name(titles))))
    about = " ".join(word for word in words if _share(tx, source, word) >= USED_BY)
    run(
        tx,
        "UPDATE training_sources SET config = (config - 'subject') || %(kept)s::jsonb WHERE id = %(source)s",
        kept={"subject": {"about": about, "pages": len(titles)}} if about else {},
        source=source,
    )
    return about


def subject(tx: Session, sources: Sequence[UUID] = ()) -> str:
    """What the largest website of these sources is about, () = of the workspace; '' where none says it."""
    row = one(
        tx,
        """SELECT config->'subject'->>'about' AS about FROM training_sources
           WHERE config ? 'subject' AND (%(sources)s::uuid[] = '{}' OR id = ANY(%(sources)s::uuid[]))
           ORDER BY (config->'subject'->>'pages')::integer DESC, id LIMIT 1""",
        sources=list(sources),
    )
    return str(row["about"]) if row else ""


def _share(tx: Session, source: UUID, word: str) -> float:
    """The share of the passages that have the word, in any of its forms, in their text; headings repeat titles and do not count."""
    row = one(
        tx,
        """SELECT avg((search @@ to_tsquery(search_config(language), '''' || search_text(%(word)s) || ''':D'))::integer)::double precision AS share
           FROM (SELECT search, language FROM ai_embeddings WHERE source_id = %(source)s AND enabled ORDER BY id LIMIT %(most)s) few""",
        word=word,
        source=source,
        most=MOST_PASSAGES,
    )
    return float(row["share"] or 0.0) if row else 0.0
