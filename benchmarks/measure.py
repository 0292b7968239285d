"""Samples, ratios and goals.

A number of milliseconds says little about another machine, or about this one
an hour later. So a subject and its peer are measured in turn, and what counts
is the median of the ratios of neighbours.
"""

import gc
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

Sampler = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Samples:
    """What one thing measured, in the order in which it was."""

    values: Sequence[float]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("At least one sample is expected")

    @property
    def least(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def most(self) -> float:
        """The largest value."""
        return max(self.values)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a result should be: at most ``limit``, or at least. ``unit`` follows the number."""

    limit: float
    at_least: bool = False
    unit: str = "x"

    def met(self, value: float) -> bool:
        """Whether a value is good enough."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        unit = self.unit if self.unit == "x" else f" {self.unit}"
        return f"{sign} {self.limit:g}{unit}"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table: a subject, and its peer where it has one.

    ``ratios`` replace those of neighbours where something else is divided.
    The goal is one for the ratio if there is a peer, else for the subject's median.
    """

    name: str
    unit: str
    ours: Samples
    peer: Samples | None = None
    ratios: Samples | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The median ratio to the peer."""
        if self.ratios is not None:
            return self.ratios.median
        return None if self.peer is None else paired_ratios(self.ours, self.peer).median

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        ratio = self.ratio
        return self.goal.met(self.ours.median if ratio is None else ratio)


def paired_ratios(ours: Samples, peer: Samples) -> Samples:
    """Each sample divided by the peer's of the same turn."""
    return Samples([a / b for a, b in zip(ours.values, peer.values, strict=True)])


async def interleaved(
    samplers: Sequence[Sampler], *, repeat: int, warm_up: int = 2
) -> list[Samples]:
    """Measure several things in turn, so that what disturbs one disturbs all.

    Every other turn goes backwards: a trend of the machine then favours none.
    """
    taken: list[list[float]] = [[] for _ in samplers]
    for turn in range(warm_up + repeat):
        order = list(enumerate(samplers))
        for position, sampler in order if turn % 2 == 0 else reversed(order):
            gc.collect()  # nobody pays for the garbage of others
            value = await sampler()
            if turn >= warm_up:
                taken[position].append(value)
    return [Samples(values) for values in taken]
