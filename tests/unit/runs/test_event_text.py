"""The quick way to write events gives what the general one gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import json_text
from chalicelib.engine import events
from chalicelib.engine.events import Event
from chalicelib.services.runs import event_text

texts = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
outputs = st.dictionaries(texts, values, max_size=3)
contents = st.fixed_dictionaries({"type": st.just("custom"), "content": values})
happened = st.one_of(
    st.builds(events.executing, texts),
    st.builds(events.complete, texts, outputs),
    st.builds(events.failed, texts, texts),
    st.builds(events.bypassed, texts, outputs),
    st.builds(events.progress, texts, st.floats(), st.floats()),
    st.builds(events.status, st.just("error"), texts),
    st.builds(events.chunk, texts, contents, last=st.booleans()),
    st.builds(events.chunk, texts, st.just(events.STREAM_ENDED), last=st.booleans()),
    st.builds(events.interface_chunk, texts, texts, contents),
)


@given(happened)
def test_any_event_is_written_as_json_in_general_is(event: Event) -> None:
    assert event_text.encode(event) == json_text.dumps_exact(event.payload)


@pytest.mark.parametrize(
    "event",
    [
        events.executing("\ud83d"),
        events.complete("\ud83d", {}),
        events.complete("n", {"out": "\ud83d"}),
        events.chunk("\ud83d", events.STREAM_ENDED, last=True),
    ],
)
def test_what_no_store_could_hold_is_refused(event: Event) -> None:
    with pytest.raises(ValueError, match="surrogates"):
        event_text.encode(event)


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        event_text.encode(events.complete("n", {"out": {1, 2}}))
