from uuid import UUID

from db import passages
from db.engine import read_only, rows, transaction
from db.passages import Piece

MODEL = "test-model"


def _vector(*start: float) -> list[float]:
    return [*start, *[0.0] * (1536 - len(start))]


def _piece(text: str, *vector: float, position: int = 0, model: str = MODEL, language: str = "") -> Piece:
    return Piece(text, "Prices > Cleaning", position, _vector(*vector), model, language)


def _keep(workspace: UUID, *pieces: Piece, document: str = "prices.md", name: str = "Prices") -> UUID:
    with transaction(workspace) as tx:
        source = passages.add_source(tx, workspace, "text", name)
        passages.replace_document(tx, workspace, source, "text", document, pieces)
    return source


def _texts(workspace: UUID) -> list[str]:
    with read_only(workspace) as tx:
        return [row["text"] for row in rows(tx, "SELECT text FROM ai_embeddings ORDER BY text")]


def test_a_document_is_replaced_as_a_whole_and_untouched_when_it_is_the_same(workspace: UUID) -> None:
    pieces = [_piece("a", 1), _piece("b", 0, 1, position=1)]
    source = _keep(workspace, *pieces)
    _keep(workspace, _piece("elsewhere", 1), document="other.md")
    with transaction(workspace) as tx:
        before = {row["id"] for row in rows(tx, "SELECT id FROM ai_embeddings")}
        assert passages.replace_document(tx, workspace, source, "text", "prices.md", pieces) is False
        assert {row["id"] for row in rows(tx, "SELECT id FROM ai_embeddings")} == before
        assert passages.replace_document(tx, workspace, source, "text", "prices.md", [_piece("c", 1)]) is True
    assert _texts(workspace) == ["c", "elsewhere"]
    with transaction(workspace) as tx:
        assert passages.replace_document(tx, workspace, source, "text", "prices.md", []) is True
    assert _texts(workspace) == ["elsewhere"]


def test_a_source_is_made_once_and_listed_with_its_passages_and_state(workspace: UUID) -> None:
    source = _keep(workspace, _piece("a", 1), _piece("b", 1, position=1))
    assert _keep(workspace, _piece("a", 1), _piece("b", 1, position=1)) == source
    with transaction(workspace) as tx:
        passages.add_source(tx, workspace, "website", "Our site", "https://example.com")
        passages.set_status(tx, source, "failed", "The page is empty.")
        site, prices = passages.sources(tx)
        assert (site.name, site.url, site.status, site.passages) == ("Our site", "https://example.com", "pending", 0)
        assert (prices.name, prices.status, prices.status_detail, prices.passages) == (
            "Prices",
            "failed",
            "The page is empty.",
            2,
        )
