"""Metrics by CloudWatch's embedded metric format: lines of JSON that Lambda hands to its logs.

The format: "Specification: Embedded metric format" of the CloudWatch user guide,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from chalicelib.ports import Clock, Measurement

NAMESPACE = "ComfyTavern"
MAX_VALUES = 100
"""Of one metric in one line; CloudWatch refuses more."""

_STAGE, _STATUS = "Stage", "Status"
# What CloudWatch takes as a value (PutMetricData, MetricDatum).
_LARGEST = 2.0**360

_logger = logging.getLogger(__name__)


class EmfMetrics:
    """``ports.Metrics`` that writes lines to standard output, or to ``stream``.

    Usually one line a report: the dimension ``Stage`` is on all metrics, and
    those with a status count by it too, so each status more is a line more.
    """

    def __init__(self, stage: str, clock: Clock, stream: TextIO | None = None) -> None:
        self._stage = stage
        self._clock = clock
        self._stream = stream

    def report(self, measurements: Sequence[Measurement], *, prompt_id: str | None = None) -> None:
        """Write what was measured; a stream that takes nothing is only logged."""
        # Asked for each time: Lambda and tests put streams of their own in its place.
        stream = self._stream or sys.stdout
        try:
            for group in _by_line(measurements):
                line = json.dumps(self._document(group, prompt_id), separators=(",", ":"))
                stream.write(line + "\n")  # at once, or other threads' lines would get into it
            stream.flush()
        except (OSError, ValueError):  # ValueError: it is closed
            _logger.warning("Metrics could not be written", exc_info=True)

    def _document(self, group: Sequence[Measurement], prompt_id: str | None) -> dict[str, Any]:
        plain = [item for item in group if item.status is None]
        counted_by_status = [item for item in group if item.status is not None]
        directives = []
        if plain:
            directives.append(_directive(plain, [[_STAGE]]))
        if counted_by_status:
            directives.append(_directive(counted_by_status, [[_STAGE], [_STAGE, _STATUS]]))
        document: dict[str, Any] = {
            "_aws": {
                "Timestamp": int(self._clock.now() * 1000),
                "CloudWatchMetrics": directives,
            },
            _STAGE: self._stage,
        }
        if counted_by_status:
            document[_STATUS] = counted_by_status[0].status
        if prompt_id is not None:
            document["promptId"] = prompt_id
        return document | {item.name: _target(item.values) for item in group}


def _by_line(measurements: Sequence[Measurement]) -> Iterator[list[Measurement]]:
    """What may share a line: no name twice, and one status, since a line has one value of each."""
    lines: list[list[Measurement]] = []
    for item in measurements:
        usable = [value for value in item.values if abs(value) <= _LARGEST]
        if not usable:
            continue
        item = Measurement(item.name, item.unit, usable, item.status)
        for line in lines:
            if _fits(item, line):
                line.append(item)
                break
        else:
            lines.append([item])
    yield from lines


def _fits(item: Measurement, line: Sequence[Measurement]) -> bool:
    statuses = {other.status for other in line} - {None}
    return all(other.name != item.name for other in line) and (
        item.status is None or not statuses or item.status in statuses
    )


def _directive(items: Sequence[Measurement], dimensions: list[list[str]]) -> dict[str, Any]:
    metrics = [{"Name": item.name, "Unit": item.unit} for item in items]
    return {"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics}


def _target(values: Sequence[float]) -> float | list[float]:
    """A metric's values as a line may hold them: of too many, some that stand for all.

    They are evenly spaced in order of size, the smallest and the largest among
    them, so percentiles and extremes stay what they are.
    """
    if len(values) == 1:
        return values[0]
    if len(values) <= MAX_VALUES:
        return list(values)
    ordered = sorted(values)
    step = (len(ordered) - 1) / (MAX_VALUES - 1)
    return [ordered[round(place * step)] for place in range(MAX_VALUES)]
