"""What to ask of frames."""

from typing import Any

Frames = list[dict[str, Any]]


def kinds(frames: Frames) -> list[str]:
    """The types of frames."""
    return [frame["type"] for frame in frames]


def error_of(frames: Frames) -> dict[str, Any]:
    """The payload of the one frame, an error."""
    (frame,) = frames
    assert frame["type"] == "error"
    assert frame.keys() == {"type", "payload"}
    assert isinstance(frame["payload"]["message"], str)
    assert frame["payload"]["message"]
    found: dict[str, Any] = frame["payload"]
    return found
