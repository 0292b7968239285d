"""What watches over a stage: alarms, their topic, the dashboard."""

import json
import re
from typing import Any

import pytest

from infra.template.alarms import kebab
from tests.deployed.conftest import Built

ALARMS = {
    *("OldestMessage", "OldestImport", "DeadLettersWaiting", "RunsGivenUp", "ImportErrors"),
    *("WorkerErrors", "WorkerThrottles", "HandlerErrors", "ServerErrors", "SweepStopped"),
    *("FramesFailed", "AppendConflicts"),
}
# The metrics of the code, by the dimensions that they have.
OWN = {
    *("RunsStarted", "RunsEnded", "QueueWait", "NodeSeconds", "Appends", "EventsPerAppend"),
    *("AppendConflicts", "FramesSent", "FramesFailed", "DeadLetters", "RunsRequeued"),
}


def alarms(built: Built) -> dict[str, dict[str, Any]]:
    """The alarms' properties, by logical id."""
    found = built.resources("AWS::CloudWatch::Alarm")
    return {name: alarm["Properties"] for name, alarm in found.items()}


def metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics that an alarm looks at."""
    return [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]


def widgets(built: Built) -> list[dict[str, Any]]:
    """The dashboard's charts, as CloudFormation renders them but for the resources' names."""
    body: str = built.properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


def test_all_that_an_operator_must_know_has_an_alarm(built: Built) -> None:
    assert set(alarms(built)) == ALARMS


def test_an_alarm_is_named_after_its_stage_and_says_where_help_is(built: Built) -> None:
    for name, alarm in alarms(built).items():
        assert alarm["AlarmName"] == f"comfytavern-{built.stage}-{kebab(name)}"
        assert alarm["AlarmDescription"].endswith(f"docs/operations.md#alarm-{kebab(name)}")


def test_alarms_tell_the_topic_when_they_begin_and_end(built: Built) -> None:
    for alarm in alarms(built).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Alarms"}]


def test_missing_data_is_bad_only_where_something_has_to_happen(built: Built) -> None:
    treated = {name: alarm["TreatMissingData"] for name, alarm in alarms(built).items()}
    assert {name for name, how in treated.items() if how != "notBreaching"} == {"SweepStopped"}
    assert treated["SweepStopped"] == "breaching"


def test_an_alarms_expression_uses_each_of_its_metrics_and_no_other(built: Built) -> None:
    for name, alarm in alarms(built).items():
        (shown,) = (query for query in alarm["Metrics"] if query["ReturnData"])
        others = [query for query in alarm["Metrics"] if query is not shown]
        used = set(re.findall(r"\b[a-z]\w*", shown.get("Expression", "")))
        assert used == {query["Id"] for query in others}, name


def test_alarms_look_at_this_stages_metrics_alone(built: Built) -> None:
    for alarm in alarms(built).values():
        for metric in metrics(alarm):
            values = [dimension["Value"] for dimension in metric["Dimensions"]]
            of_the_code = metric["Namespace"] == "ComfyTavern"
            assert (values == [built.stage]) is of_the_code
            assert not of_the_code or metric["MetricName"] in OWN


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarms_periods_fit_a_day(dev: Built, name: str) -> None:
    """CloudWatch looks back at most a day; metrics of queues come every minute."""
    alarm = alarms(dev)[name]
    (period,) = {q["MetricStat"]["Period"] for q in alarm["Metrics"] if "MetricStat" in q}
    assert period % 60 == 0
    assert period * alarm["EvaluationPeriods"] <= 86_400


def test_a_mail_is_sent_only_to_an_address_that_was_given(built: Built) -> None:
    (mail,) = built.resources("AWS::SNS::Subscription").values()
    given = built.template["Conditions"][mail["Condition"]]
    assert given == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]}
    assert built.template["Parameters"]["AlarmEmail"]["Default"] == ""
    assert mail["Properties"]["Endpoint"] == {"Ref": "AlarmEmail"}


def test_the_dashboard_shows_every_metric_of_the_code(built: Built) -> None:
    shown = {
        (series[1], series[3])
        for widget in widgets(built)
        for series in widget["properties"]["metrics"]
        if series[0] == "ComfyTavern"
    }
    assert shown == {(name, built.stage) for name in OWN}


def test_the_dashboard_shows_every_function_queue_and_table(built: Built) -> None:
    kinds = ("AWS::Serverless::Function", "AWS::SQS::Queue", "AWS::DynamoDB::Table")
    expected = {name for kind in kinds for name in built.resources(kind)}
    named = set(re.findall(r"\$\{(\w+)", str(widgets(built))))
    assert named == expected | {"WebsocketAPI", "AWS"}


def test_the_dashboards_charts_do_not_overlap(built: Built) -> None:
    places = [(widget["x"], widget["y"]) for widget in widgets(built)]
    assert len(set(places)) == len(places)
    assert all(widget["x"] + widget["width"] <= 24 for widget in widgets(built))
