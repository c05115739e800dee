"""What the retrieval test of the pages gets."""

from uuid import UUID

import pytest

from db import passages
from db.engine import system, transaction
from db.passages import Piece
from flows.headings import embed_headings
from flows.retrieval_test import try_retrieval
from nodes.search import SearchSettings
from tests.db.builders import a_workspace
from tests.nodes.contexts import WordEmbedder

TEXTS = {"Opening hours": "Saturday opening from ten to fourteen", "Prices": "Full service price is 119 francs"}


@pytest.fixture
def workspace(database_url: str) -> UUID:
    embedder = WordEmbedder()
    with system() as tx:
        workspace = a_workspace(tx)
    with transaction(workspace) as tx:
        source = passages.add_source(tx, workspace, "text", "Handbook")
        for heading, text in TEXTS.items():
            [vector] = embedder.embed([f"{heading} {text}"])
            pieces = [Piece(text, heading, 0, vector, embedder.model, "en")]
            passages.replace_document(tx, workspace, source, "text", heading, pieces)
    return workspace


def test_it_searches_as_the_node_does_and_tells_how_long_it_took(workspace: UUID) -> None:
    tried = try_retrieval(workspace, "opening hours on Saturday", embedder=WordEmbedder())
    assert tried.hits[0].heading == "Opening hours" and tried.embedder_model == "words" and tried.took_ms > 0
    settings = SearchSettings(mode="lexical", limit=1, minimum_score=0.0)
    assert [hit.heading for hit in try_retrieval(workspace, "service", settings, WordEmbedder()).hits] == ["Prices"]


def test_headings_are_embedded_once_and_lift_what_stands_under_them(workspace: UUID) -> None:
    embedder = WordEmbedder()
    before = try_retrieval(workspace, "prices", SearchSettings(mode="vector"), embedder).hits[0].score
    assert embed_headings(workspace, embedder) == 2
    assert embed_headings(workspace, embedder) == 0
    assert try_retrieval(workspace, "prices", SearchSettings(mode="vector"), embedder).hits[0].score > before


def test_a_workspace_without_a_model_of_its_own_is_searched_with_the_built_in_one(workspace: UUID) -> None:
    tried = try_retrieval(workspace, "service price", SearchSettings(mode="lexical"))
    assert (tried.hits, tried.embedder_model) == ([], "all-MiniLM-L6-v2")  # the passages are those of another model
