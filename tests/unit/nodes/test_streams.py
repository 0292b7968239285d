"""StreamLogger and StreamSuffixRelay."""

from typing import Any

import pytest

from chalicelib.nodes import Chunk
from tests.unit.nodes.support import FakeContext, chunks_of, defaults, stream

CHUNKS = [
    Chunk("text_chunk", "Hel"),
    Chunk("text_chunk", "lo"),
    Chunk("tool_call_chunk", {"name": "f"}),
    Chunk("usage_chunk", {"total_tokens": 3}),
    Chunk("finish_reason_chunk", "stop"),
]


def test_the_logger_passes_every_chunk_on() -> None:
    assert stream("StreamLogger", inputStream=chunks_of(CHUNKS)) == (CHUNKS, None)


def test_the_logger_logs_every_chunk() -> None:
    context = FakeContext()
    stream("StreamLogger", context, inputStream=chunks_of(CHUNKS))
    assert context.logged[0] == "text_chunk: Hel"
    assert len(context.logged) == len(CHUNKS)


def test_the_log_shows_the_start_of_a_long_chunk() -> None:
    context = FakeContext()
    stream("StreamLogger", context, inputStream=chunks_of([Chunk("text_chunk", "x" * 5000)]))
    assert len(context.logged[0]) < 1100


def test_the_suffix_is_added_to_text_chunks_only() -> None:
    got, error = stream("StreamSuffixRelay", inputStream=chunks_of(CHUNKS), suffix="!")
    assert got == [Chunk("text_chunk", "Hel!"), Chunk("text_chunk", "lo!"), *CHUNKS[2:]]
    assert error is None


def test_the_suffix_has_a_default() -> None:
    assert defaults("StreamSuffixRelay") == {"suffix": "---"}


@pytest.mark.parametrize(("suffix", "end"), [(None, ""), (5, "5"), ("", "")])
def test_a_suffix_that_is_no_text_is_written_as_json(suffix: Any, end: str) -> None:
    got, _ = stream("StreamSuffixRelay", inputStream=chunks_of(CHUNKS[:1]), suffix=suffix)
    assert got == [Chunk("text_chunk", f"Hel{end}")]


@pytest.mark.parametrize("node", ["StreamLogger", "StreamSuffixRelay"])
@pytest.mark.parametrize("value", ["text", None, 5, [Chunk("text_chunk", "a")]])
def test_what_is_no_stream_gives_an_error_chunk_and_then_the_error(node: str, value: Any) -> None:
    got, error = stream(node, inputStream=value)
    assert got == [Chunk("error_chunk", str(error))]
    assert "expected a stream" in str(error)
