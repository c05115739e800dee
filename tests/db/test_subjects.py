from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from db import passages, subjects
from db.engine import run, transaction
from db.passages import Piece
from db.subjects import shared_name

TITLES = ["Prices", "Opening hours", "Team", "Rental"]


def website(workspace: UUID, name: str, titles: Sequence[str], texts: Sequence[str], language: str = "en") -> UUID:
    """A website with a page per title, and a page with a passage per text."""
    with transaction(workspace) as tx:
        source = passages.add_source(tx, workspace, "website", name)
        for title in titles:
            run(
                tx,
                "INSERT INTO training_documents (workspace_id, source_id, address, title, state) VALUES (%(w)s, %(s)s, %(t)s, %(t)s, 'indexed')",
                w=workspace,
                s=source,
                t=title,
            )
        pieces = [Piece(text, titles[0], n, [1.0, *[0.0] * 1535], "words", language) for n, text in enumerate(texts)]
        passages.replace_document(tx, workspace, source, "website", "page", pieces)
    return source


def learned(workspace: UUID, source: UUID) -> str:
    with transaction(workspace) as tx:
        return subjects.learn(tx, source)


@pytest.mark.parametrize(
    ("titles", "name"),
    [
        ([f"{title} | Corner Bike Repair" for title in TITLES], "Corner Bike Repair"),
        ([f"Corner Bike Repair - {title}" for title in TITLES], "Corner Bike Repair"),
        (["Corner Bike Repair", *[f"{title} · Bikes · Corner Bike Repair" for title in TITLES]], "Corner Bike Repair"),
        ([f"{title} — Handbook 3.11.2" for title in TITLES], "Handbook 3.11.2"),
        (["Prices | Shop", "Hours | Shop"], ""),
        (["Prices | Shop", "Hours | Shop", "Team | Shop", *[f"News {n} - Blog {n}" for n in range(4)]], ""),
        (TITLES, ""),
        ([" | ", "|", "a | "], ""),
        ([], ""),
    ],
)
def test_a_site_is_called_what_most_titles_begin_or_end_with(titles: list[str], name: str) -> None:
    assert shared_name(titles) == name


def test_a_site_is_about_those_words_of_its_name_that_its_passages_use(workspace: UUID) -> None:
    texts = ["We repair bikes.", "A bike costs 900.", "A repaired wheel.", "Ask Ana.", "Open from ten to six."]
    source = website(workspace, "Shop", [f"{title} | Corner Bike Repair 2.0" for title in TITLES], texts)
    assert learned(workspace, source) == "Bike Repair"
    with transaction(workspace) as tx:
        assert subjects.subject(tx) == subjects.subject(tx, [source]) == "Bike Repair"


def test_a_name_that_says_nothing_of_the_matter_is_no_subject(workspace: UUID) -> None:
    source = website(workspace, "Shop", [f"{title} | Miller's & Sons' \\ :D" for title in TITLES], ["We repair bikes."])
    assert learned(workspace, source) == ""
    with transaction(workspace) as tx:
        assert subjects.subject(tx) == ""


def test_words_count_in_other_scripts_and_without_their_accents(workspace: UUID) -> None:
    titles = [f"{title} | Réparation Genève 自転車" for title in TITLES]
    source = website(workspace, "Shop", titles, ["La reparation à Genève", "自転車を直します"], "fr")
    assert learned(workspace, source) == "Réparation Genève 自転車"


def test_what_changed_is_learned_anew(workspace: UUID) -> None:
    source = website(workspace, "Shop", [f"{title} | Bikes" for title in TITLES], ["bikes"])
    assert learned(workspace, source) == "Bikes"
    with transaction(workspace) as tx:
        run(tx, "UPDATE training_documents SET title = address || now()")
        assert subjects.learn(tx, source) == "" and subjects.subject(tx) == ""


def test_the_largest_website_of_those_searched_speaks(workspace: UUID, other_workspace: UUID) -> None:
    small = website(workspace, "Blog", [f"{title} | Kites" for title in TITLES[:3]], ["kites"])
    large = website(workspace, "Shop", [f"{title} | Bikes" for title in TITLES], ["bikes"])
    for source in (small, large):
        learned(workspace, source)
    with transaction(workspace) as tx:
        assert (subjects.subject(tx), subjects.subject(tx, [small])) == ("Bikes", "Kites")
        assert subjects.subject(tx, [UUID(int=1)]) == ""
    with transaction(other_workspace) as tx:
        assert subjects.subject(tx) == ""
