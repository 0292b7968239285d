"""What tells an operator that something is wrong: alarms, and the topic that they go to.

An alarm's section in ``docs/operations.md`` says what to do.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = "ComfyTavern"
"""Where the metrics of the code are (``docs/decisions/0010-metrics.md``)."""

_CALLED_BY_CLIENTS = (
    "APIHandler",
    "WebsocketConnect",
    "WebsocketMessage",
    "WebsocketDisconnect",
)
_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Metric:
    """A series of CloudWatch; values of ``dimensions`` may refer to resources."""

    namespace: str
    name: str
    dimensions: Mapping[str, Any]
    statistic: str = "Sum"

    def stat(self, seconds: int) -> dict[str, Any]:
        """What an alarm's query asks for, in steps of so many seconds."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions.items()]
        metric = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        return {"Metric": metric, "Period": seconds, "Stat": self.statistic}


@dataclass(frozen=True, slots=True)
class Alarm:
    """It goes off when ``expression`` is at least ``threshold`` ``periods`` times in a row.

    The expression is CloudWatch's metric math over the ids of ``metrics``; a single metric
    needs none. ``below`` turns the comparison around. ``missing`` says what no data at all
    stands for: mostly that all is well, since who has nothing to do reports nothing.
    """

    meaning: str
    metrics: Mapping[str, Metric]
    threshold: float
    expression: str | None = None
    seconds: int = 5 * _MINUTES
    periods: int = 1
    below: bool = False
    missing: str = "notBreaching"

    def resource(self, stage: str, name: str) -> dict[str, Any]:
        """The alarm of a stage, whose logical id is ``name``."""
        alias = kebab(name)
        shown = self.expression is None
        queries: list[dict[str, Any]] = [
            {"Id": key, "MetricStat": metric.stat(self.seconds), "ReturnData": shown}
            for key, metric in self.metrics.items()
        ]
        if self.expression is not None:
            result = {"Id": "shown", "Expression": self.expression, "Label": alias}
            queries.append({**result, "ReturnData": True})
        return {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": f"comfytavern-{stage}-{alias}",
                "AlarmDescription": f"{self.meaning} See docs/operations.md#alarm-{alias}",
                "Metrics": queries,
                "ComparisonOperator": (
                    "LessThanThreshold" if self.below else "GreaterThanOrEqualToThreshold"
                ),
                "Threshold": self.threshold,
                "EvaluationPeriods": self.periods,
                "DatapointsToAlarm": self.periods,
                "TreatMissingData": self.missing,
                "AlarmActions": [{"Ref": "Alarms"}],
                "OKActions": [{"Ref": "Alarms"}],
            },
        }


@dataclass(frozen=True, slots=True)
class Watch:
    """The parts of a template that watch over a stage."""

    resources: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(
        default_factory=lambda: {
            "AlarmEmail": {
                "Type": "String",
                "Default": "",
                "Description": "Who gets a mail when an alarm goes off; empty for nobody",
            }
        }
    )
    conditions: Mapping[str, Any] = field(
        default_factory=lambda: {
            "HasAlarmEmail": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]}
        }
    )


def parts(stage: str) -> Watch:
    """The alarms of a stage, and the topic that tells of them."""
    made = {name: alarm.resource(stage, name) for name, alarm in _alarms(stage).items()}
    return Watch({**_topic(), **made})


