"""MatrixOperation."""

import contextlib
import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chalicelib.nodes import NodeError
from tests.unit.nodes.support import FakeContext, error_of, run

ENTRIES = st.integers(-9, 9)


def compute(mode: str, **inputs: Any) -> Any:
    return run("MatrixOperation", FakeContext(mode=mode), **inputs)["result"]


def fails(mode: str, **inputs: Any) -> str:
    return error_of("MatrixOperation", FakeContext(mode=mode), **inputs)


def squares(count: int, entries: st.SearchStrategy[Any] = ENTRIES) -> st.SearchStrategy[Any]:
    """So many square matrices of one size."""

    def of_size(size: int) -> st.SearchStrategy[Any]:
        row = st.lists(entries, min_size=size, max_size=size)
        matrix = st.lists(row, min_size=size, max_size=size)
        return st.tuples(*[matrix] * count)

    return st.integers(1, 5).flatmap(of_size)


@pytest.mark.parametrize(
    ("a", "b", "total"),
    [
        ([[1, 2], [3, 4]], [[10, 20], [30, 40]], [[11, 22], [33, 44]]),
        ([[1, 2], [3, 4]], 10, [[11, 12], [13, 14]]),
        (10, [[1, 2], [3, 4]], [[11, 12], [13, 14]]),
        ([[1, 2], [3, 4]], [10, 20], [[11, 22], [13, 24]]),
        ([[1, 2], [3, 4]], [[10], [20]], [[11, 12], [23, 24]]),
        ([[1], [2]], [[10, 20]], [[11, 21], [12, 22]]),
        ([1, 2], [3, 4], [4, 6]),
        (1, 2, 3),
        ("[[1, 0], [0, 1]]", "[[1.5, 0], [0, 1]]", [[2.5, 0], [0, 2]]),
    ],
)
def test_addition_is_by_element_with_broadcasting(a: Any, b: Any, total: Any) -> None:
    assert compute("add", a=a, b=b) == total


def test_subtraction_is_by_element_and_a_scalar_may_be_on_the_left() -> None:
    assert compute("subtract", a=10, b=[[1, 2], [3, 4]]) == [[9, 8], [7, 6]]


@pytest.mark.parametrize(
    ("a", "b", "product"),
    [
        ([[1, 2], [3, 4]], [[5, 6], [7, 8]], [[19, 22], [43, 50]]),
        ([[1, 2, 3]], [[1], [2], [3]], [[14]]),
        ([[1, 2], [3, 4]], 2, [[2, 4], [6, 8]]),
        (0.5, [[1, 2], [3, 4]], [[0.5, 1], [1.5, 2]]),
        ([[1, 2], [3, 4]], [1, 1], [3, 7]),
        ([1, 1], [[1, 2], [3, 4]], [4, 6]),
        ([1, 2], [3, 4], 11),
        (3, 4, 12),
    ],
)
def test_multiplication_is_the_matrix_product_and_by_element_with_a_scalar(
    a: Any, b: Any, product: Any
) -> None:
    assert compute("multiply", a=a, b=b) == product


def test_transposing_turns_rows_into_columns() -> None:
    assert compute("transpose", matrix=[[1, 2, 3], [4, 5, 6]]) == [[1, 4], [2, 5], [3, 6]]


def test_the_determinant_of_integers_is_exact() -> None:
    determinant = compute("det", matrix=[[1, 2], [3, 4]])
    assert (determinant, type(determinant)) == (-2, int)


def test_the_inverse_of_integers_is_exact() -> None:
    assert compute("invert", matrix=[[1, 2], [3, 4]]) == [[-2, 1], [1.5, -0.5]]


def test_rows_are_swapped_where_the_diagonal_is_zero() -> None:
    assert compute("det", matrix=[[0, 1], [1, 0]]) == -1
    assert compute("invert", matrix=[[0, 2], [1, 0]]) == [[0, 1], [0.5, 0]]


def test_fractions_are_computed_in_doubles() -> None:
    assert compute("det", matrix=[[0.5, 0], [0, 4]]) == 2
    assert compute("invert", matrix=[[0, 0.5], [4, 0]]) == [[0, 0.25], [2, 0]]


@pytest.mark.parametrize(
    "singular", [[[1, 2], [2, 4]], [[0.5, 1], [1, 2]], [[0]], [[0.0, 0.5]] * 2]
)
def test_a_singular_matrix_has_determinant_zero_and_no_inverse(singular: Any) -> None:
    assert compute("det", matrix=singular) == 0
    assert "singular" in fails("invert", matrix=singular)


