"""Opportunities and their stages."""

import pytest

from nodes import move_opportunity
from nodes.contract import NodeFailed
from nodes.effects import MoveOpportunity
from tests.nodes.contexts import carry_out, context


def test_pipeline_stage_status_and_value_go_along() -> None:
    config = {"pipeline_id": "p1", "stage_id": "s2", "status": "won", "value": "1'200.50", "name": "New bike"}
    assert carry_out(move_opportunity, context(), config).effects == (
        MoveOpportunity(pipeline_id="p1", stage_id="s2", status="won", name="New bike", value=1200.5),
    )


def test_without_a_pipeline_or_anything_to_change_nothing_happens() -> None:
    for config in ({}, {"pipeline_id": "p1"}, {"stage_id": "s1"}):
        result = carry_out(move_opportunity, context(), config)
        assert result.effects == () and not result.output.moved


def test_a_value_that_is_no_number_is_said() -> None:
    with pytest.raises(NodeFailed, match="'a lot'"):
        carry_out(move_opportunity, context(), {"pipeline_id": "p1", "value": "a lot"})
