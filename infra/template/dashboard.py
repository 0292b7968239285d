"""What one looks at first: a CloudWatch dashboard of a stage."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from infra.template.alarms import NAMESPACE
from infra.template.functions import FUNCTIONS

_WIDTH, _HEIGHT, _COLUMNS = 12, 6, 2
_TABLES = ("Library", "Executions", "Accounts")
# Where a name stands for a resource: CloudFormation puts the resource's own name there.
_QUEUE, _FUNCTION, _TABLE = "${%s.QueueName}", "${%s}", "${%s}"

Series = list[Any]


def resource(stage: str) -> dict[str, Any]:
    """The dashboard ``comfytavern-{stage}``, runs first."""
    charts = [*_runs(stage), *_queues(), *_functions(), *_apis(stage), *_tables()]
    widgets = [_widget(number, chart) for number, chart in enumerate(charts)]
    return {
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {
            # Names are the account's, not the region's.
            "DashboardName": {"Fn::Sub": f"comfytavern-{stage}-${{AWS::Region}}"},
            "DashboardBody": {"Fn::Sub": json.dumps({"widgets": widgets})},
        },
    }


def _chart(title: str, *series: Series, **more: object) -> dict[str, Any]:
    return {"title": title, "metrics": list(series), **more}


def _line(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    stat: str = "Sum",
    label: str | None = None,
) -> Series:
    """One line of a chart, as the body of a dashboard has it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    named = [text for dimension in dimensions.items() for text in dimension]
    return [namespace, name, *named, {"stat": stat, "label": label or f"{name} {stat}"}]


def _runs(stage: str) -> Sequence[dict[str, Any]]:
    def own(name: str, stat: str = "Sum", **more: str) -> Series:
        return _line(NAMESPACE, name, {"Stage": stage, **more}, stat, more.get("Status"))

    return [
        _chart(
            "Runs",
            own("RunsStarted"),
            *(own("RunsEnded", Status=status) for status in ("complete", "error", "interrupted")),
        ),
        _chart("Waiting for a worker, ms", own("QueueWait", "p50"), own("QueueWait", "p99")),
        _chart("Seconds that nodes ran", own("NodeSeconds"), own("NodeSeconds", "p99")),
        _chart(
            "Appends",
            own("Appends"),
            own("AppendConflicts"),
            own("EventsPerAppend", "Average"),
            own("EventsPerAppend", "p99"),
        ),
        _chart("Frames", own("FramesSent"), own("FramesFailed")),
        _chart("Repairs", own("RunsRequeued"), own("DeadLetters")),
    ]


def _queues() -> Sequence[dict[str, Any]]:
    def queue(name: str, metric: str) -> Series:
        dimensions = {"QueueName": _QUEUE % name}
        return _line("AWS/SQS", metric, dimensions, "Maximum", f"{name} {metric}")

    waiting = "ApproximateNumberOfMessagesVisible"
    return [
        _chart(
            "Messages",
            queue("Runs", waiting),
            queue("Runs", "ApproximateNumberOfMessagesNotVisible"),
            queue("RunsDead", waiting),
            queue("Imports", waiting),
            queue("Imports", "ApproximateNumberOfMessagesNotVisible"),
            queue("ImportsDead", waiting),
        ),
        _chart(
            "Oldest message, s",
            queue("Runs", "ApproximateAgeOfOldestMessage"),
            queue("Imports", "ApproximateAgeOfOldestMessage"),
        ),
    ]


def _functions() -> Sequence[dict[str, Any]]:
    def each(metric: str, stat: str = "Sum") -> list[Series]:
        return [
            _line("AWS/Lambda", metric, {"FunctionName": _FUNCTION % name}, stat, name)
            for name in FUNCTIONS
        ]

    return [
        _chart("Functions: errors", *each("Errors")),
        _chart("Functions: throttles", *each("Throttles")),
        _chart("Functions: ms (p99)", *each("Duration", "p99")),
        _chart("Functions: at once", *each("ConcurrentExecutions", "Maximum")),
    ]


def _apis(stage: str) -> Sequence[dict[str, Any]]:
    def api(metric: str, stat: str = "Sum") -> Series:
        dimensions = {"ApiName": f"comfytavern-{stage}", "Stage": "api"}
        return _line("AWS/ApiGateway", metric, dimensions, stat)

    def sockets(metric: str) -> Series:
        return _line("AWS/ApiGateway", metric, {"ApiId": "${WebsocketAPI}"})

    return [
        _chart("Requests", api("Count"), api("4XXError"), api("5XXError")),
        _chart("Requests: ms", api("Latency", "p50"), api("Latency", "p99")),
        _chart(
            "Sockets",
            *map(sockets, ("ConnectCount", "MessageCount", "ClientError", "ExecutionError")),
        ),
    ]


def _tables() -> Sequence[dict[str, Any]]:
    def each(metric: str) -> list[Series]:
        return [
            _line("AWS/DynamoDB", metric, {"TableName": _TABLE % name}, label=f"{name} {metric}")
            for name in _TABLES
        ]

    return [
        _chart("Tables: throttled", *each("ReadThrottleEvents"), *each("WriteThrottleEvents")),
        _chart(
            "Tables: units used",
            *each("ConsumedReadCapacityUnits"),
            *each("ConsumedWriteCapacityUnits"),
        ),
    ]


def _widget(number: int, chart: Mapping[str, Any]) -> dict[str, Any]:
    row, column = divmod(number, _COLUMNS)
    return {
        "type": "metric",
        "x": column * _WIDTH,
        "y": row * _HEIGHT,
        "width": _WIDTH,
        "height": _HEIGHT,
        "properties": {"region": "${AWS::Region}", "period": 300, "view": "timeSeries", **chart},
    }
