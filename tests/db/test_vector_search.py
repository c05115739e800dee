from uuid import UUID

from sqlmodel import Session

from db import passages, vector_search
from db.engine import one, read_only, rows, run, transaction
from db.passages import Piece
from db.vector_search import EVERYWHERE, Filter

MODEL = "test-model"


def _vector(*start: float) -> list[float]:
    return [*start, *[0.0] * (1536 - len(start))]


def _piece(text: str, *vector: float, position: int = 0, model: str = MODEL, language: str = "") -> Piece:
    return Piece(text, "Prices > Cleaning", position, _vector(*vector), model, language)


def _keep(
    workspace: UUID, *pieces: Piece, document: str = "prices.md", name: str = "Prices", type: str = "text"
) -> UUID:
    with transaction(workspace) as tx:
        source = passages.add_source(tx, workspace, type, name)
        passages.replace_document(tx, workspace, source, type, document, pieces)
    return source


def _texts(workspace: UUID, *vector: float, model: str = MODEL, limit: int = 5, only: Filter = EVERYWHERE) -> list[str]:
    with read_only(workspace) as tx:
        near = vector_search.nearest(tx, _vector(*vector), model, limit, only)
        shown = passages.shown(tx, [each.id for each in near])
        return [shown[each.id].text for each in near]


def test_the_nearest_passage_comes_first_with_its_source_and_cosine(workspace: UUID) -> None:
    source = _keep(
        workspace, _piece("far", 0.1, 1), _piece("near", 1, 0.1, position=1), _piece("same", 2, 0, position=2)
    )
    with read_only(workspace) as tx:
        first, second, third = vector_search.nearest(tx, _vector(1, 0), MODEL, 5)
        shown = passages.shown(tx, [first.id])[first.id]
    assert (shown.source_id, shown.source_name, shown.document) == (source, "Prices", "prices.md")
    assert (shown.text, shown.heading, shown.source_type) == ("same", "Prices > Cleaning", "text")
    assert abs(first.score - 1) < 1e-6 and first.score > second.score > third.score
    assert _texts(workspace, 1, 0) == ["same", "near", "far"]
    assert _texts(workspace, 1, 0, limit=1) == ["same"]


def test_models_are_never_mixed_and_languages_only_when_asked(workspace: UUID) -> None:
    _keep(workspace, _piece("de", 1, language="de"), _piece("en", 1, 0.1, language="en", position=1))
    _keep(workspace, _piece("any", 1, 0.2), document="any")
    _keep(workspace, _piece("other model", 1, model="other"), document="other")
    assert _texts(workspace, 1) == ["de", "en", "any"]
    assert _texts(workspace, 1, only=Filter(language="en")) == ["en", "any"]
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
            _multiply(tx, each, vector_search.FEW + 200)
    with transaction(workspace) as tx:
        found = vector_search.nearest(tx, _vector(0, 1, 0.5), MODEL, 5)
        exact = rows(
            tx,
            "SELECT id FROM ai_embeddings ORDER BY (embedding <=> %(v)s::vector) + 0, id LIMIT 5",
            v=str(_vector(0, 1, 0.5)),
        )
    assert len(found) == 5
    assert len({hit.id for hit in found} & {row["id"] for row in exact}) >= 4


def test_a_search_keeps_to_the_sources_and_types_that_it_names(workspace: UUID) -> None:
    prices = _keep(workspace, _piece("text", 1))
    _keep(workspace, _piece("site", 1, 0.1), name="Site", type="website")
    assert _texts(workspace, 1) == ["text", "site"]
    assert _texts(workspace, 1, only=Filter(sources=(prices,))) == ["text"]
    assert _texts(workspace, 1, only=Filter(source_types=("website", "qa"))) == ["site"]


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
