"""MathOperation: IEEE double arithmetic as JavaScript does it."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.nodes.support import FakeContext, defaults, error_of, run

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANY_FLOAT = st.floats()
UNARY = [
    "absolute",
    "exp",
    "sign",
    "round",
    "floor",
    "ceil",
    "truncate",
    "fraction",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
]


def compute(mode: str, **inputs: Any) -> Any:
    return run("MathOperation", FakeContext(mode=mode), **inputs)["result"]


def fails(mode: str, **inputs: Any) -> str:
    return error_of("MathOperation", FakeContext(mode=mode), **inputs)


@pytest.mark.parametrize(
    ("mode", "inputs", "result"),
    [
        ("add", {"a": 1, "b": 2}, 3),
        ("subtract", {"a": 1, "b": 2}, -1),
        ("multiply", {"a": 4, "b": 2.5}, 10),
        ("multiply_add", {"val1": 2, "val2": 3, "val3": 4}, 10),
        ("divide", {"a": 1, "b": 4}, 0.25),
        ("power", {"base": -2.5, "exponent": 2}, 6.25),
        ("logarithm", {"value": 8, "base": 2}, 3),
        ("sqrt", {"value": 9}, 3),
        ("inverse_sqrt", {"value": 4}, 0.5),
        ("absolute", {"value": -4}, 4),
        ("exp", {"value": 0}, 1),
        ("min", {"a": 1, "b": 2}, 1),
        ("max", {"a": 1, "b": 2}, 2),
        ("lessThan", {"a": 1, "b": 2}, 1),
        ("lessThan", {"a": 2, "b": 2}, 0),
        ("greaterThan", {"a": 1, "b": 2}, 0),
        ("greaterThan", {"a": 3, "b": 2}, 1),
        ("sign", {"value": -7}, -1),
        ("sign", {"value": 0}, 0),
        ("floor", {"value": -2.5}, -3),
        ("ceil", {"value": -2.5}, -2),
        ("truncate", {"value": -2.5}, -2),
        ("fraction", {"value": -0.25}, 0.75),
        ("modulo", {"a": 7, "b": 3}, 1),
        ("sin", {"value": 0}, 0),
        ("cos", {"value": 0}, 1),
        ("tan", {"value": 0}, 0),
        ("asin", {"value": 1}, math.pi / 2),
        ("acos", {"value": 1}, 0),
        ("atan", {"value": 1}, math.pi / 4),
        ("atan2", {"y": 1, "x": -1}, 3 * math.pi / 4),
        ("sinh", {"value": 0}, 0),
        ("cosh", {"value": 0}, 1),
        ("tanh", {"value": 0}, 0),
        ("to_radians", {"degrees": 180}, math.pi),
        ("to_degrees", {"radians": math.pi}, 180),
    ],
)
def test_each_mode_computes_from_its_own_inputs(
    mode: str, inputs: dict[str, float], result: float
) -> None:
    assert compute(mode, **inputs) == result


def test_an_integral_result_is_an_int_so_that_it_prints_without_a_point() -> None:
    assert repr(compute("divide", a=9.0, b=3.0)) == "3"


def test_minus_zero_prints_as_zero() -> None:
    assert repr(compute("multiply", a=-1, b=0)) == "0"


@pytest.mark.parametrize("mode", ["divide", "modulo"])
@pytest.mark.parametrize("zero", [0, 0.0, -0.0, None, False])
def test_dividing_by_zero_is_an_error(mode: str, zero: object) -> None:
    assert "zero" in fails(mode, a=1, b=zero)


def test_the_square_root_of_a_negative_number_is_an_error() -> None:
    assert "negative" in fails("sqrt", value=-1)


@pytest.mark.parametrize("value", [0, -1])
def test_the_inverse_square_root_needs_more_than_zero(value: float) -> None:
    assert "above 0" in fails("inverse_sqrt", value=value)


def test_modulo_keeps_the_sign_of_the_dividend() -> None:
    assert compute("modulo", a=-2.5, b=2) == -0.5


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(-2.5, -2), (0.5, 1), (2.5, 3), (-0.4, 0), (0.49999999999999994, 0), (2**52 + 1.0, 2**52 + 1)],
)
def test_rounding_takes_halves_up(value: float, rounded: int) -> None:
    assert compute("round", value=value) == rounded


def test_the_logarithm_of_zero_to_base_zero_is_zero() -> None:
    assert compute("logarithm", value=0, base=0) == 0


@pytest.mark.parametrize(
    ("value", "base"), [(-1, 10), (0, 10), (10, -2), (10, 0), (10, 1), (math.nan, 2)]
)
def test_a_logarithm_out_of_its_domain_is_not_a_number(value: float, base: float) -> None:
    assert math.isnan(compute("logarithm", value=value, base=base))


@pytest.mark.parametrize("mode", ["asin", "acos"])
@pytest.mark.parametrize("value", [-1.01, 1.01, math.inf])
def test_arc_functions_outside_their_domain_are_not_a_number(mode: str, value: float) -> None:
    assert math.isnan(compute(mode, value=value))


@pytest.mark.parametrize(
    ("mode", "inputs", "result"),
    [
        ("multiply", {"a": 1e308, "b": 10}, math.inf),
        ("add", {"a": -1e308, "b": -1e308}, -math.inf),
        ("exp", {"value": 1000}, math.inf),
        ("sinh", {"value": -1000}, -math.inf),
        ("cosh", {"value": -1000}, math.inf),
        ("power", {"base": -10, "exponent": 309}, -math.inf),
        ("power", {"base": -10, "exponent": 310}, math.inf),
        ("power", {"base": 0, "exponent": -1}, math.inf),
        ("power", {"base": -0.0, "exponent": -3}, -math.inf),
        ("add", {"a": 10**400, "b": 1}, math.inf),
    ],
)
def test_overflow_is_an_infinity(mode: str, inputs: dict[str, float], result: float) -> None:
    assert compute(mode, **inputs) == result


@pytest.mark.parametrize(
    ("base", "exponent"), [(1, math.inf), (-1, -math.inf), (1, math.nan), (-8, 1 / 3)]
)
def test_powers_without_a_real_value_are_not_a_number(base: float, exponent: float) -> None:
    assert math.isnan(compute("power", base=base, exponent=exponent))


def test_anything_to_the_power_of_zero_is_one() -> None:
    assert compute("power", base=math.nan, exponent=0) == 1


def test_integers_beyond_what_a_double_holds_become_doubles() -> None:
    assert compute("add", a=2**53 + 1, b=0) == 2**53


@pytest.mark.parametrize(("value", "limited"), [(-5, 0), (0.25, 0.25), (7, 1), (math.inf, 1)])
def test_clamp_limits_the_result_to_0_and_1(value: float, limited: float) -> None:
    assert compute("absolute" if value > 0 else "sign", value=value, clamp=True) == limited


def test_clamp_leaves_what_is_not_a_number() -> None:
    assert math.isnan(compute("add", a=math.nan, b=1, clamp=True))


def test_no_mode_means_add() -> None:
    assert run("MathOperation", FakeContext(), a=1, b=2) == {"result": 3}


def test_power_and_logarithm_have_defaults_of_their_own() -> None:
    assert defaults("MathOperation") == {"clamp": False}


@pytest.mark.parametrize("given_value", ["5", "abc", [1], {"a": 1}, "١"])
def test_what_is_no_number_counts_as_nan(given_value: object) -> None:
    assert math.isnan(compute("add", a=given_value, b=1))


@given(a=ANY_FLOAT, b=ANY_FLOAT)
def test_arithmetic_is_that_of_doubles(a: float, b: float) -> None:
    for mode, expected in (("add", a + b), ("subtract", a - b), ("multiply", a * b)):
        got = compute(mode, a=a, b=b)
        assert float(got) == expected or (math.isnan(got) and math.isnan(expected))


@given(value=FINITE)
def test_functions_are_those_of_the_standard_library(value: float) -> None:
    for mode, function in (("sin", math.sin), ("atan", math.atan), ("floor", math.floor)):
        assert float(compute(mode, value=value)) == function(value)
    assert float(compute("fraction", value=value)) == value - math.floor(value)
    assert float(compute("truncate", value=value)) == math.trunc(value)


@given(a=FINITE, b=FINITE.filter(bool))
def test_modulo_is_below_the_divisor_and_signed_like_the_dividend(a: float, b: float) -> None:
    rest = float(compute("modulo", a=a, b=b))
    assert abs(rest) < abs(b)
    assert rest == 0 or math.copysign(1, rest) == math.copysign(1, a)


@given(
    mode=st.sampled_from(["power", "logarithm", "atan2", "min", "max", "divide", "modulo"]),
    a=ANY_FLOAT,
    b=ANY_FLOAT.filter(bool),
)
def test_no_number_makes_a_mode_of_two_inputs_crash(mode: str, a: float, b: float) -> None:
    names = {"power": ("base", "exponent"), "logarithm": ("value", "base"), "atan2": ("y", "x")}
    first, second = names.get(mode, ("a", "b"))
    assert isinstance(compute(mode, **{first: a, second: b}), (int, float))


@given(mode=st.sampled_from(UNARY), value=ANY_FLOAT)
def test_no_number_makes_a_mode_of_one_input_crash(mode: str, value: float) -> None:
    assert isinstance(compute(mode, value=value), (int, float))
