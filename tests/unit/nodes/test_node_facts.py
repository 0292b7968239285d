"""The core pack's definitions against the wire contract, field by field."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.nodes.support import CORE

FACTS = {
    fact["fullType"]: fact
    for fact in json.loads(
        (Path(__file__).parents[2] / "fixtures" / "node_facts.json").read_text("utf-8")
    )
}
OURS = {f"{node['namespace']}:{node['type']}": node for node in CORE.definitions()}
OURS_TO_WRITE = ("displayName", "description", "category", "type", "namespace")
# Of TestWidgets the contract leaves the defaults and their suggestions to us.
OURS_TO_CHOOSE = ("default", "suggestions", "multiline", "placeholder")


def test_the_core_pack_has_exactly_the_nodes_of_the_contract() -> None:
    assert OURS.keys() == FACTS.keys()


@pytest.mark.parametrize("full_type", FACTS)
def test_a_definition_says_what_the_contract_says(full_type: str) -> None:
    assert _bare_node(OURS[full_type]) == _bare_node(FACTS[full_type])


@pytest.mark.parametrize("full_type", FACTS)
def test_modes_and_slots_come_in_the_order_of_the_contract(full_type: str) -> None:
    ours, fact = OURS[full_type], FACTS[full_type]
    assert [*ours["inputs"]] == [*fact.get("inputs", {})]
    assert [*ours["outputs"]] == [*fact.get("outputs", {})]
    assert [*ours.get("modes", {})] == [*fact.get("modes", {})]


@pytest.mark.parametrize("full_type", FACTS)
def test_every_slot_has_what_a_client_asks_for(full_type: str) -> None:
    node = OURS[full_type]
    modes = node.get("modes", {}).values()
    for slots in (node["inputs"], node.get("configSchema", {}), *(m["inputs"] for m in modes)):
        for slot in slots.values():
            assert slot["displayName"].strip()
            assert isinstance(slot["description"], str)
            assert isinstance(slot["required"], bool)
    for slots in (node["outputs"], *(m["outputs"] for m in modes)):
        for slot in slots.values():
            assert slot["displayName"].strip()
            assert isinstance(slot["description"], str)
    assert node["displayName"].strip()
    assert node["description"].strip()
    assert node["category"].strip()


def test_every_input_of_test_widgets_has_a_default() -> None:
    inputs = OURS["core:TestWidgets"]["inputs"]
    assert all("default" in slot["config"] for slot in inputs.values())


def _bare_node(node: dict[str, Any]) -> dict[str, Any]:
    """A definition without what is ours to write, and without empty slots."""
    full_type = node.get("fullType") or f"{node['namespace']}:{node['type']}"
    free = OURS_TO_CHOOSE if full_type == "core:TestWidgets" else ()
    bare = {key: value for key, value in node.items() if key not in OURS_TO_WRITE}
    bare["fullType"] = full_type
    for key in ("inputs", "outputs", "configSchema"):
        bare[key] = _bare_slots(node.get(key, {}), free)
    bare["modes"] = {
        key: {
            "inputs": _bare_slots(mode["inputs"], free),
            "outputs": _bare_slots(mode["outputs"], free),
        }
        for key, mode in node.get("modes", {}).items()
    }
    return bare


def _bare_slots(slots: dict[str, Any], free: tuple[str, ...]) -> dict[str, Any]:
    return {key: _bare_slot(slot, free) for key, slot in slots.items()}


def _bare_slot(slot: dict[str, Any], free: tuple[str, ...]) -> dict[str, Any]:
    bare = {key: value for key, value in slot.items() if key not in OURS_TO_WRITE}
    if not bare.get("required"):
        bare.pop("required", None)  # absent means false
    if "config" in bare:
        config = {key: value for key, value in bare["config"].items() if key not in free}
        if "suggestions" in config:
            config["suggestions"] = [{"value": entry["value"]} for entry in config["suggestions"]]
        bare["config"] = config
    return bare
