"""Messages of sockets under hostile input: an answer or an error, and the socket goes on."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.hostile import FUZZ, JSON, RAW, SCALARS
from tests.api.mutation import mutated
from tests.api.product import Tavern
from tests.recorded import RECORDED

PROMPT = "0b9e2f2c-3c2b-4a39-8f5c-000000000000"
WORKFLOW = {
    "id": "w",
    "name": "W",
    "nodes": [{"id": "n", "type": "core:TextMerge", "position": {"x": 0, "y": 0}}],
    "edges": [{"id": "e", "source": "n", "target": "n"}],
    "viewport": {"x": 0, "y": 0, "zoom": 1},
}
MESSAGES: list[dict[str, Any]] = [
    *[scenario["request"] for scenario in RECORDED[:5]],
    {"type": "INTERRUPT_REQUEST", "payload": {"promptId": PROMPT}},
    {"type": "FOLLOW_RUN", "payload": {"promptId": PROMPT, "afterSequence": 3}},
    {"type": "button_click", "payload": {"nodeId": "n", "buttonName": "go", "workflowId": "w"}},
    {"type": "get_node_definitions"},
    {"type": "list_workflows", "payload": {"projectId": "p"}},
    {"type": "load_workflow", "payload": {"projectId": "p", "workflowId": "w"}},
    {"type": "save_workflow", "payload": {"projectId": "p", "workflow": WORKFLOW}},
]


def assert_usable(tavern: Tavern) -> None:
    """The socket still gets answers."""
    assert [frame["type"] for frame in tavern.say({"type": "nonsense"})] == ["error"]


def assert_tame(frames: list[dict[str, Any]]) -> None:
    """Frames with a type and a payload; an error tells what is wrong."""
    for frame in frames:
        assert isinstance(frame["type"], str)
        assert isinstance(frame["payload"], dict)
        if frame["type"] == "error":
            assert frame["payload"].keys() <= {"message", "details"}
            assert frame["payload"]["message"]
            assert "Internal" not in frame["payload"]["message"], frame


@pytest.mark.parametrize("kind", sorted({message["type"] for message in MESSAGES}))
def test_no_payload_is_too_hostile(tavern: Tavern, kind: str) -> None:
    valid = [message for message in MESSAGES if message["type"] == kind]
    tavern.connect()

    @settings(FUZZ, max_examples=100)
    @given(mutated(valid) | st.fixed_dictionaries({"type": st.just(kind), "payload": JSON}))
    def say(message: Any) -> None:
        assert_tame(tavern.say(message))

    say()
    assert_usable(tavern)


@settings(FUZZ, max_examples=200)
@given(message=JSON | SCALARS | st.dictionaries(st.sampled_from(["type", "payload"]), JSON))
def test_whatever_json_it_is_the_answer_is_an_error(tavern: Tavern, message: Any) -> None:
    tavern.connect()
    frames = tavern.say(message)
    assert [frame["type"] for frame in frames] == ["error"]
    assert_tame(frames)


@settings(FUZZ, max_examples=100)
@given(raw=RAW)
def test_what_is_not_json_is_an_error(tavern: Tavern, raw: bytes) -> None:
    tavern.connect()
    frames = tavern.say_text(raw.decode("utf-8", "replace"))
    assert [frame["type"] for frame in frames] == ["error"]
    assert_tame(frames)
