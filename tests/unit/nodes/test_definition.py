"""The node kit: what clients and the engine get, and mistakes that are told at once."""

import math
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chalicelib.nodes import (
    Bypass,
    Chunk,
    Context,
    DefinitionError,
    Input,
    Inputs,
    Mode,
    Node,
    Output,
    Outputs,
    Pack,
)


def give(_inputs: Inputs, _context: Context) -> Outputs:
    return {}


async def later(_inputs: Inputs, _context: Context) -> Outputs:
    return {}


async def chunks(_inputs: Inputs, _context: Context) -> AsyncIterator[Chunk]:
    yield Chunk("text_chunk", "a")


def node(**more: Any) -> Node:
    return Node(**{"type": "Say", "run": give, **more})


def test_a_definition_has_all_that_its_author_said() -> None:
    said = Node(
        "Say",
        give,
        category="Talk",
        display_name="Say It",
        description="Says it.",
        inputs={
            "what": Input(
                "STRING",
                display_name="What",
                description="The words.",
                required=True,
                default="hi",
                multi=True,
                categories=("Prompt",),
                config={"multiline": True, "suggestions": [{"value": "hi", "label": "Hi"}]},
                actions=({"id": "edit", "icon": "Pen"},),
                max_connections=3,
                allow_dynamic_type=True,
            ),
        },
        outputs={"said": Output("STRING", display_name="Said", description="It.")},
        config_schema={"voice": Input("STRING", default="low")},
        client_script="client-scripts/Say.js",
        dynamic_slots=True,
        width=200,
        bypass=Bypass(pass_through={"said": "what"}, defaults={"said": ""}),
        deprecated=True,
        experimental=True,
        is_ui_node=True,
    )
    assert said.definition("talk") == {
        "type": "Say",
        "namespace": "talk",
        "category": "Talk",
        "displayName": "Say It",
        "description": "Says it.",
        "inputs": {
            "what": {
                "displayName": "What",
                "description": "The words.",
                "dataFlowType": "STRING",
                "required": True,
                "multi": True,
                "matchCategories": ["Prompt"],
                "allowDynamicType": True,
                "config": {
                    "multiline": True,
                    "suggestions": [{"value": "hi", "label": "Hi"}],
                    "default": "hi",
                },
                "actions": [{"id": "edit", "icon": "Pen"}],
                "maxConnections": 3,
            }
        },
        "outputs": {
            "said": {"displayName": "Said", "description": "It.", "dataFlowType": "STRING"}
        },
        "configSchema": {
            "voice": {
                "displayName": "Voice",
                "description": "",
                "dataFlowType": "STRING",
                "required": False,
                "config": {"default": "low"},
            }
        },
        "clientScriptUrl": "client-scripts/Say.js",
        "dynamicSlots": True,
        "width": 200,
        "bypassBehavior": {"passThrough": {"said": "what"}, "defaults": {"said": ""}},
        "deprecated": True,
        "experimental": True,
        "isUiNode": True,
    }


def test_a_definition_says_no_more_than_needed() -> None:
    assert node().definition("talk") == {
        "type": "Say",
        "namespace": "talk",
        "category": "General",
        "displayName": "Say",
        "description": "",
        "inputs": {},
        "outputs": {},
    }


def test_a_muted_bypass_is_one_word() -> None:
    assert node(bypass=Bypass(mute=True)).definition("talk")["bypassBehavior"] == "mute"


def test_modes_are_defined_with_their_slots() -> None:
    definition = a_node_with_modes().definition("talk")
    assert definition["modes"]["loud"] == {
        "displayName": "Loud",
        "description": "",
        "inputs": {
            "shout": {
                "displayName": "Shout",
                "description": "",
                "dataFlowType": "STRING",
                "required": False,
            }
        },
        "outputs": {},
    }
    assert (definition["modeConfigKey"], definition["defaultModeId"]) == ("voice", "loud")


def test_the_engine_gets_slots_and_modes() -> None:
    kind = a_node_with_modes().node_type("talk")
    assert kind.full_type == "talk:Say"
    assert kind.slots({"voice": "unknown"})[0].keys() == {"shout"}
    assert kind.slots({"voice": "low"})[0].keys() == {"whisper"}


def test_the_engine_gets_defaults_and_none_is_one() -> None:
    kind = node(inputs={"a": Input("STRING", default=None), "b": Input("STRING")}).node_type("n")
    assert (kind.inputs["a"].has_default, kind.inputs["a"].default) == (True, None)
    assert not kind.inputs["b"].has_default


def test_the_engine_gets_how_the_node_runs() -> None:
    kind = node(run=later, repeatable=False, timeout=5).node_type("n")
    assert (kind.code, kind.repeatable, kind.timeout, kind.retries) == (later, False, 5, 0)
    assert node(inline=True, retries=2).node_type("n").retries == 2


