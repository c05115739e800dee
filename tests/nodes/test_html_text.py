"""HTML as the text of a message."""

from nodes.html_text import plain_text


def test_paragraphs_and_breaks_become_lines() -> None:
    html = "<html><head><title>T</title><style>p{}</style></head><body><p>Hi&nbsp;{{contact.first_name}},</p><p>one<br>two\n more</p></body>"
    assert plain_text(html) == "Hi {{contact.first_name}},\n\none\ntwo more"


def test_a_text_without_tags_keeps_its_lines() -> None:
    assert plain_text(" Hello\n\n\n\nthere  you ") == "Hello\n\nthere you"


def test_an_unclosed_tag_is_no_trouble() -> None:
    assert plain_text("<div>One<ul><li>Two<li>Three<script>x") == "One\n\nTwo\nThree"
