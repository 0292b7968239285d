"""Amounts of what AWS bills, by meter. ``prices.json`` says what a meter counts."""

from collections.abc import Iterable, Mapping

Usage = Mapping[str, float]


def total(parts: Iterable[Usage]) -> dict[str, float]:
    """The sum, meter by meter."""
    summed: dict[str, float] = {}
    for part in parts:
        for meter, amount in part.items():
            summed[meter] = summed.get(meter, 0.0) + amount
    return summed


def times(usage: Usage, factor: float) -> dict[str, float]:
    """So many times as much."""
    return {meter: amount * factor for meter, amount in usage.items()}


def difference(after: Usage, before: Usage) -> dict[str, float]:
    """What came between two readings."""
    return {meter: amount - before.get(meter, 0.0) for meter, amount in after.items()}
