"""Every node there is, as an explicit list: to add one, write its module and name it here."""

from __future__ import annotations

from types import ModuleType

from nodes import (
    act,
    add_note,
    approve,
    ask,
    book_appointment,
    condition,
    conversation_event,
    create_task,
    crm_event,
    gate,
    generate,
    hand_off,
    http_request,
    lookup_contact,
    message_received,
    move_opportunity,
    notify,
    recall,
    retrieve,
    run_automation,
    schedule,
    send_message,
    set_values,
    tag,
    update_contact,
    wait,
    webhook_received,
)
from nodes.contract import NodeSpec

# In the order of the palette.
NODES: tuple[ModuleType, ...] = (
    message_received,
    crm_event,
    conversation_event,
    schedule,
    webhook_received,
    gate,
    condition,
    wait,
    ask,
    approve,
    run_automation,
    set_values,
    http_request,
    lookup_contact,
    update_contact,
    tag,
    create_task,
    add_note,
    move_opportunity,
    book_appointment,
    recall,
    retrieve,
    generate,
    act,
    send_message,
    hand_off,
    notify,
)


def _by_key() -> dict[str, NodeSpec]:
    specs: list[NodeSpec] = [module.run.spec for module in NODES]
    by_key = {spec.key: spec for spec in specs}
    if len(by_key) != len(specs):
        raise ValueError("Two nodes have the same name and version; give one of them another.")
    return by_key


_SPECS = _by_key()


def get(key: str) -> NodeSpec:
    """The node that a document names, for example generate@1. Raises KeyError with the names that exist."""
    if key not in _SPECS:
        raise KeyError(f"There is no node '{key}'. Known nodes: {', '.join(sorted(_SPECS))}.")
    return _SPECS[key]


def all_specs() -> tuple[NodeSpec, ...]:
    """Every node, in the order of the palette."""
    return tuple(_SPECS.values())


def triggers() -> tuple[NodeSpec, ...]:
    """The nodes that an automation can begin with."""
    return tuple(spec for spec in all_specs() if spec.group == "trigger")