@pytest.mark.parametrize("mode", ["invert", "det"])
def test_a_matrix_that_is_not_square_is_an_error(mode: str) -> None:
    assert "square" in fails(mode, matrix=[[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize("mode", ["add", "subtract", "multiply"])
@pytest.mark.parametrize(
    ("a", "b"),
    [([[1, 2], [3, 4]], [[1, 2, 3]] * 3), ([1, 2], [1, 2, 3]), ([[1, 2], [3, 4]], [1, 2, 3])],
)
def test_mismatched_shapes_are_an_error(mode: str, a: Any, b: Any) -> None:
    expected = "as many columns" if mode == "multiply" else "do not match"
    assert expected in fails(mode, a=a, b=b)


@pytest.mark.parametrize(
    ("given_value", "complaint"),
    [
        ([[1, 2], [3]], "rows of one length"),
        ([[1, 2], 3], "rows of one length"),
        ([[1, math.nan]], r"matrix[0][1]"),
        ([[math.inf]], "finite"),
        ([["1"]], "finite number"),
        ([[True]], "finite number"),
        ([[None]], "finite number"),
        ([[[1]]], "finite number"),
        ([], "empty"),
        ([[]], "empty"),
        (5, "expected a matrix"),
        ([1, 2], "expected a matrix"),
        (None, "finite number"),
        ({"a": 1}, "finite number"),
        ("[[1,", "as JSON"),
        ("hello", "as JSON"),
        ([[10**400]], "finite"),
    ],
)
def test_what_is_no_matrix_is_an_error_that_says_so(given_value: Any, complaint: str) -> None:
    assert complaint in fails("transpose", matrix=given_value)


def test_64_rows_and_columns_are_the_limit() -> None:
    assert len(compute("transpose", matrix=[[1] * 64] * 64)) == 64
    assert "at most 64" in fails("transpose", matrix=[[1] * 65])
    assert "at most 64" in fails("transpose", matrix=[[1]] * 65)


def test_a_large_integer_matrix_is_inverted_exactly() -> None:
    size = 64
    matrix = [[int(j >= i) for j in range(size)] for i in range(size)]
    inverse = compute("invert", matrix=matrix)
    assert inverse[0][:3] == [1, -1, 0]
    assert compute("multiply", a=matrix, b=inverse) == _identity(size)


def test_a_determinant_too_large_for_a_double_is_an_infinity() -> None:
    assert compute("det", matrix=[[(i == j) * 2**53 for j in range(64)] for i in range(64)]) == (
        math.inf
    )


def test_overflow_in_doubles_is_an_infinity() -> None:
    assert compute("multiply", a=[[1e308]], b=[[10]]) == [[math.inf]]


@given(squares(1))
def test_a_matrix_times_its_inverse_is_the_identity(matrices: Any) -> None:
    (matrix,) = matrices
    assume(compute("det", matrix=matrix) != 0)
    product = compute("multiply", a=matrix, b=compute("invert", matrix=matrix))
    for row, expected in zip(product, _identity(len(matrix)), strict=True):
        assert row == pytest.approx(expected, abs=1e-9)


@given(squares(2))
def test_the_determinant_of_a_product_is_the_product_of_determinants(matrices: Any) -> None:
    a, b = matrices
    product = compute("multiply", a=a, b=b)
    assert compute("det", matrix=product) == compute("det", matrix=a) * compute("det", matrix=b)


@given(squares(1))
def test_transposing_keeps_the_determinant(matrices: Any) -> None:
    (matrix,) = matrices
    transposed = compute("transpose", matrix=matrix)
    assert compute("det", matrix=transposed) == compute("det", matrix=matrix)
    assert compute("transpose", matrix=transposed) == matrix


@given(squares(1))
def test_exact_and_double_arithmetic_agree(matrices: Any) -> None:
    (matrix,) = matrices
    halves = [[entry + 0.5 for entry in row] for row in matrix]
    doubled = [[int(entry * 2) for entry in row] for row in halves]
    exact = compute("det", matrix=doubled) / 2 ** len(matrix)
    assert compute("det", matrix=halves) == pytest.approx(exact, rel=1e-9, abs=1e-6)


@settings(max_examples=50)
@given(squares(1, st.floats(allow_nan=False, allow_infinity=False)))
def test_no_finite_matrix_crashes(matrices: Any) -> None:
    (matrix,) = matrices
    assert isinstance(compute("det", matrix=matrix), (int, float))
    with contextlib.suppress(NodeError):  # it may be singular
        assert len(compute("invert", matrix=matrix)) == len(matrix)


def _identity(size: int) -> list[list[int]]:
    return [[int(i == j) for j in range(size)] for i in range(size)]
