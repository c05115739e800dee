from db import passages
from db.engine import rows, transaction
from db.passages import Piece
from nodes.neighbours import context_of, joined
from tests.nodes.conftest import Desk

VECTOR = [1.0, *[0.0] * 1535]


def teach(desk: Desk) -> None:
    texts = [
        ("Hours", "One. Two."),
        ("Prices", "Three. Four is here."),
        ("Prices", "Four is here. Five."),
        ("Dogs", "Six."),
    ]
    with transaction(desk.workspace) as tx:
        source = passages.add_source(tx, desk.workspace, "text", "Handbook")
        pieces = [Piece(text, heading, place, VECTOR, "words") for place, (heading, text) in enumerate(texts)]
        passages.replace_document(tx, desk.workspace, source, "text", "handbook.md", pieces)


def around(desk: Desk, text: str, neighbours: int = 0, *, parent: bool = False) -> str:
    with desk.read() as tx:
        [row] = rows(tx, "SELECT id FROM ai_embeddings WHERE text = %(text)s", text=text)
        return context_of(tx, [row["id"]], neighbours, parent=parent).get(row["id"], "")


def test_what_one_passage_repeats_of_the_one_before_stands_once() -> None:
    assert joined(["One. Two and three.", "Two and three. Four.", "Five."]) == "One. Two and three. Four.\n\nFive."
    assert joined([]) == ""


def test_neighbours_are_read_with_the_passage_in_the_order_of_the_document(desk: Desk) -> None:
    teach(desk)
    assert around(desk, "Three. Four is here.", 1) == "One. Two.\n\nThree. Four is here. Five."
    assert around(desk, "Six.", 1) == "Four is here. Five.\n\nSix."
    assert around(desk, "Six.") == ""


def test_the_parent_is_the_whole_section(desk: Desk) -> None:
    teach(desk)
    assert around(desk, "Four is here. Five.", parent=True) == "Three. Four is here. Five."
