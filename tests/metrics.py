"""Metrics in memory: a ``Metrics`` that keeps what was reported."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.ports import Measurement


@dataclass(frozen=True, slots=True)
class Report:
    """One report: what a worker's turn or a request has measured."""

    prompt_id: str | None
    measurements: tuple[Measurement, ...]

    def values(self, name: str, status: str | None = None) -> list[float]:
        """The values of a metric, of one status if it has any."""
        return [
            value
            for item in self.measurements
            if (item.name, item.status) == (name, status)
            for value in item.values
        ]


class MetricsInMemory:
    """``ports.Metrics``; any thread may report."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self._lock = threading.Lock()

    def report(self, measurements: Sequence[Measurement], *, prompt_id: str | None = None) -> None:
        if measurements:
            with self._lock:
                self.reports.append(Report(prompt_id, tuple(measurements)))

    def values(self, name: str, status: str | None = None) -> list[float]:
        """All values that were reported of a metric."""
        return [value for report in self.reports for value in report.values(name, status)]

    def total(self, name: str, status: str | None = None) -> float:
        """Their sum."""
        return sum(self.values(name, status))
