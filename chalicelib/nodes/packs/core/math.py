"""MathOperation: IEEE double arithmetic by mode."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from chalicelib.nodes import Context, Input, Inputs, Mode, Node, NodeError, Output, Outputs
from chalicelib.nodes.packs.core.js import js_number, to_double


class _Operation(NamedTuple):
    """A mode: what it computes from doubles, and the inputs it takes them from."""

    name: str
    description: str
    compute: Callable[..., float]
    inputs: tuple[str, ...] = ("value",)
    defaults: Mapping[str, float] = MappingProxyType({})


def _divide(a: float, b: float) -> float:
    if b == 0:
        raise NodeError("Division by zero: b must not be 0")
    return a / b


def _modulo(a: float, b: float) -> float:
    if b == 0:
        raise NodeError("Modulo by zero: b must not be 0")
    return math.nan if math.isinf(a) else math.fmod(a, b)


def _power(base: float, exponent: float) -> float:
    """``base ** exponent`` of JavaScript, which differs from C's pow at 1 and infinity."""
    if exponent == 0:
        return 1.0
    if math.isnan(exponent) or (abs(base) == 1 and math.isinf(exponent)):
        return math.nan
    odd = exponent.is_integer() and math.fmod(exponent, 2) != 0
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and odd else math.inf
    except ValueError:  # a negative power of zero, or a root of a negative number
        if base != 0:
            return math.nan
        return math.copysign(math.inf, base) if odd else math.inf


def _logarithm(value: float, base: float) -> float:
    if value == 0 and base == 0:
        return 0.0
    if value <= 0 or base <= 0 or base == 1:
        return math.nan
    return math.log(value) / math.log(base)


def _sqrt(value: float) -> float:
    if value < 0:
        raise NodeError("The square root of a negative number is not real")
    return math.sqrt(value)


def _inverse_sqrt(value: float) -> float:
    if value <= 0:
        raise NodeError("The inverse square root needs a value above 0")
    return 1 / math.sqrt(value)


def _grows(function: Callable[[float], float]) -> Callable[[float], float]:
    """Overflow to an infinity, with the sign of the value where it has one."""

    def compute(value: float) -> float:
        try:
            return function(value)
        except OverflowError:
            return math.copysign(math.inf, value)

    return compute


def _within(function: Callable[[float], float]) -> Callable[[float], float]:
    """NaN outside the function's domain."""

    def compute(value: float) -> float:
        try:
            return function(value)
        except ValueError:
            return math.nan

    return compute


def _finite(function: Callable[[float], float]) -> Callable[[float], float]:
    """NaN and infinities stay as they are."""

    def compute(value: float) -> float:
        return float(function(value)) if math.isfinite(value) else value

    return compute


def _round(value: float) -> float:
    """Half up. ``floor(value + 0.5)`` would round 0.49999999999999994 to 1."""
    below = math.floor(value)
    return below + 1 if value - below >= 0.5 else below


def _sign(value: float) -> float:
    return value if value == 0 or math.isnan(value) else math.copysign(1, value)


