"""Metrics: what both families promise, and that CloudWatch understands the lines of one."""

import io
import json
import logging
import re
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, StrictFloat, TypeAdapter

from chalicelib.adapters.aws.metrics import MAX_VALUES, NAMESPACE, EmfMetrics
from chalicelib.adapters.embedded.metrics import LogMetrics
from chalicelib.ports import Delivery, Measurement, Metrics
from chalicelib.services.tally import Tally
from tests.clock import ManualClock

MAX_LINE_BYTES = 256 * 1024
UNITS = (
    "Seconds|Microseconds|Milliseconds|Bytes|Kilobytes|Megabytes|Gigabytes|Terabytes|Bits|Kilobits"
    "|Megabits|Gigabits|Terabits|Percent|Count|None"
)
Name = Annotated[str, Field(min_length=1, max_length=255)]


class Part(BaseModel):
    """Of a line, by the schema in "Specification: Embedded metric format" of the CloudWatch
    user guide (without the units per second), and by what its text says beside.

    "Objects defined by this specification MUST NOT contain any additional members."
    """

    model_config = ConfigDict(extra="forbid", strict=True)


class MetricDefinition(Part):
    Name: Name
    Unit: Annotated[str, Field(pattern=f"^({UNITS})$")]


class MetricDirective(Part):
    """The array of metrics "MUST NOT contain more than 100 MetricDefinition objects"."""

    Namespace: Name
    Dimensions: Annotated[
        list[Annotated[list[Name], Field(max_length=9)]],
        Field(min_length=1),
    ]
    Metrics: Annotated[list[MetricDefinition], Field(min_length=1, max_length=100)]


class Metadata(Part):
    Timestamp: int
    CloudWatchMetrics: Annotated[list[MetricDirective], Field(min_length=1)]


# "A metric target MUST be a numeric value or an array of numeric values. Numeric array metric
# targets MUST NOT have more than 100 members. A dimension target MUST have a string value."
MetricTarget: TypeAdapter[object] = TypeAdapter(
    StrictFloat | Annotated[list[StrictFloat], Field(min_length=1, max_length=100)]
)
MEASUREMENTS = st.builds(
    Measurement,
    st.from_regex(re.compile("[A-Z][A-Za-z]{0,30}s"), fullmatch=True),
    st.sampled_from(["Count", "Milliseconds", "Seconds"]),
    st.lists(st.integers() | st.floats(), max_size=250),
    st.none() | st.sampled_from(["complete", "error", "interrupted"]),
)


def emf(stream: io.StringIO, stage: str = "dev") -> EmfMetrics:
    return EmfMetrics(stage, ManualClock(1_800_000_000.25), stream)


def lines(report: Callable[[EmfMetrics], None]) -> list[dict[str, Any]]:
    """The lines that a report writes, each of them valid."""
    stream = io.StringIO()
    report(emf(stream))
    texts = stream.getvalue().splitlines()
    for text in texts:
        assert len(text.encode()) < MAX_LINE_BYTES
        assert_valid(json.loads(text, parse_constant=_refuse))
    return [json.loads(text) for text in texts]


def assert_valid(line: dict[str, Any]) -> None:
    """By the schema, and by what the specification says of references."""
    for directive in Metadata.model_validate(line["_aws"]).CloudWatchMetrics:
        for metric in directive.Metrics:
            MetricTarget.validate_python(line[metric.Name])
        for name in {name for names in directive.Dimensions for name in names}:
            assert isinstance(line[name], str)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def dimensions(line: dict[str, Any]) -> dict[str, list[list[str]]]:
    """By what each metric of a line is counted."""
    return {
        metric["Name"]: directive["Dimensions"]
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }


def a_turn() -> Tally:
    """What a worker's turn may have measured."""
    tally = Tally(runs_requeued=1, dead_letters=1, append_conflicts=1, node_seconds=0.25)
    tally.started(submitted_at=1_000, now=3.0)
    tally.appended(1)
    tally.appended(30, "complete")
    tally.delivered(Delivery.TAKEN, 31)
    tally.delivered(Delivery.REFUSED, 31)
    return tally


@pytest.fixture(params=["aws", "embedded"])
def metrics(request: pytest.FixtureRequest) -> Metrics:
    return emf(io.StringIO()) if request.param == "aws" else LogMetrics()


