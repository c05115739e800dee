from uuid import UUID

from sqlmodel import Session

from db import passages
from db.engine import one, read_only, rows, run, transaction
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


def _texts(workspace: UUID, *vector: float, model: str = MODEL, limit: int = 5, language: str = "") -> list[str]:
    with read_only(workspace) as tx:
        return [found.text for found in passages.search(tx, _vector(*vector), model, "", limit, language)]


def test_the_nearest_passage_comes_first_with_its_source_and_cosine(workspace: UUID) -> None:
    source = _keep(
        workspace, _piece("far", 0.1, 1), _piece("near", 1, 0.1, position=1), _piece("same", 2, 0, position=2)
    )
    with read_only(workspace) as tx:
        first, second, third = passages.search(tx, _vector(1, 0), MODEL, "How much?")
    assert [first.text, second.text, third.text] == ["same", "near", "far"]
    assert (first.source_id, first.source_name, first.document) == (source, "Prices", "prices.md")
    assert first.heading == "Prices > Cleaning"
    assert abs(first.score - 1) < 1e-6 and first.score > second.score > third.score
    assert _texts(workspace, 1, 0, limit=1) == ["same"]


def test_models_are_never_mixed_and_languages_only_when_asked(workspace: UUID) -> None:
    _keep(workspace, _piece("de", 1, language="de"), _piece("en", 1, 0.1, language="en", position=1))
    _keep(workspace, _piece("any", 1, 0.2), document="any")
    _keep(workspace, _piece("other model", 1, model="other"), document="other")
    assert _texts(workspace, 1) == ["de", "en", "any"]
    assert _texts(workspace, 1, language="en") == ["en", "any"]
    assert _texts(workspace, 1, model="other") == ["other model"]
    assert _texts(workspace, 1, model="third") == []


def test_a_workspace_finds_its_own_passages_only(workspace: UUID, other_workspace: UUID) -> None:
    _keep(workspace, _piece("ours", 0, 1))
    _keep(other_workspace, _piece("theirs", 1, 0))
    assert _texts(workspace, 1, 0) == ["ours"]


def test_a_small_workspace_beside_a_large_one_loses_nothing(workspace: UUID, other_workspace: UUID) -> None:
    _keep(other_workspace, *(_piece(f"theirs {n}", 1, n / 1000, position=n) for n in range(400)))
    _keep(workspace, *(_piece(f"ours {n}", 0, 1, n / 10, position=n) for n in range(5)))
    assert len(_texts(workspace, 1, 0)) == 5


def test_among_many_passages_the_graph_finds_the_nearest_of_the_workspace(
    workspace: UUID, other_workspace: UUID
) -> None:
    for each, sign in ((workspace, 1), (other_workspace, -1)):
        _keep(each, _piece("seed", sign, 0, 0))
        with transaction(each) as tx:
            _multiply(tx, each, passages.FEW + 200)
    with transaction(workspace) as tx:
        found = passages.search(tx, _vector(0, 1, 0.5), MODEL, "", 5)
        exact = rows(
            tx,
            "SELECT id FROM ai_embeddings ORDER BY (embedding <=> %(v)s::vector) + 0, id LIMIT 5",
            v=str(_vector(0, 1, 0.5)),
        )
    assert len(found) == 5
    assert len({hit.id for hit in found} & {row["id"] for row in exact}) >= 4


def test_a_document_is_replaced_as_a_whole_and_untouched_when_it_is_the_same(workspace: UUID) -> None:
    pieces = [_piece("a", 1), _piece("b", 0, 1, position=1)]
    source = _keep(workspace, *pieces)
    _keep(workspace, _piece("elsewhere", 1), document="other.md")
    with transaction(workspace) as tx:
        before = {row["id"] for row in rows(tx, "SELECT id FROM ai_embeddings")}
        assert passages.replace_document(tx, workspace, source, "text", "prices.md", pieces) is False
        assert {row["id"] for row in rows(tx, "SELECT id FROM ai_embeddings")} == before
        assert passages.replace_document(tx, workspace, source, "text", "prices.md", [_piece("c", 1)]) is True
    assert sorted(_texts(workspace, 1)) == ["c", "elsewhere"]
    with transaction(workspace) as tx:
        assert passages.replace_document(tx, workspace, source, "text", "prices.md", []) is True
    assert _texts(workspace, 1) == ["elsewhere"]


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


def test_a_disabled_passage_is_not_found(workspace: UUID) -> None:
    _keep(workspace, _piece("a", 1))
    with transaction(workspace) as tx:
        assert one(tx, "UPDATE ai_embeddings SET enabled = false RETURNING 1 AS x") is not None
    assert _texts(workspace, 1) == []


def _multiply(tx: Session, workspace: UUID, count: int) -> None:
    """Many passages whose vectors point in all directions of a space of three dimensions."""
    run(
        tx,
        """INSERT INTO ai_embeddings (workspace_id, source_id, source_type, text, content_hash, model, embedding)
           SELECT workspace_id, source_id, source_type, 'copy ' || n, content_hash, model,
               (ARRAY[sin(n * 12.9), cos(n * 78.2), sin(n * 37.7)] || array_fill(0::float8, ARRAY[1533]))::vector
           FROM ai_embeddings, generate_series(1, %(count)s) n WHERE workspace_id = %(workspace)s""",
        count=count,
        workspace=workspace,
    )
