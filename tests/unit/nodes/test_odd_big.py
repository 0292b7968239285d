"""Whatever comes in, a node gives outputs or a message for the user."""

import contextlib
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.engine.definitions import NodeType
from chalicelib.nodes import NodeError
from tests.unit.nodes.support import CORE, FakeContext, chunks_of, stream

BATCH_NODES = [
    node
    for definition in CORE.definitions()
    if (node := CORE.find(f"core:{definition['type']}")) is not None
    and "Stream" not in node.full_type
]
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**400, 10**401)
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["[[1,2],[3,4]]", "[]", "{}", '[{"pattern":"(","flags":1}]', "\ud800", "NaN"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@settings(max_examples=5000, deadline=None)
@given(st.data())
def test_no_input_makes_a_node_crash(data: st.DataObject) -> None:
    node: NodeType = data.draw(st.sampled_from(BATCH_NODES))
    mode = data.draw(st.sampled_from([None, *node.modes]))
    slots = node.modes[mode][0] if mode else node.inputs
    inputs = {key: data.draw(ODD) for key in slots if data.draw(st.booleans())}
    context = FakeContext(mode=mode, interface_inputs={"a": data.draw(ODD)})
    with contextlib.suppress(NodeError):
        assert isinstance(cast("Any", node.code)(inputs, context), dict)


@settings(max_examples=40, deadline=None)
@given(
    rules=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "name": ODD,
                "pattern": ODD | st.just("a"),
                "replacement": ODD,
                "flags": ODD | st.just("g"),
                "enabled": ODD,
            },
        )
    )
)
def test_no_rule_makes_apply_regex_crash(rules: list[dict[str, Any]]) -> None:
    node = CORE.find("core:ApplyRegex")
    assert node is not None
    inputs = {"inputText": "banana", "inlineRegexRules": rules}
    with contextlib.suppress(NodeError):
        assert isinstance(cast("Any", node.code)(inputs, FakeContext()), dict)


@settings(max_examples=40, deadline=None)
@given(node=st.sampled_from(["StreamLogger", "StreamSuffixRelay"]), source=ODD, suffix=ODD)
def test_no_input_makes_a_stream_node_crash(node: str, source: Any, suffix: Any) -> None:
    got, error = stream(node, inputStream=source, suffix=suffix)
    assert len(got) == 1
    assert error is not None


def test_a_stream_that_fails_ends_the_node_as_it_failed() -> None:
    async def failing() -> Any:
        async for chunk in chunks_of([]):
            yield chunk
        raise NodeError("the line is dead")

    _, error = stream("StreamLogger", inputStream=failing())
    assert str(error) == "the line is dead"
