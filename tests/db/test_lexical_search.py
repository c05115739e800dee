"""Words are counted as passages come and go, and rare ones decide."""

import threading
from uuid import UUID

import pytest
from sqlmodel import Session

from db import lexical_search, passages
from db.engine import read_only, rows, run, system, transaction
from db.passages import Piece
from db.vector_search import EVERYWHERE, Filter

MODEL = "test-model"
VECTOR = [1.0, *[0.0] * 1535]


def _keep(
    workspace: UUID, *texts: str, document: str = "a.md", heading: str = "", language: str = "en", **source: str
) -> UUID:
    with transaction(workspace) as tx:
        id = passages.add_source(tx, workspace, source.get("type", "text"), source.get("name", "Notes"))
        pieces = [Piece(text, heading, place, VECTOR, MODEL, language) for place, text in enumerate(texts)]
        passages.replace_document(tx, workspace, id, source.get("type", "text"), document, pieces)
    return id


def _found(workspace: UUID, question: str, limit: int = 5, only: Filter = EVERYWHERE, model: str = MODEL) -> list[str]:
    with read_only(workspace) as tx:
        found = lexical_search.by_words(tx, question, model, limit, only)
        shown = passages.shown(tx, [each.id for each in found])
        return [shown[each.id].text for each in found]


def _counts(tx: Session, language: str = "en") -> dict[str, int]:
    found = rows(
        tx,
        "SELECT word, sum(passages)::int AS n FROM passage_words WHERE language = %(l)s GROUP BY word HAVING sum(passages) <> 0",
        l=language,
    )
    return {row["word"]: row["n"] for row in found}


def _recounted(tx: Session, language: str = "en") -> dict[str, int]:
    found = rows(
        tx,
        """SELECT word, count(*)::int AS n FROM ai_embeddings, unnest(array_append(tsvector_to_array(search), '')) AS w(word)
           WHERE language = %(l)s GROUP BY word""",
        l=language,
    )
    return {row["word"]: row["n"] for row in found}


def test_the_rare_word_of_a_question_decides(workspace: UUID) -> None:
    _keep(workspace, "We repair bikes.", "We repair the XK-2000.", "We sell bikes.", "We rent bikes.")
    assert _found(workspace, "do you repair the xk-2000 bikes?")[0] == "We repair the XK-2000."


def test_a_question_without_a_known_word_finds_nothing(workspace: UUID) -> None:
    _keep(workspace, "We repair bikes.")
    assert _found(workspace, "quantum chromodynamics") == []
    assert _found(workspace, "is it the of") == []
    assert _found(workspace, "'!&|():*\\ \0") == []


def test_words_of_the_heading_weigh_more(workspace: UUID) -> None:
    _keep(workspace, "Ask us about a warranty.", document="b.md", heading="Prices")
    _keep(workspace, "Ask us about a refund.", document="c.md", heading="Warranty")
    assert _found(workspace, "warranty") == ["Ask us about a refund.", "Ask us about a warranty."]


@pytest.mark.parametrize(
    ("language", "text", "question"),
    [
        ("en", "We are fixing broken chains", "can you fix a chain"),
        ("de", "Öffnungszeiten der Werkstätten", "offnungszeit der werkstatt"),
        ("es", "Cámaras reparadas", "camara reparada"),
        ("fr", "Réparations garanties", "reparation garantie"),
        ("", "Repair of Brompton bikes", "brompton"),
        ("xx", "Repair of Brompton bikes", "Bromptón"),
        ("ja", "自転車を修理します", "自転車"),
        ("en", "Write to info@corner.example", "info corner example"),
    ],
)
def test_other_forms_of_a_word_are_found_in_the_language_of_the_passage(
    workspace: UUID, language: str, text: str, question: str
) -> None:
    _keep(workspace, text, "something else", language=language)
    assert _found(workspace, question)[0] == text


def test_the_best_passages_of_several_languages_come_together(workspace: UUID) -> None:
    _keep(workspace, "Saturday: closed", language="en")
    _keep(workspace, "Samstag: geschlossen", document="b.md", language="de")
    assert set(_found(workspace, "Samstag Saturday")) == {"Saturday: closed", "Samstag: geschlossen"}
    assert _found(workspace, "Samstag Saturday", only=Filter(language="de")) == ["Samstag: geschlossen"]


