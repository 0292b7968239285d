"""RandomNumber, TestWidgets, the group nodes, and the nodes that have no code yet."""

import math
from typing import Any

import pytest

from tests.unit.nodes.support import CORE, FakeContext, defaults, error_of, run

HIGHEST = 4294967295


def number(mode: Any, value: Any) -> Any:
    return run("RandomNumber", mode=mode, value=value)["number"]


def test_a_fixed_number_is_the_value() -> None:
    assert number("固定", 42) == 42


def test_fixed_zero_is_the_default() -> None:
    assert defaults("RandomNumber") == {"mode": "固定", "value": 0}
    assert run("RandomNumber", **defaults("RandomNumber")) == {"number": 0}


@pytest.mark.parametrize(
    ("mode", "value", "result"),
    [
        ("增加", 1, 2),
        ("减少", 1, 0),
        ("减少", 0, 0),
        ("增加", HIGHEST, HIGHEST),
        ("增加", -5, 0),
        ("减少", 10**12, HIGHEST),
    ],
)
def test_increase_and_decrease_stay_within_32_bits(mode: str, value: int, result: int) -> None:
    assert number(mode, value) == result


def test_a_random_number_is_an_int_within_32_bits() -> None:
    drawn = [number("随机", 7) for _ in range(200)]
    assert all(type(value) is int and 0 <= value <= HIGHEST for value in drawn)


def test_random_numbers_differ() -> None:
    assert len({number("随机", 7) for _ in range(50)}) > 40


def test_the_value_is_given_as_an_int() -> None:
    assert repr(number("固定", 3.9)) == "3"


def test_a_value_that_is_no_number_stays_none() -> None:
    assert math.isnan(number("增加", math.nan))


@pytest.mark.parametrize("mode", ["random", None, 5, []])
def test_an_unknown_mode_means_fixed(mode: Any) -> None:
    assert number(mode, 7) == 7


def test_widgets_give_their_defaults_when_nothing_is_connected() -> None:
    outputs = run("TestWidgets", **defaults("TestWidgets"))
    node = CORE.find("core:TestWidgets")
    assert node is not None
    assert outputs.keys() == node.outputs.keys()


def test_each_widget_goes_out_under_its_own_name() -> None:
    node = CORE.find("core:TestWidgets")
    assert node is not None
    outputs = run("TestWidgets", **{name: name for name in node.inputs})
    renamed = {"combo_select": "combo_output", "boolean_toggle": "boolean_output"}
    expected = {
        renamed.get(name)
        or (name.replace("_input", "_output") if "_input" in name else f"{name}_output"): name
        for name in node.inputs
        if name != "button_trigger"
    }
    assert outputs == expected


def test_a_group_input_gives_the_defaults_of_the_interface() -> None:
    interface = {
        "num": {"key": "num", "dataFlowType": "FLOAT", "config": {"default": 41}},
        "none": {"key": "none", "config": {"default": None}},
        "nodef": {"key": "nodef", "dataFlowType": "STRING"},
        "empty": {"key": "empty", "config": {}},
        "odd": 5,
        "odder": {"config": "x"},
    }
    context = FakeContext(interface_inputs=interface)
    assert run("GroupInput", context) == {"num": 41, "none": None}


def test_a_group_output_gives_nothing() -> None:
    assert run("GroupOutput", out=42) == {}


@pytest.mark.parametrize(
    "node",
    [
        "APISettings",
        "OpenAI",
        "GenericLlmRequest",
        "OpenAIChat",
        "PresetLoader",
        "WorldBookLoader",
        "CharacterCardLoader",
        "HistoryLoader",
        "RegexRuleLoader",
        "ContextBuilder",
        "NodeGroup",
    ],
)
def test_a_node_without_code_yet_says_so_in_one_sentence(node: str) -> None:
    message = error_of(node)
    assert message.startswith(node)
    assert message.endswith("which this version does not offer yet")


def test_cheap_nodes_run_on_the_event_loop_and_others_in_threads() -> None:
    threads = {"ApplyRegex", "MatrixOperation"}
    streams = {"StreamLogger", "StreamSuffixRelay"}
    for definition in CORE.definitions():
        node = CORE.find(f"core:{definition['type']}")
        assert node is not None
        assert node.inline is (definition["type"] not in threads | streams)
