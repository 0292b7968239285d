"""Numbers and JSON text as JavaScript has them. Expected texts were printed by JavaScript."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.nodes import NodeError
from chalicelib.nodes.packs.core.js import js_number, number_text, stringify, to_double

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (-1.5, "-1.5"),
        (1e21, "1e+21"),
        (1.5e21, "1.5e+21"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.25e-7, "1.25e-7"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (2**53 + 1, "9007199254740992"),
        (10**21, "1e+21"),
        (True, "true"),
        (math.nan, "null"),
        (-math.inf, "null"),
        (10**400, "null"),
    ],
)
def test_numbers_are_written_as_javascript_writes_them(value: float, text: str) -> None:
    assert stringify(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_reads_back_as_the_same_double(value: float) -> None:
    assert float(number_text(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_has_no_needless_characters(value: float) -> None:
    text = number_text(value)
    assert len(text) <= 26
    assert not text.startswith("+")
    if "." in text and "e" not in text:
        assert not text.endswith("0")


@pytest.mark.parametrize(
    ("value", "number"),
    [(3.0, 3), (-0.0, 0), (0.5, 0.5), (1e20, 10**20), (1e21, 1e21), (2**53 + 1, 2**53)],
)
def test_integral_doubles_become_ints_below_1e21(value: float, number: float) -> None:
    got = js_number(value)
    assert (got, type(got)) == (number, type(number))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_becoming_an_int_does_not_change_a_number(value: float) -> None:
    assert float(js_number(value)) == value


def test_what_is_no_number_stays_none() -> None:
    assert math.isnan(js_number(math.nan))
    assert js_number(-math.inf) == -math.inf


@pytest.mark.parametrize(
    ("value", "double"), [(True, 1.0), (None, 0.0), (-(10**400), -math.inf), (7, 7.0)]
)
def test_values_become_doubles(value: Any, double: float) -> None:
    assert to_double(value) == double


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.0, None, False], "b": {}}, '{"a":[1,2,null,false],"b":{}}'),
        ([], "[]"),
        ("héllo 😀\n", '"héllo 😀\\n"'),
        ("\x00\x1f\x7f\u2028", '"\\u0000\\u001f\x7f\u2028"'),
        ("\ud83d", '"\\ud83d"'),
        (
            {"b": 1, "10": 2, "9": 3, "01": 4, "4294967295": 5},
            '{"9":3,"10":2,"b":1,"01":4,"4294967295":5}',
        ),
        ({1: "a", 1.5: "b", None: "c"}, '{"1":"a","1.5":"b","null":"c"}'),
        ({True: "a"}, '{"true":"a"}'),
        ((1, 2), "[1,2]"),
        (123456789012345678, "123456789012345680"),
    ],
)
def test_values_are_written_as_json_stringify_writes_them(value: Any, text: str) -> None:
    assert stringify(value) == text


@given(JSON_VALUES)
def test_written_values_read_back_as_they_were(value: Any) -> None:
    assert json.loads(stringify(value)) == value


def test_what_json_cannot_hold_is_an_error_for_the_user() -> None:
    with pytest.raises(NodeError, match="bytes cannot be written as JSON"):
        stringify([b"x"])


def test_a_value_that_holds_itself_is_an_error_for_the_user() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(NodeError, match="too deep"):
        stringify(loop)