def _minimum(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else min(a, b)


def _maximum(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else max(a, b)


def _fraction(value: float) -> float:
    return value - math.floor(value) if math.isfinite(value) else math.nan


_AB = ("a", "b")
_OPERATIONS = {
    "add": _Operation("Add", "a + b", lambda a, b: a + b, _AB),
    "subtract": _Operation("Subtract", "a - b", lambda a, b: a - b, _AB),
    "multiply": _Operation("Multiply", "a × b", lambda a, b: a * b, _AB),
    "multiply_add": _Operation(
        "Multiply and add",
        "val1 × val2 + val3",
        lambda a, b, c: a * b + c,
        ("val1", "val2", "val3"),
    ),
    "divide": _Operation("Divide", "a ÷ b; b must not be 0", _divide, _AB),
    "power": _Operation(
        "Power", "base to the power of exponent", _power, ("base", "exponent"), {"exponent": 2}
    ),
    "logarithm": _Operation(
        "Logarithm",
        "Logarithm of value to a base",
        _logarithm,
        ("value", "base"),
        {"value": 1, "base": math.e},
    ),
    "sqrt": _Operation("Square root", "√value; value must not be negative", _sqrt),
    "inverse_sqrt": _Operation("Inverse square root", "1 ÷ √value, above 0", _inverse_sqrt),
    "absolute": _Operation("Absolute", "value without its sign", abs),
    "exp": _Operation("Exponential", "e to the power of value", _grows(math.exp)),
    "min": _Operation("Minimum", "The smaller of a and b", _minimum, _AB),
    "max": _Operation("Maximum", "The larger of a and b", _maximum, _AB),
    "lessThan": _Operation("Less than", "1 if a < b, else 0", lambda a, b: a < b, _AB),
    "greaterThan": _Operation("Greater than", "1 if a > b, else 0", lambda a, b: a > b, _AB),
    "sign": _Operation("Sign", "-1, 0 or 1", _sign),
    "round": _Operation("Round", "The nearest integer, halves up", _finite(_round)),
    "floor": _Operation("Floor", "The next integer below", _finite(math.floor)),
    "ceil": _Operation("Ceiling", "The next integer above", _finite(math.ceil)),
    "truncate": _Operation("Truncate", "value without its fraction", _finite(math.trunc)),
    "fraction": _Operation("Fraction", "value - floor(value)", _fraction),
    "modulo": _Operation("Modulo", "The remainder of a ÷ b, with a's sign", _modulo, _AB),
    "sin": _Operation("Sine", "sin(value), value in radians", _within(math.sin)),
    "cos": _Operation("Cosine", "cos(value), value in radians", _within(math.cos)),
    "tan": _Operation("Tangent", "tan(value), value in radians", _within(math.tan)),
    "asin": _Operation("Arcsine", "asin(value) in radians", _within(math.asin)),
    "acos": _Operation("Arccosine", "acos(value) in radians", _within(math.acos)),
    "atan": _Operation("Arctangent", "atan(value) in radians", math.atan),
    "atan2": _Operation("Arctangent 2", "The angle of the point (x, y)", math.atan2, ("y", "x")),
    "sinh": _Operation("Hyperbolic sine", "sinh(value)", _grows(math.sinh)),
    "cosh": _Operation("Hyperbolic cosine", "cosh(value)", lambda x: _grows(math.cosh)(abs(x))),
    "tanh": _Operation("Hyperbolic tangent", "tanh(value)", math.tanh),
    "to_radians": _Operation("To radians", "Degrees as radians", math.radians, ("degrees",)),
    "to_degrees": _Operation("To degrees", "Radians as degrees", math.degrees, ("radians",)),
}


def _run(inputs: Inputs, context: Context) -> Outputs:
    operation = _OPERATIONS.get(context.mode or "add", _OPERATIONS["add"])
    result = operation.compute(*(to_double(inputs.get(name)) for name in operation.inputs))
    if inputs.get("clamp") and not math.isnan(result):
        result = min(max(result, 0.0), 1.0)
    return {"result": js_number(result)}


def _slot(name: str, operation: _Operation) -> Input:
    title = name if len(name) == 1 else name.capitalize()
    if name not in operation.defaults:
        return Input("FLOAT", display_name=title, required=True)
    return Input("FLOAT", display_name=title, required=True, default=operation.defaults[name])


def _inputs(operation: _Operation) -> dict[str, Input]:
    slots = {name: _slot(name, operation) for name in operation.inputs}
    return slots | {"clamp": _CLAMP}


_CLAMP = Input(
    "BOOLEAN", display_name="Clamp", description="Limit the result to 0..1.", default=False
)
_OUTPUTS = {"result": Output("FLOAT", display_name="Result")}

MATH_OPERATION = Node(
    "MathOperation",
    _run,
    category="Math",
    display_name="Math",
    description="Computes with numbers: arithmetic, powers, comparison, rounding, trigonometry.",
    inputs=_inputs(_OPERATIONS["add"]),
    outputs=_OUTPUTS,
    config_schema={
        "operationMode": Input(
            "STRING",
            display_name="Operation",
            description="What to compute. It decides which inputs there are.",
            required=True,
            default="add",
            categories=("ComboOption",),
            config={
                "searchable": True,
                "suggestions": [
                    {"value": key, "label": operation.name}
                    for key, operation in _OPERATIONS.items()
                ],
            },
        )
    },
    modes={
        key: Mode(operation.name, _inputs(operation), _OUTPUTS, operation.description)
        for key, operation in _OPERATIONS.items()
    },
    mode_config_key="operationMode",
    default_mode_id="add",
    inline=True,
)
