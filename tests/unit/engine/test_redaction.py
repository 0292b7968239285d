"""Secrets are found in all that a run shows, however they are written."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.engine import graph
from chalicelib.engine.definitions import (
    BatchOutputs,
    Chunk,
    Context,
    Inputs,
    NodeCode,
    NodeError,
    Slot,
)
from chalicelib.engine.events import RunState
from chalicelib.engine.node_run import Settings
from chalicelib.engine.plan import make_plan
from chalicelib.engine.redaction import REDACTED, Redaction, StreamRedaction
from chalicelib.engine.run import Execution
from tests.builders import (
    TEXT_STREAM,
    MemoryJournal,
    Types,
    edge,
    node,
    node_type,
    outcome,
    payload,
)

SECRET = 'sk-"tall" ta/le\n+ümlaut'
ANY = Slot("WILDCARD")


def hiding(*secrets: str) -> Redaction:
    redaction = Redaction()
    for secret in secrets:
        redaction.add(secret)
    return redaction


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        repr(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        f"https://example.org/?key={quote(SECRET, safe='')}",
    ],
)
def test_a_secret_is_found_as_text_json_repr_and_in_urls(written: str) -> None:
    found = hiding(SECRET).text(f"<{written}>")
    assert REDACTED in found
    assert "tall" not in found


def test_a_secret_is_found_in_keys_and_values_at_any_depth() -> None:
    value = {SECRET: [1, (f"a{SECRET}b", None)], "plain": {"x": True}}
    assert hiding(SECRET).value(value) == {
        REDACTED: [1, [f"a{REDACTED}b", None]],
        "plain": {"x": True},
    }


def test_a_secret_that_holds_another_leaves_nothing_of_itself() -> None:
    assert hiding("inner", "an inner one").text("an inner one") == REDACTED


def test_without_secrets_a_value_is_passed_on_as_it_is() -> None:
    value = {"a": ("x",)}
    assert Redaction().value(value) is value


def test_very_short_secrets_are_not_looked_for() -> None:
    assert hiding("abc").text("abcabc") == "abcabc"
    assert hiding("abcd").text("abcabcd") == f"abc{REDACTED}"


def test_a_secret_is_found_in_a_form_and_without_the_blanks_around_it() -> None:
    hidden = hiding(" two words\n")
    assert hidden.text("key=+two+words%0A&more") == f"key={REDACTED}&more"
    assert hidden.text("Bearer:two words.") == f"Bearer:{REDACTED}."


def passed(redaction: Redaction, pieces: Sequence[str]) -> str:
    stream = StreamRedaction(redaction)
    chunks = [chunk for piece in pieces for chunk in stream.take(Chunk("text_chunk", piece))]
    return "".join(chunk.content for chunk in [*chunks, *stream.rest()])


@given(st.text("ab"), st.text("ab"), st.lists(st.integers(0, 40), max_size=8))
def test_a_secret_in_pieces_is_found_wherever_it_was_cut(
    before: str, after: str, cuts: list[int]
) -> None:
    secret = "abaab"
    text = f"{before}{secret}{after}"
    places = [0, *sorted(cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert secret not in passed(hiding(secret), pieces)


@given(st.lists(st.text("abc")))
def test_texts_without_a_secret_pass_whole(pieces: list[str]) -> None:
    assert passed(hiding("abca-"), pieces) == "".join(pieces)


def test_what_is_held_back_stays_before_a_chunk_of_another_type() -> None:
    stream = StreamRedaction(hiding("secret"))
    assert list(stream.take(Chunk("text_chunk", "a sec"))) == [Chunk("text_chunk", "a ")]
    assert list(stream.take(Chunk("custom", {"key": "secret"}))) == [
        Chunk("text_chunk", "sec"),
        Chunk("custom", {"key": REDACTED}),
    ]


def returns_it(_inputs: Inputs, context: Context) -> dict[str, Any]:
    return {"out": {"header": f"Bearer {context.credential('c')}"}}


def raises_it(_inputs: Inputs, context: Context) -> dict[str, Any]:
    raise NodeError(f"refused: {context.credential('c')}")


async def streams_it(_inputs: Inputs, context: Context) -> AsyncIterator[Chunk | BatchOutputs]:
    for letter in await asyncio.to_thread(context.credential, "c"):
        yield Chunk("text_chunk", letter)
    yield BatchOutputs({"batch": context_free(SECRET)})


async def streams_it_long(_inputs: Inputs, context: Context) -> AsyncIterator[Chunk | BatchOutputs]:
    """The secret lies across the place where a long text is cut for its frame."""
    secret = await asyncio.to_thread(context.credential, "c")
    yield Chunk("text_chunk", "." * 3_990 + secret + "." * 100)


async def fails_with_it(_inputs: Inputs, context: Context) -> AsyncIterator[Chunk | BatchOutputs]:
    secret = await asyncio.to_thread(context.credential, "c")
    yield Chunk("error_chunk", {"message": f"refused: {secret}"})


async def asks_on_the_loop(_inputs: Inputs, context: Context) -> dict[str, Any]:
    return {"out": context.credential("c")}


def context_free(text: str) -> str:
    return f"<{text}>"


def shows(inputs: Inputs, _context: Context) -> dict[str, Any]:
    return {"out": repr(inputs["a"])}


def run(code: NodeCode, *edges: Mapping[str, Any], stream: bool = False) -> RunState:
    """Run a node that uses the secret, and one behind it that shows what it got."""
    redaction = Redaction()

    def credential(credential_id: str) -> str:
        assert credential_id == "c"
        redaction.add(SECRET)
        return SECRET

    outputs = {"text": TEXT_STREAM, "batch": ANY} if stream else {"out": ANY}
    types = Types(
        uses=node_type("uses", code, inputs={}, outputs=outputs),
        shows=node_type("shows", shows, inputs={"a": ANY}, outputs={"out": ANY}),
    )
    journal = MemoryJournal()

    async def execute() -> None:
        with ThreadPoolExecutor(2) as threads:
            body = payload([node("one", "uses"), node("two", "shows")], *edges)
            settings = Settings("ada", "run-1", credential, redaction)
            plan = make_plan(graph.parse(body), types)
            await Execution(plan, RunState(), journal, threads, settings).run()

    asyncio.run(execute())
    assert "tall" not in repr(journal.events)
    return outcome(journal.events)


def test_an_output_has_no_secret_nor_has_what_the_next_node_gets() -> None:
    nodes = run(returns_it, edge("one.out", "two.a")).nodes
    assert nodes["one"].output == {"out": {"header": f"Bearer {REDACTED}"}}
    assert nodes["two"].output == {"out": repr({"header": f"Bearer {REDACTED}"})}


def test_an_error_has_no_secret_nor_has_the_runs() -> None:
    state = run(raises_it)
    assert state.nodes["one"].error == f"refused: {REDACTED}"
    assert state.error is not None
    assert REDACTED in state.error


def test_a_stream_has_no_secret_letter_by_letter_nor_at_its_end() -> None:
    output = run(streams_it, edge("one.text", "two.a"), stream=True).nodes["one"].output
    assert output == {"text": REDACTED, "batch": f"<{REDACTED}>"}


def test_a_secret_across_the_cut_of_a_long_text_is_found() -> None:
    output = run(streams_it_long, stream=True).nodes["one"].output
    assert output == {"text": "." * 3_990 + REDACTED + "." * 100}


def test_an_error_chunk_has_no_secret() -> None:
    assert run(fails_with_it, stream=True).nodes["one"].error == f"refused: {REDACTED}"


def test_asking_on_the_event_loop_fails_the_node_and_says_so_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert run(asks_on_the_loop).nodes["one"].status == "error"
    assert "asyncio.to_thread(context.credential, id)" in caplog.text
