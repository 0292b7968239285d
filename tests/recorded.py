"""Recorded runs, and what it means that a run replays one.

Order between independent nodes is free. Fixed are: what comes before and after
all nodes, the order within one node, and that a node's first event comes after
the last event of every node it depends on.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Frame = Mapping[str, Any]
_FILE = Path(__file__).parent / "fixtures" / "recorded_runs.json"
RECORDED: Sequence[Mapping[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))


def assert_replays(scenario: Mapping[str, Any], frames: Sequence[Frame]) -> None:
    """The frames of a run against a recorded one (placeholders: $promptId, $error, $any)."""
    expected = list(scenario["events"])
    found = [_shown(frame) for frame in frames]
    assert _by_node(found).keys() == _by_node(expected).keys()
    for node_id, events in _by_node(expected).items():
        actual = _by_node(found)[node_id]
        assert len(actual) == len(events), f"{node_id}: {actual}"
        for one, other in zip(events, actual, strict=True):
            _assert_like(one, other)
    _assert_dependencies(scenario["request"]["payload"], found)


def _shown(frame: Frame) -> Frame:
    return {"type": frame["type"], "payload": frame["payload"]}


def _by_node(frames: Sequence[Frame]) -> dict[str, list[Frame]]:
    """Frames by the node that they are about; those of the run itself under ''."""
    found: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        payload = frame["payload"]
        found[payload.get("nodeId") or payload.get("sourceNodeId") or ""].append(frame)
    return found


def _assert_like(expected: Any, actual: Any) -> None:
    if expected == "$any":
        return
    if expected == "$error":
        assert isinstance(actual["message"], str)
        assert actual["message"]
    elif expected == "$promptId":
        assert isinstance(actual, str)
    elif isinstance(expected, Mapping):
        assert actual.keys() == expected.keys(), f"{actual} is not like {expected}"
        for key, value in expected.items():
            _assert_like(value, actual[key])
    else:
        assert actual == expected


def _assert_dependencies(payload: Mapping[str, Any], frames: Sequence[Frame]) -> None:
    places: dict[str, list[int]] = defaultdict(list)
    for place, frame in enumerate(frames):
        body = frame["payload"]
        places[body.get("nodeId") or body.get("sourceNodeId") or ""].append(place)
    nodes = [place for node_id, found in places.items() if node_id for place in found]
    if nodes:
        # The run's own frames stand around those of its nodes.
        assert not any(min(nodes) < place < max(nodes) for place in places[""])
    for source, target in _edges(payload):
        if places[source] and places[target]:
            assert max(places[source]) < min(places[target])


def _edges(payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for edge in payload["edges"]:
        yield edge["sourceNodeId"], edge["targetNodeId"]
