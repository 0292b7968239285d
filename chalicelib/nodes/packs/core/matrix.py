"""MatrixOperation: matrices up to 64x64 without a numeric library.

Exact where all entries are safe integers (at most 2**53 in size), by Bareiss's
fraction-free elimination ("Sylvester's Identity and Multistep Integer-Preserving
Gaussian Elimination", 1968); else Gauss-Jordan in doubles with partial pivoting.
"""

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from chalicelib import json_text
from chalicelib.errors import InvalidInput
from chalicelib.nodes import Context, Input, Inputs, Mode, Node, NodeError, Output, Outputs
from chalicelib.nodes.packs.core.js import js_number, to_double

MAX_SIZE = 64
_SAFE_INTEGER = 2**53

Number = int | float
Rows = list[list[Number]]


class _Value(NamedTuple):
    """A scalar (rank 0, one entry), a vector (rank 1, one row) or a matrix (rank 2)."""

    rank: int
    rows: Rows

    @property
    def is_exact(self) -> bool:
        return all(isinstance(entry, int) for row in self.rows for entry in row)


def _run(inputs: Inputs, context: Context) -> Outputs:
    mode = context.mode if context.mode in _MODES else "add"
    operation = _MODES[mode]
    values = [_read(name, inputs.get(name)) for name in operation.inputs]
    return {"result": _shown(operation.compute(*values))}


def _read(name: str, given: Any) -> _Value:
    """A scalar, a flat list or a list of equal rows; ``NodeError`` says what is wrong."""
    value = _parsed(name, given)
    if not isinstance(value, list):
        return _Value(0, [[_number(name, value)]])
    if not any(isinstance(row, list) for row in value):
        return _Value(1, [_row(name, value)])
    _check_length(name, value)
    if not all(isinstance(row, list) and len(row) == len(value[0]) for row in value):
        raise NodeError(f"{name}: expected rows of one length")
    return _Value(2, [_row(f"{name}[{i}]", row) for i, row in enumerate(value)])


