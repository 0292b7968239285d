"""Strict JSON in, strict JSON out."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import json_text
from chalicelib.errors import InvalidInput

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1,]",
        "NaN",
        "[Infinity]",
        "-Infinity",
        '"\\ud800"',
        b"\xff",
        "[" * 100_000,
        "[" * 65 + "]" * 65,
        '{"a":' * 65 + "1" + "}" * 65,
        "1" * 5000,
    ],
)
def test_what_is_no_storable_json_is_refused_with_a_reason(text: str | bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        json_text.loads(text)
    assert refused.value.message


@pytest.mark.parametrize("text", ["1e999", "[-1e400]", '{"a": 1' + "0" * 400 + ".0}"])
def test_a_number_beyond_all_floats_is_refused_where_all_must_be_finite(text: str) -> None:
    with pytest.raises(InvalidInput, match="a number is too large"):
        json_text.loads(text, finite=True)
    assert json_text.loads("[1.5, 1e308, -0.0, 1e-999, 7]", finite=True) == [1.5, 1e308, 0, 0, 7]


def test_nesting_up_to_the_limit_is_read() -> None:
    assert json_text.loads("[" * 64 + "]" * 64) is not None


def test_a_surrogate_pair_is_one_character() -> None:
    assert json_text.loads('"\\ud83d\\ude00"') == "😀"


@given(VALUES)
def test_the_wire_gets_json_that_anyone_can_read(value: Any) -> None:
    try:
        text = json_text.dumps(value)
        text.encode()
    except UnicodeEncodeError:
        return  # half a surrogate pair: refused before it gets here

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(text, parse_constant=refuse)


@given(st.floats())
def test_numbers_survive_our_own_logs_exactly(value: float) -> None:
    found = json_text.loads_exact(json_text.dumps_exact(value))
    assert found == value or (math.isnan(found) and math.isnan(value))


@pytest.mark.parametrize("value", ["\ud800", {"a": "\udfff"}, {1, 2}, object()])
def test_what_no_store_could_take_is_refused_before_it_gets_there(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        json_text.dumps_exact(value)


def test_numbers_that_json_does_not_know_are_null_on_the_wire() -> None:
    assert json_text.dumps({"a": [math.nan, -math.inf, 1.5]}) == '{"a":[null,null,1.5]}'
