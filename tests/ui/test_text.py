"""Customer text inside Markdown stays text."""

import pytest

from ui.text import plain


@pytest.mark.parametrize(
    "text", ["**bold**", "[a](https://evil.example)", "<b>", ":red[x]", "$x$", "# big", "`code`", "a@b.example"]
)
def test_nothing_in_a_customers_text_is_markup(text: str) -> None:
    marks = [index for index, letter in enumerate(plain(text)) if letter in "*[<:$#`@"]
    assert all(plain(text)[index - 1] == "\\" for index in marks)


def test_line_breaks_stay() -> None:
    assert plain("one\ntwo") == "one  \ntwo"