def _parsed(name: str, given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return json_text.loads(given)
    except InvalidInput as error:
        raise NodeError(f"{name}: expected a number or a matrix as JSON") from error


def _row(name: str, entries: list[Any]) -> list[Number]:
    _check_length(name, entries)
    return [_number(f"{name}[{i}]", entry) for i, entry in enumerate(entries)]


def _check_length(name: str, items: list[Any]) -> None:
    if not items:
        raise NodeError(f"{name}: it is empty")
    if len(items) > MAX_SIZE:
        raise NodeError(f"{name}: a matrix may have at most {MAX_SIZE} rows and columns")


def _number(name: str, value: Any) -> Number:
    """An int where the double is a safe integer, so that it is computed with exactly."""
    double = to_double(value) if type(value) in (int, float) else math.nan
    if not math.isfinite(double):
        raise NodeError(f"{name}: expected a finite number")
    exact = double.is_integer() and abs(double) <= _SAFE_INTEGER
    return int(double) if exact else double


def _elementwise(
    apply: Callable[[Number, Number], Number],
) -> Callable[[_Value, _Value], _Value]:
    """By element; a side of length 1 repeats along the other's, so a scalar always fits."""

    def compute(left: _Value, right: _Value) -> _Value:
        rows = [
            [apply(x, y) for x, y in _pairs(row, other)]
            for row, other in _pairs(left.rows, right.rows)
        ]
        return _Value(max(left.rank, right.rank), rows)

    return compute


def _pairs(left: list[Any], right: list[Any]) -> list[tuple[Any, Any]]:
    size = max(len(left), len(right))
    if {len(left), len(right)} - {1, size}:
        raise NodeError("The shapes of a and b do not match")
    repeated = [side if len(side) == size else side * size for side in (left, right)]
    return [*zip(*repeated, strict=True)]


def _multiply(left: _Value, right: _Value) -> _Value:
    """The matrix product, or by element with a scalar; two vectors give their dot product."""
    if not left.rank or not right.rank:
        return _elementwise(operator.mul)(left, right)
    columns = right.rows if right.rank == 1 else _columns(right.rows)
    if len(left.rows[0]) != len(columns[0]):
        raise NodeError("a must have as many columns as b has rows")
    product = [[sum(map(operator.mul, row, column)) for column in columns] for row in left.rows]
    if right.rank == 1 and left.rank == 2:
        return _Value(1, _columns(product))
    return _Value(left.rank + right.rank - 2, product)


def _transpose(matrix: _Value) -> _Value:
    return _Value(2, _columns(_matrix(matrix).rows))


def _columns(rows: Rows) -> Rows:
    return [[*column] for column in zip(*rows, strict=True)]


def _determinant(matrix: _Value) -> _Value:
    square = _square(matrix)
    compute = _exact_determinant if square.is_exact else _float_determinant
    return _Value(0, [[compute(square.rows)]])


def _invert(matrix: _Value) -> _Value:
    square = _square(matrix)
    compute = _exact_inverse if square.is_exact else _float_inverse
    return _Value(2, compute(square.rows))


def _matrix(value: _Value) -> _Value:
    if value.rank != 2:
        raise NodeError("matrix: expected a matrix, a list of rows")
    return value


def _square(value: _Value) -> _Value:
    rows = _matrix(value).rows
    if len(rows) != len(rows[0]):
        raise NodeError(f"matrix: expected a square one, got {len(rows)}x{len(rows[0])}")
    return value


def _exact_determinant(matrix: Rows) -> int:
    rows = [[int(entry) for entry in row] for row in matrix]
    sign, previous = 1, 1
    for k in range(len(rows) - 1):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        if pivot is None:
            return 0
        if pivot != k:
            rows[k], rows[pivot], sign = rows[pivot], rows[k], -sign
        top, head = rows[k], rows[k][k]
        for row in rows[k + 1 :]:
            for j in range(k + 1, len(rows)):
                row[j] = (row[j] * head - row[k] * top[j]) // previous
        previous = head
    return sign * rows[-1][-1]


def _exact_inverse(matrix: Rows) -> Rows:
    """Fraction-free Gauss-Jordan on [A | I]: it ends as [det A * I | adj A]."""
    size = len(matrix)
    rows = [
        [int(entry) for entry in row] + [int(i == j) for j in range(size)]
        for i, row in enumerate(matrix)
    ]
    previous = 1
    for k in range(size):
        pivot = next((i for i in range(k, size) if rows[i][k]), None)
        if pivot is None:
            raise _singular()
        rows[k], rows[pivot] = rows[pivot], rows[k]
        top, head = rows[k], rows[k][k]
        for i, row in enumerate(rows):
            if i != k:
                factor = row[k]
                rows[i] = [
                    (x * head - factor * y) // previous for x, y in zip(row, top, strict=True)
                ]
        previous = head
    return [[_quotient(entry, previous) for entry in row[size:]] for row in rows]


def _quotient(numerator: int, denominator: int) -> Number:
    whole, rest = divmod(numerator, denominator)
    if not rest:
        return whole
    try:
        return numerator / denominator
    except OverflowError:
        return math.copysign(math.inf, whole)


def _float_determinant(matrix: Rows) -> float:
    rows = [[float(entry) for entry in row] for row in matrix]
    determinant = 1.0
    for k in range(len(rows)):
        if _bring_up_pivot(rows, k):
            determinant = -determinant
        top = rows[k]
        if top[k] == 0:
            return 0.0
        determinant *= top[k]
        for row in rows[k + 1 :]:
            factor = row[k] / top[k]
            for j in range(k + 1, len(rows)):
                row[j] -= factor * top[j]
    return determinant


def _float_inverse(matrix: Rows) -> Rows:
    size = len(matrix)
    rows = [
        [float(entry) for entry in row] + [float(i == j) for j in range(size)]
        for i, row in enumerate(matrix)
    ]
    for k in range(size):
        _bring_up_pivot(rows, k)
        head = rows[k][k]
        if head == 0:
            raise _singular()
        rows[k] = top = [entry / head for entry in rows[k]]
        for i, row in enumerate(rows):
            if i != k and row[k]:
                factor = row[k]
                rows[i] = [x - factor * y for x, y in zip(row, top, strict=True)]
    return [[*row[size:]] for row in rows]


def _bring_up_pivot(rows: list[list[float]], k: int) -> bool:
    """Swap the row with the largest entry of column k into row k; whether it was another."""
    best = max(range(k, len(rows)), key=lambda i: abs(rows[i][k]))
    rows[k], rows[best] = rows[best], rows[k]
    return best != k


def _singular() -> NodeError:
    return NodeError("matrix: it is singular, so it has no inverse")


def _shown(value: _Value) -> Any:
    rows = [[js_number(entry) for entry in row] for row in value.rows]
    if value.rank == 2:
        return rows
    return rows[0] if value.rank else rows[0][0]


class _Operation(NamedTuple):
    name: str
    description: str
    compute: Callable[..., _Value]
    inputs: tuple[str, ...]
    output: Output


def _slot(name: str) -> Input:
    if name == "matrix":
        return Input("OBJECT", display_name="Matrix", required=True, categories=("Matrix",))
    return Input(
        "OBJECT",
        display_name=name,
        description="A number, a list of numbers or a list of rows.",
        required=True,
        default="[[1, 0], [0, 1]]",
        categories=("Matrix",),
    )


_ANY = Output("WILDCARD", display_name="Result", description="A matrix, or a number.")
_MATRIX = Output("OBJECT", display_name="Result", categories=("Matrix",))
_FLOAT = Output("FLOAT", display_name="Result")
_MODES = {
    "add": _Operation("Add", "a + b by element", _elementwise(operator.add), ("a", "b"), _ANY),
    "subtract": _Operation(
        "Subtract", "a - b by element", _elementwise(operator.sub), ("a", "b"), _ANY
    ),
    "multiply": _Operation(
        "Multiply", "The matrix product; by element with a number", _multiply, ("a", "b"), _ANY
    ),
    "transpose": _Operation("Transpose", "Rows become columns", _transpose, ("matrix",), _MATRIX),
    "invert": _Operation("Invert", "The inverse of a matrix", _invert, ("matrix",), _MATRIX),
    "det": _Operation("Determinant", "The determinant", _determinant, ("matrix",), _FLOAT),
}

MATRIX_OPERATION = Node(
    "MatrixOperation",
    _run,
    category="Math",
    display_name="Matrix",
    description=f"Computes with matrices of up to {MAX_SIZE} rows and columns.",
    inputs={name: _slot(name) for name in ("a", "b")},
    outputs={"result": _ANY},
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
                    {"value": key, "label": operation.name} for key, operation in _MODES.items()
                ],
            },
        )
    },
    modes={
        key: Mode(
            operation.name,
            {name: _slot(name) for name in operation.inputs},
            {"result": operation.output},
            operation.description,
        )
        for key, operation in _MODES.items()
    },
    mode_config_key="operationMode",
    default_mode_id="add",
)
