from itertools import pairwise

from nodes.chunk import split

SENTENCES = [f"Sentence number {n} says that bicycle {n} costs {n * 10}.50 dollars." for n in range(1, 61)]
MANUAL = """Before any heading.

# Corner Cycles

Welcome.

## Prices

A tune-up costs $79.

It takes two days.

### Extras ###

- Wash: $15
- Chain: $35

## Hours

Nine to six.
"""


def test_every_passage_carries_the_path_of_its_headings() -> None:
    assert [(chunk.heading, chunk.text) for chunk in split(MANUAL)] == [
        ("", "Before any heading."),
        ("Corner Cycles", "Welcome."),
        ("Corner Cycles > Prices", "A tune-up costs $79.\n\nIt takes two days."),
        ("Corner Cycles > Prices > Extras", "- Wash: $15\n- Chain: $35"),
        ("Corner Cycles > Hours", "Nine to six."),
    ]


def test_the_title_leads_the_path_and_is_not_said_twice() -> None:
    assert split("# Prices\n\nCheap.", title="Handbook")[0].heading == "Handbook > Prices"
    assert split("# Prices\n\nCheap.", title="Prices")[0].heading == "Prices"
    assert split("No headings at all.", title="Note")[0].heading == "Note"


def test_names_in_headings_keep_their_underscores_and_stars_and_lose_emphasis() -> None:
    headings = {
        "object.__init__(self)": "object.__init__(self)",
        "`__init__` and `snake_case_name`": "__init__ and snake_case_name",
        "__init__": "__init__",
        "__main__.py": "__main__.py",
        "f(*args, **kwargs)": "f(*args, **kwargs)",
        "Size 3 * 4": "Size 3 * 4",
        "_PyLong_New": "_PyLong_New",
        "**Prices**": "Prices",
        "*Prices* and **hours**": "Prices and hours",
        "_Prices_ and __hours__ today": "Prices and __hours__ today",
        "***Prices***": "Prices",
        "C#": "C#",
        "Prices ##": "Prices",
    }
    for written, read in headings.items():
        assert split(f"# {written}\n\nText.")[0].heading == read


def test_what_is_embedded_begins_with_the_heading() -> None:
    assert split("# Prices\n\nCheap.")[0].embedding_text == "Prices\nCheap."
    assert split("Cheap.")[0].embedding_text == "Cheap."


def test_a_long_section_becomes_passages_that_overlap_at_sentences() -> None:
    chunks = split("# Catalogue\n\n" + " ".join(SENTENCES), chunk_chars=400, overlap=0.2)
    assert len(chunks) > 8
    assert all(len(chunk.text) <= 400 and chunk.heading == "Catalogue" for chunk in chunks)
    assert all(chunk.text.startswith("Sentence number") and chunk.text.endswith("dollars.") for chunk in chunks)
    for before, after in pairwise(chunks):
        first = after.text.split(" says")[0] + " says"
        assert first in before.text


def test_nothing_of_the_text_is_lost() -> None:
    whole = " ".join(chunk.text for chunk in split("# Catalogue\n\n" + " ".join(SENTENCES)))
    assert all(sentence in whole for sentence in SENTENCES)


def test_positions_count_through_the_whole_document() -> None:
    chunks = split(MANUAL + "\n\n" + " ".join(SENTENCES))
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))


def test_no_overlap_repeats_nothing() -> None:
    chunks = split(" ".join(SENTENCES), chunk_chars=400, overlap=0.0)
    assert " ".join(chunk.text for chunk in chunks) == " ".join(SENTENCES)


def test_a_number_sign_in_a_code_block_is_no_heading() -> None:
    (chunk,) = split("# Setup\n\n```\n# a comment\nrun it\n```")
    assert chunk.heading == "Setup"
    assert "# a comment" in chunk.text


def test_text_without_spaces_is_cut_too() -> None:
    chunks = split("x" * 2000)
    assert [len(chunk.text) <= 900 for chunk in chunks] == [True] * len(chunks)
    assert len(chunks) >= 3


def test_an_empty_document_has_no_passages() -> None:
    assert split("") == []
    assert split("  \n\n ") == []
    assert split("# Only a heading") == []


TABLE = "| Service | Price |\n|---|---|\n" + "\n".join(f"| Service number {n} | ${n}.00 |" for n in range(1, 21))


def test_a_table_that_fits_is_never_cut() -> None:
    text = "# Prices\n\n" + "What we charge. " * 40 + "\n\n" + TABLE + "\n\nAsk for more."
    assert any(TABLE in chunk.text for chunk in split(text))


def test_every_part_of_a_long_table_has_its_header_and_whole_rows() -> None:
    rows = [f"| Service number {n} with a long description of it | ${n}.00 |" for n in range(1, 101)]
    chunks = split("# Prices\n\n" + "\n".join(["| Service | Price |", "|---|---|", *rows]))
    assert len(chunks) > 5
    assert all(chunk.text.startswith("| Service | Price |\n|---|---|\n") for chunk in chunks)
    assert [line for chunk in chunks for line in chunk.text.split("\n")[2:]] == rows


def test_code_stays_whole_with_its_indentation() -> None:
    code = "```python\ndef greet(name):\n    if name:\n        return name\n\n    return 'you'\n```"
    text = "# Guide\n\n" + "Some words about it. " * 40 + "\n\n" + code + "\n\nMore words."
    assert any(code in chunk.text for chunk in split(text))


def test_long_code_is_cut_between_lines_and_every_part_is_fenced() -> None:
    lines = [f"    value_{n} = compute({n}, {n + 1}, {n + 2})" for n in range(100)]
    chunks = split("\n".join(["```python", *lines, "```"]))
    assert len(chunks) > 3
    assert all(chunk.text.startswith("```python\n") and chunk.text.endswith("\n```") for chunk in chunks)
    assert [line for chunk in chunks for line in chunk.text.split("\n")[1:-1]] == lines


def test_the_mark_that_a_site_hangs_on_its_headings_is_left_out() -> None:
    assert split("# Prices¶\n\nCheap.")[0].heading == "Prices"