def kebab(name: str) -> str:
    """A logical id as part of a name or an anchor.

    >>> kebab("OldestMessage")
    'oldest-message'
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def own(stage: str, name: str, statistic: str = "Sum") -> Metric:
    """A metric of the code."""
    return Metric(NAMESPACE, name, {"Stage": stage}, statistic)


def of_function(function: str, name: str, statistic: str = "Sum") -> Metric:
    """A metric of a function."""
    return Metric("AWS/Lambda", name, {"FunctionName": {"Ref": function}}, statistic)


def of_queue(queue: str, name: str, statistic: str) -> Metric:
    """A metric of a queue."""
    dimensions = {"QueueName": {"Fn::GetAtt": [queue, "QueueName"]}}
    return Metric("AWS/SQS", name, dimensions, statistic)


def of_api(stage: str, name: str, statistic: str = "Sum") -> Metric:
    """A metric of the REST API."""
    dimensions = {"ApiName": f"comfytavern-{stage}", "Stage": "api"}
    return Metric("AWS/ApiGateway", name, dimensions, statistic)


def _alarms(stage: str) -> dict[str, Alarm]:
    return {**_of_queues(stage), **_of_functions(stage), **_of_runs(stage)}


def _of_queues(stage: str) -> dict[str, Alarm]:
    waiting, hidden = (
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
    )
    return {
        # A message counts as old while its run works, and while a lost worker's time-out
        # lasts: so only what is old while others wait is told.
        "OldestMessage": Alarm(
            "Runs wait for a worker: messages wait all the time, the oldest for over half an hour.",
            {
                "waiting": of_queue("Runs", waiting, "Minimum"),
                "age": of_queue("Runs", "ApproximateAgeOfOldestMessage", "Maximum"),
            },
            expression="IF(waiting > 0, age, 0)",
            threshold=30 * _MINUTES,
            periods=3,
        ),
        "OldestImport": Alarm(
            "Imports of libraries wait for a worker, the oldest for over half an hour.",
            {
                "waiting": of_queue("Imports", waiting, "Minimum"),
                "age": of_queue("Imports", "ApproximateAgeOfOldestMessage", "Maximum"),
            },
            expression="IF(waiting > 0, age, 0)",
            threshold=30 * _MINUTES,
            periods=3,
        ),
        # While its function fails a message is hidden nearly all the time.
        "DeadLettersWaiting": Alarm(
            "Dead letters stay: the function DeadLetter, or DeadImport, does not get them done.",
            {
                "waiting": of_queue("RunsDead", waiting, "Maximum"),
                "hidden": of_queue("RunsDead", hidden, "Maximum"),
                "importsWaiting": of_queue("ImportsDead", waiting, "Maximum"),
                "importsHidden": of_queue("ImportsDead", hidden, "Maximum"),
            },
            expression="waiting + hidden + importsWaiting + importsHidden",
            threshold=1,
            periods=3,
        ),
        "RunsGivenUp": Alarm(
            "A run was tried as often as may be, lost every worker, and ended in error.",
            {"count": own(stage, "DeadLetters")},
            threshold=1,
        ),
    }


def _of_functions(stage: str) -> dict[str, Alarm]:
    errors = {
        f"errors{number}": of_function(function, "Errors")
        for number, function in enumerate(_CALLED_BY_CLIENTS)
    }
    return {
        "WorkerErrors": Alarm(
            "A worker was lost: it ran out of memory or time, or crashed. Its run goes on.",
            {"count": of_function("RunExecution", "Errors")},
            threshold=1,
        ),
        "WorkerThrottles": Alarm(
            "Workers are refused for a quarter of an hour: the account has too few to give.",
            {"count": of_function("RunExecution", "Throttles")},
            threshold=1,
            periods=3,
        ),
        "ImportErrors": Alarm(
            "A worker was lost at an import of a library: out of memory or time. It goes on.",
            {"count": of_function("ImportLibrary", "Errors")},
            threshold=1,
        ),
        "HandlerErrors": Alarm(
            "What answers clients does not end properly: out of time or memory, or not loading.",
            errors,
            expression=f"SUM([{', '.join(errors)}])",
            threshold=3,
        ),
        "ServerErrors": Alarm(
            "The REST API answers with 5xx.",
            {"count": of_api(stage, "5XXError")},
            threshold=5,
        ),
        # No data is no sweep.
        "SweepStopped": Alarm(
            "Nothing sweeps: lost runs are not found, and what was not sent stays so.",
            {
                "begun": of_function("Sweep", "Invocations"),
                "failed": of_function("Sweep", "Errors"),
            },
            expression="FILL(begun, 0) - FILL(failed, 0)",
            threshold=1,
            periods=3,
            below=True,
            missing="breaching",
        ),
    }


def _of_runs(stage: str) -> dict[str, Alarm]:
    return {
        "FramesFailed": Alarm(
            "Many sockets were closed because they did not take what was sent.",
            {"count": own(stage, "FramesFailed")},
            threshold=20,
            seconds=15 * _MINUTES,
        ),
        # Interrupts and takeovers meet one each, so their number grows with that of runs.
        "AppendConflicts": Alarm(
            "Workers contend for runs: a tenth of all appends finds the log moved on.",
            {"lost": own(stage, "AppendConflicts"), "made": own(stage, "Appends")},
            expression="IF(lost >= 20, 100 * lost / made, 0)",
            threshold=10,
            seconds=15 * _MINUTES,
        ),
    }


def _topic() -> dict[str, Any]:
    """The topic. CloudWatch can use no key of AWS's own for it, hence the stage's."""
    topic = {"Ref": "Alarms"}
    statements: Sequence[Mapping[str, Any]] = [
        {
            "Sid": "AlarmsOfThisAccount",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic,
            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        },
        {
            "Sid": "EncryptedConnectionsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": topic,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    return {
        "Alarms": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"KmsMasterKeyId": {"Ref": "Key"}},
        },
        "AlarmsPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [topic], "PolicyDocument": document},
        },
        "AlarmMail": {
            "Type": "AWS::SNS::Subscription",
            "Condition": "HasAlarmEmail",
            "Properties": {
                "TopicArn": topic,
                "Protocol": "email",
                "Endpoint": {"Ref": "AlarmEmail"},
            },
        },
    }
