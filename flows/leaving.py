"""What a crawl did not find any more: it goes at the end of the crawl, or waits for a person where most of the site would go at once.

A site that is down often answers "not there", one that is rebuilt shows the same page at every address, and a new robots.txt
may forbid everything. Nothing of that should cost a business what its AI knows.
"""

from __future__ import annotations

import logging

from db import crawl_list, sources, training_jobs
from db.crawl_list import Leaving
from db.engine import transaction
from db.sources import SourceSetup
from flows import versions
from flows.pulse import Pulse

log = logging.getLogger(__name__)

MANY = 3  # fewer pages that go at once are no reason to ask, however small the site is
NO_LINK = "No page of the site leads here any more."


def settle(pulse: Pulse, source: SourceSetup, *, complete: bool) -> str:
    """Let go of what is not there any more; returns a sentence where a person is asked first, else "".

    `complete`: the crawl was not cut short, so what it did not meet is not there.
    """
    job = pulse.job
    with transaction(job.workspace_id) as tx:
        now = sources.get(tx, source.id)
        leaving = crawl_list.leaving(tx, source.id, job.id, NO_LINK if complete else None)
        total = crawl_list.with_passages(tx, source.id)
    # What the owner left out by other settings is meant to go.
    meant = now is not None and bool(now.config.get("narrowed"))
    lost = [each for each in leaving if _is_lost(each) and not (meant and each.reason == NO_LINK)]
    too_many = len(lost) >= MANY and 2 * len(lost) > total
    for each in leaving:
        pulse.check()
        with pulse.writing() as tx:
            versions.let_go(
                tx, job, source, each, ask=_is_lost(each) and (too_many and each in lost or _reviews(source))
            )
    with pulse.writing() as tx:
        sources.configure(tx, source.id, vanished={"gone": len(lost), "of": total} if too_many else None)
        training_jobs.tell(tx, job.workspace_id, source.id, "working")
    if not too_many:
        return ""
    log.warning(
        "Most pages of a source are gone at once",
        extra={"action": "training.vanished", "source": str(source.id), "gone": len(lost), "of": total},
    )
    return f"{len(lost)} of {total} pages are gone: none was removed, because that is most of the site. Look at it, then approve or keep them."


def _is_lost(each: Leaving) -> bool:
    """Whether its text would be known no more, and nobody said that it should stay."""
    return each.was_indexed and not each.lives_on and not each.is_kept


def _reviews(source: SourceSetup) -> bool:
    return bool(source.config.get("review"))
