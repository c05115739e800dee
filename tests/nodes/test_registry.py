"""The list of all nodes."""

from pathlib import Path

import pytest

import nodes
from nodes import registry


def test_a_node_is_found_by_name_and_version() -> None:
    assert registry.get("generate@1").title == "AI answer"


def test_an_unknown_node_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"no node 'generate@9'. Known nodes: .*generate@1"):
        registry.get("generate@9")


def test_every_module_that_declares_a_node_is_in_the_list() -> None:
    folder = Path(next(iter(nodes.__path__)))
    declared = {path.stem for path in folder.glob("*.py") if "\n@node(" in path.read_text()}
    assert declared == {module.__name__.rsplit(".", 1)[-1] for module in registry.NODES}


def test_a_module_is_called_like_its_node() -> None:
    assert [module.__name__ for module in registry.NODES] == [f"nodes.{spec.name}" for spec in registry.all_specs()]


def test_an_automation_begins_with_a_trigger() -> None:
    assert [spec.key for spec in registry.triggers()][:2] == ["message_received@1", "crm_event@1"]
