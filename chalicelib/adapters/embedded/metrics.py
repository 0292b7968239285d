"""Metrics on one machine: lines of its log."""

import logging
from collections.abc import Sequence

from chalicelib.ports import Measurement

_logger = logging.getLogger(__name__)


class LogMetrics:
    """``ports.Metrics`` that logs the sum of what was measured, at level debug.

    Nobody watches graphs of one machine; who wonders where the time of a run
    went starts it with ``TAVERN_LOG=debug``.
    """

    def report(self, measurements: Sequence[Measurement], *, prompt_id: str | None = None) -> None:
        """Log what was measured, if anybody listens."""
        if measurements and _logger.isEnabledFor(logging.DEBUG):
            sums = {_label(item): sum(item.values) for item in measurements}
            _logger.debug("measured", extra={"metrics": sums, "run": prompt_id})


def _label(item: Measurement) -> str:
    return item.name if item.status is None else f"{item.name} ({item.status})"