@pytest.mark.parametrize(
    "measurements",
    [
        [],
        [Measurement("Appends", "Count", ())],
        [Measurement("Appends", "Count", (float("nan"), float("inf"), 1e300))],
        a_turn().measurements(),
    ],
    ids=["nothing", "no values", "odd numbers", "a turn"],
)
def test_whatever_is_reported_nothing_is_raised(
    metrics: Metrics, measurements: list[Measurement], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    metrics.report(measurements, prompt_id="run-1")
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_a_turn_is_one_line() -> None:
    (line,) = lines(lambda emf: emf.report(a_turn().measurements(), prompt_id="run-1"))
    directives = line.pop("_aws")
    assert directives["Timestamp"] == 1_800_000_000_250
    assert {item["Namespace"] for item in directives["CloudWatchMetrics"]} == {NAMESPACE}
    assert line == {
        "Stage": "dev",
        "Status": "complete",
        "promptId": "run-1",
        "RunsStarted": 1,
        "RunsEnded": 1,
        "RunsRequeued": 1,
        "QueueWait": 2000,
        "NodeSeconds": 0.25,
        "Appends": 2,
        "EventsPerAppend": [1, 30],
        "AppendConflicts": 1,
        "FramesSent": 31,
        "FramesFailed": 1,
        "DeadLetters": 1,
    }


def test_runs_that_ended_are_counted_by_status_too_all_else_by_stage_alone() -> None:
    (line,) = lines(lambda emf: emf.report(a_turn().measurements()))
    found = dimensions(line)
    assert found.pop("RunsEnded") == [["Stage"], ["Stage", "Status"]]
    assert len(found) > 1
    assert all(names == [["Stage"]] for names in found.values())


def test_units_are_those_of_the_measurements() -> None:
    (line,) = lines(lambda emf: emf.report(a_turn().measurements()))
    units = {
        metric["Name"]: metric["Unit"]
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }
    assert (units.pop("QueueWait"), units.pop("NodeSeconds")) == ("Milliseconds", "Seconds")
    assert set(units.values()) == {"Count"}


def test_each_status_has_a_line_of_its_own() -> None:
    measured = [Measurement("RunsEnded", "Count", (n,), s) for n, s in ((2, "error"), (3, "done"))]
    found = lines(lambda emf: emf.report([*measured, Measurement("Appends", "Count", (5,))]))
    assert [(line["Status"], line["RunsEnded"]) for line in found] == [("error", 2), ("done", 3)]
    assert [line.get("Appends") for line in found] == [5, None]


def test_nothing_measured_is_no_line() -> None:
    assert lines(lambda emf: emf.report(Tally().measurements(), prompt_id="run-1")) == []


def test_of_too_many_values_some_stand_for_all() -> None:
    values = [3] * 5000 + [1] * 4998 + [40, 0]
    (line,) = lines(lambda emf: emf.report([Measurement("Events", "Count", values)]))
    shown = line["Events"]
    assert len(shown) == MAX_VALUES
    assert (min(shown), max(shown)) == (0, 40)
    assert shown.count(3) in (49, 50)
    assert shown.count(1) in (49, 50)


@given(st.lists(MEASUREMENTS, max_size=12), st.text(max_size=40), st.none() | st.text(max_size=40))
def test_any_metrics_give_valid_lines_and_none_is_lost(
    measurements: list[Measurement], stage: str, prompt_id: str | None
) -> None:
    stream = io.StringIO()
    EmfMetrics(stage, ManualClock(), stream).report(measurements, prompt_id=prompt_id)
    found = [json.loads(text, parse_constant=_refuse) for text in stream.getvalue().splitlines()]
    for line in found:
        assert_valid(line)
    written = sorted((name, len_of(line[name])) for line in found for name in dimensions(line))
    usable = [
        (item.name, len([value for value in item.values if abs(value) <= 2**360]))
        for item in measurements
    ]
    assert written == sorted((name, min(count, MAX_VALUES)) for name, count in usable if count)


def len_of(target: object) -> int:
    return len(target) if isinstance(target, list) else 1


def test_lines_go_to_standard_output_where_lambda_takes_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    EmfMetrics("dev", ManualClock()).report([Measurement("Appends", "Count", (1,))])
    assert json.loads(capsys.readouterr().out)["Appends"] == 1


def test_a_stream_that_is_closed_does_not_break_the_work(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream = io.StringIO()
    stream.close()
    with caplog.at_level(logging.WARNING):
        emf(stream).report([Measurement("Appends", "Count", (1,))])
    assert "could not be written" in caplog.text


def test_on_one_machine_the_log_tells_at_level_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    LogMetrics().report(a_turn().measurements(), prompt_id="run-1")
    (record,) = caplog.records
    shown = vars(record)
    assert (record.levelno, shown["run"]) == (logging.DEBUG, "run-1")
    assert shown["metrics"]["RunsEnded (complete)"] == 1
    assert shown["metrics"]["EventsPerAppend"] == 31


def test_on_one_machine_nothing_is_logged_unless_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    LogMetrics().report(a_turn().measurements())
    assert caplog.records == []