def test_declared_values_are_not_shared_with_clients_or_the_engine() -> None:
    suggestions = [{"value": 1}]
    slot = Input("ARRAY", default=[1], config={"suggestions": suggestions})
    listed = node(inputs={"a": slot})
    listed.definition("n")["inputs"]["a"]["config"]["suggestions"].append("changed")
    listed.node_type("n").inputs["a"].default.append("changed")
    assert (slot.default, suggestions) == ([1], [{"value": 1}])


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("text_inputs", "Text Inputs"),
        ("inputText", "Input Text"),
        ("a", "A"),
        ("apiURL2", "Api URL 2"),
    ],
)
def test_a_slot_without_a_name_is_named_after_its_key(key: str, name: str) -> None:
    definition = node(inputs={key: Input("STRING")}).definition("n")
    assert definition["inputs"][key]["displayName"] == name


@pytest.mark.parametrize("code", [give, later, lambda inputs, context: {}])
def test_code_may_be_a_function_or_a_coroutine_function(code: Callable[..., Any]) -> None:
    assert node(run=code).node_type("n").code is code


def test_code_may_be_an_async_generator() -> None:
    stream = Output("STRING", is_stream=True)
    assert node(run=chunks, outputs={"s": stream}).node_type("n").outputs["s"].is_stream


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"type": ""}, "A node's type"),
        ({"type": "a/b"}, "A node's type"),
        ({"type": "a:b"}, "A node's type"),
        ({"type": ".."}, "A node's type"),
        ({"run": None}, "run is a function"),
        ({"run": lambda inputs: {}}, "run is a function"),
        ({"inputs": {"a": Input("TEXT")}}, r"Say\.inputs\.a: unknown data type 'TEXT'"),
        ({"outputs": {"a": Output("number")}}, r"Say\.outputs\.a: unknown data type"),
        ({"inputs": {"a__0": Input("STRING")}}, "end like an index"),
        ({"inputs": {" ": Input("STRING")}}, "not text"),
        ({"inputs": {"a": "STRING"}}, "expected an Input"),
        ({"inputs": [Input("STRING")]}, "expected a mapping"),
        ({"inputs": {"a": Input("STRING", categories="Prompt")}}, "list of words"),
        ({"inputs": {"a": Input("FLOAT", default=math.nan)}}, "written as JSON"),
        ({"inputs": {"a": Input("OBJECT", default={1: 2})}}, "written as JSON"),
        ({"inputs": {"a": Input("STRING", config={"default": "x"})}}, "default="),
        ({"inputs": {"a": Input("STRING", config={"x": object()})}}, "writable as JSON"),
        ({"inputs": {"a": Input("FLOAT", config={"min": 2, "max": 1})}}, "min 2 is above max 1"),
        ({"config_schema": {"a": Input("NOPE")}}, r"Say\.config_schema\.a"),
        ({"run": later, "inline": True}, "inline is for plain functions"),
        ({"run": chunks, "inline": True}, "inline is for plain functions"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": math.nan}, "timeout"),
        ({"retries": -1}, "retries"),
        ({"retries": 1, "repeatable": False}, "no retries"),
        ({"width": 0}, "width"),
        ({"bypass": Bypass(pass_through={"a": "b"})}, "bypass"),
        ({"mode_config_key": "voice"}, "no modes"),
        ({"default_mode_id": "loud"}, "no modes"),
    ],
)
def test_a_mistake_in_a_node_is_told_when_it_is_declared(
    wrong: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        node(**wrong)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"modes": {"loud": Mode("Loud", {}, {})}}, "mode 'loud' has no slots"),
        ({"default_mode_id": "silent"}, "'silent' is not one of its modes"),
        ({"default_mode_id": None}, "None is not one of its modes"),
        ({"mode_config_key": "other"}, "'other' is not in its config_schema"),
        ({"modes": {"loud": Mode("Loud", {"a": Input("X")}, {})}}, r"modes\.loud\.inputs\.a"),
    ],
)
def test_a_mistake_in_the_modes_is_told_too(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        a_node_with_modes(**wrong)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"namespace": "a:b"}, "namespace"),
        ({"namespace": ""}, "namespace"),
        ({"nodes": [node(), node()]}, "Say is declared twice"),
        ({"nodes": ["Say"]}, "expected nodes"),
        ({"client_scripts": "../scripts"}, "within the pack"),
        ({"client_scripts": "/scripts"}, "within the pack"),
        ({"client_scripts": ""}, "within the pack"),
        ({"nodes": [node(client_script="client-scripts/../pack.js")]}, "client_script"),
        ({"nodes": [node(client_script="/etc/a.js")]}, "client_script"),
        ({"nodes": [node(client_script="client-scripts\\a.js")]}, "client_script"),
        ({"nodes": [node(client_script="client-scripts/a.py")]}, "client_script"),
        ({"nodes": [node(client_script="a.js")]}, "within client-scripts/"),
    ],
)
def test_a_mistake_in_a_pack_is_told_when_it_is_declared(
    wrong: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        Pack(**{"namespace": "talk", "nodes": [node()], **wrong})


def a_node_with_modes(**more: Any) -> Node:
    return node(
        **{
            "config_schema": {"voice": Input("STRING", default="loud")},
            "modes": {
                "loud": Mode("Loud", {"shout": Input("STRING")}, {}),
                "low": Mode("Low", {"whisper": Input("STRING")}, {}),
            },
            "mode_config_key": "voice",
            "default_mode_id": "loud",
            **more,
        }
    )
