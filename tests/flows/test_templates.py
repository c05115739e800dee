"""Every template is complete: without a problem, with a start, a title and an icon, and it can be published."""

from __future__ import annotations

import pytest

from flows.check import check
from flows.templates import TEMPLATES, Template, template
from flows.wiring import spec_of


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len(TEMPLATES) >= 10
    assert len({each.title for each in TEMPLATES}) == len({each.key for each in TEMPLATES}) == len(TEMPLATES)


@pytest.mark.parametrize("each", TEMPLATES, ids=lambda each: each.key)
def test_a_template_has_no_problem_and_says_what_it_is_for(each: Template) -> None:
    assert check(each.document) == []
    start = spec_of(each.document.steps[0].node)
    assert start is not None and start.group == "trigger"
    assert each.description.endswith(".") and each.group and each.icon and each.document.name == each.title
    assert all(step.title for step in each.document.steps)


def test_an_unknown_template_is_named() -> None:
    with pytest.raises(KeyError, match="no template 'moon'"):
        template("moon")