def test_filters_models_and_switched_off_passages_are_kept_to(workspace: UUID, other_workspace: UUID) -> None:
    prices = _keep(workspace, "tune-up 119")
    _keep(workspace, "tune-up 120", document="b.md", name="Site", type="website")
    _keep(other_workspace, "tune-up 121")
    assert set(_found(workspace, "tune-up")) == {"tune-up 119", "tune-up 120"}
    assert _found(workspace, "tune-up", only=Filter(sources=(prices,))) == ["tune-up 119"]
    assert _found(workspace, "tune-up", only=Filter(source_types=("website",))) == ["tune-up 120"]
    assert _found(workspace, "tune-up", model="other") == []
    with transaction(workspace) as tx:
        run(tx, "UPDATE ai_embeddings SET enabled = false WHERE text = 'tune-up 120'")
    assert _found(workspace, "tune-up") == ["tune-up 119"]


def test_passages_that_are_asked_for_come_with_their_score_beyond_the_limit(workspace: UUID) -> None:
    _keep(workspace, "chain chain", "chain and wheel", "saddle")
    with read_only(workspace) as tx:
        every = [row["id"] for row in rows(tx, "SELECT id FROM ai_embeddings ORDER BY position")]
        found = {each.id: each.score for each in lexical_search.by_words(tx, "chain wheel", MODEL, 1, also=every)}
    assert found.keys() == set(every)
    assert found[every[1]] > found[every[0]] > found[every[2]] == 0


def test_a_question_of_frequent_words_only_reads_no_more_than_the_budget(workspace: UUID) -> None:
    many = lexical_search.BUDGET + 200
    with transaction(workspace) as tx:
        source = passages.add_source(tx, workspace, "text", "Notes")
        run(tx, _MANY, workspace=workspace, source=source, count=many, vector=str(VECTOR))
    found = _found(workspace, "bike shop", limit=many)
    assert 0 < len(found) <= lexical_search.BUDGET


def test_of_frequent_words_those_passages_are_read_that_have_two(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        source = passages.add_source(tx, workspace, "text", "Notes")
        many = {"workspace": workspace, "source": source, "count": lexical_search.BUDGET + 200, "vector": str(VECTOR)}
        run(tx, _MANY.replace("bike shop", "bike"), **many)
        run(tx, _MANY.replace("bike shop", "shop"), **many)
        run(tx, "UPDATE ai_embeddings SET text = 'bike and shop' WHERE text IN ('bike 400', 'shop 600')")
    assert _found(workspace, "bike shop", limit=9) == ["bike and shop"] * 2


def test_counts_follow_what_comes_goes_and_changes(workspace: UUID, other_workspace: UUID) -> None:
    source = _keep(workspace, "red bike", "red wheel", heading="Stock")
    _keep(other_workspace, "red")
    with transaction(workspace) as tx:
        assert _counts(tx) == _recounted(tx) == {"": 2, "red": 2, "bike": 1, "wheel": 1, "stock": 2}
        run(tx, "UPDATE ai_embeddings SET text = 'blue bike' WHERE position = 0")
        run(tx, "UPDATE ai_embeddings SET enabled = false")
        assert _counts(tx) == _recounted(tx)
        run(tx, "UPDATE ai_embeddings SET language = 'de' WHERE position = 1")
        assert _counts(tx) == _recounted(tx) and _counts(tx, "de") == _recounted(tx, "de")
        run(tx, "DELETE FROM training_sources WHERE id = %(id)s", id=source)
        assert _counts(tx) == _counts(tx, "de") == {}


def test_a_workspace_can_be_deleted_with_its_passages(workspace: UUID, other_workspace: UUID) -> None:
    _keep(workspace, "red bike")
    _keep(other_workspace, "red bike")
    with system() as tx:
        run(tx, "DELETE FROM workspaces WHERE id = %(id)s", id=workspace)
        assert {row["workspace_id"] for row in rows(tx, "SELECT workspace_id FROM passage_words")} == {other_workspace}


def test_who_indexes_at_the_same_time_does_not_wait_and_counts_right(workspace: UUID) -> None:
    _keep(workspace, "red bike")
    done = threading.Event()

    def meanwhile() -> None:
        _keep(workspace, "red wheel", document="b.md")
        done.set()

    other = threading.Thread(target=meanwhile)
    with transaction(workspace) as tx:
        source = passages.add_source(tx, workspace, "text", "Other notes")
        passages.replace_document(
            tx, workspace, source, "text", "c.md", [Piece("red saddle", "", 0, VECTOR, MODEL, "en")]
        )
        other.start()
        assert done.wait(20), "the other one waits for this transaction"
    other.join()
    with transaction(workspace) as tx:
        assert _counts(tx) == _recounted(tx)


_MANY = """
    INSERT INTO ai_embeddings (workspace_id, source_id, source_type, text, content_hash, model, language, embedding)
    SELECT %(workspace)s, %(source)s, 'text', 'bike shop ' || n, '', 'test-model', 'en', %(vector)s::vector
    FROM generate_series(1, %(count)s) n
"""
