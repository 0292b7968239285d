"""What would deploy: the functions, what calls them, what they may touch, and their code."""

import re
from pathlib import Path
from typing import Any

import pytest

import app
from chalicelib import container
from chalicelib.api.http import METHODS
from chalicelib.settings import Settings
from infra.package import main
from infra.resources import names
from tests.deployed.conftest import Built

HANDLERS = {
    "APIHandler": "app.app",
    "WebsocketConnect": "app.ws_connect",
    "WebsocketMessage": "app.ws_message",
    "WebsocketDisconnect": "app.ws_disconnect",
    "RunExecution": "app.run_execution",
    "DeadLetter": "app.dead_letter",
    "ImportLibrary": "app.import_library",
    "DeadImport": "app.dead_import",
    "Sweep": "app.sweep",
    "Admin": "app.operate",
}
QUEUES = {
    "RunExecution": "Runs",
    "DeadLetter": "RunsDead",
    "ImportLibrary": "Imports",
    "DeadImport": "ImportsDead",
}
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_TEMPLATE = 1024**2


def event(function: dict[str, Any]) -> dict[str, Any]:
    """A function's one event source."""
    (found,) = function["Events"].values()
    properties: dict[str, Any] = found["Properties"]
    return {"Type": found["Type"], **properties}


def referenced(value: dict[str, Any]) -> set[str]:
    """The resources of the template that a ``Fn::GetAtt`` or ``Fn::Sub`` refers to."""
    if "Fn::GetAtt" in value:
        return {value["Fn::GetAtt"][0]}
    return set(re.findall(r"\$\{(\w+)(?:\.\w+)?\}", value["Fn::Sub"]))


def test_every_entry_point_is_a_function(built: Built) -> None:
    assert {name: item["Handler"] for name, item in built.functions().items()} == HANDLERS


def test_the_sweeper_runs_every_minute(built: Built) -> None:
    found = event(built.functions()["Sweep"])
    assert found == {"Type": "Schedule", "Schedule": "rate(1 minute)"}


@pytest.mark.parametrize(("function", "queue"), QUEUES.items())
def test_a_queue_calls_its_function_with_one_message(
    built: Built, function: str, queue: str
) -> None:
    found = event(built.functions()[function])
    name = built.properties(queue)["QueueName"]
    assert (found["Type"], found["BatchSize"]) == ("SQS", 1)
    assert found["Queue"]["Fn::Sub"].endswith(f":{name}")
    assert built.template["Resources"][function]["DependsOn"] == [queue]


def test_no_more_messages_are_taken_than_functions_may_run(built: Built) -> None:
    function = built.functions()["RunExecution"]
    limit = function["ReservedConcurrentExecutions"]
    assert event(function)["ScalingConfig"] == {"MaximumConcurrency": limit}
    assert {
        item["Environment"]["Variables"]["TAVERN_WORKERS"] for item in built.functions().values()
    } == {str(limit)}


def test_no_more_imports_are_taken_than_functions_may_run(built: Built) -> None:
    function = built.functions()["ImportLibrary"]
    limit = function["ReservedConcurrentExecutions"]
    assert event(function)["ScalingConfig"] == {"MaximumConcurrency": limit}


@pytest.mark.parametrize(("function", "queue"), QUEUES.items())
def test_a_message_stays_hidden_for_six_times_its_functions_time_out(
    dev: Built, function: str, queue: str
) -> None:
    """What AWS asks for: a throttled function gets its message later than the first try."""
    hidden = dev.properties(queue)["VisibilityTimeout"]
    assert hidden >= 6 * dev.functions()[function]["Timeout"]


@pytest.mark.parametrize("queue", ["Runs", "Imports"])
def test_a_message_is_dead_after_as_many_tries_as_the_product_says(dev: Built, queue: str) -> None:
    redrive = dev.properties(queue)["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == container.MAX_RECEIVES
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": [f"{queue}Dead", "Arn"]}


def test_what_answers_a_client_ends_before_the_gateway_gives_up(dev: Built) -> None:
    callers = ("APIHandler", "WebsocketConnect", "WebsocketMessage", "WebsocketDisconnect")
    assert {dev.functions()[name]["Timeout"] for name in callers} == {29}


def test_every_function_has_a_role_of_its_own(built: Built) -> None:
    roles = {str(function["Role"]) for function in built.functions().values()}
    assert len(roles) == len(built.resources("AWS::IAM::Role")) == len(HANDLERS)


def test_a_role_is_taken_by_lambda_alone_and_allows_what_its_one_policy_says(built: Built) -> None:
    for role in built.resources("AWS::IAM::Role").values():
        assert set(role["Properties"]) == {"AssumeRolePolicyDocument", "Policies"}
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert len(role["Properties"]["Policies"]) == 1


@pytest.mark.parametrize("function", HANDLERS)
def test_every_statement_names_its_actions_and_the_stacks_own_resources(
    dev: Built, function: str
) -> None:
    for statement in dev.policy(function):
        assert set(statement) - {"Condition"} == {"Sid", "Effect", "Action", "Resource"}
        assert not any("*" in action for action in statement["Action"])
        (named,) = referenced(statement["Resource"])
        assert named in dev.template["Resources"]


@pytest.mark.parametrize("function", HANDLERS)
def test_every_function_writes_a_log_that_does_not_grow_for_ever(dev: Built, function: str) -> None:
    group = dev.functions()[function]["LoggingConfig"]["LogGroup"]["Ref"]
    assert dev.properties(group)["RetentionInDays"] <= 90


def test_the_functions_settings_name_the_stacks_resources(built: Built) -> None:
    stack = names(built.stage, account="1", region="eu-west-1")
    for function in built.functions().values():
        variables = dict(function["Environment"]["Variables"])
        assert variables.pop("TAVERN_BUCKET") == {"Ref": "Documents"}
        settings = Settings.read(variables)
        assert settings.backend == "aws"
        assert settings.resource("library") == stack.library
        assert settings.resource("executions") == stack.executions
        assert settings.resource("runs") == stack.runs
        assert settings.resource("runs-dead") == stack.runs_dead
        assert settings.resource("imports") == stack.imports
        assert settings.resource("imports-dead") == stack.imports_dead


def test_two_stages_share_no_names(both: dict[str, Built]) -> None:
    assert "-prod" not in str(both["dev"].template)
    assert "-dev" not in str(both["prod"].template)


def test_every_path_answers_every_method(built: Built) -> None:
    """API Gateway would answer a preflight, or a method that is not there, in its own way."""
    paths = built.properties("RestAPI")["DefinitionBody"]["paths"]
    assert set(paths) == set(app.app.routes)
    every = {method.lower() for method in (*METHODS, "OPTIONS")}
    assert {path: set(methods) for path, methods in paths.items()} == dict.fromkeys(paths, every)


def test_the_gateway_hands_bodies_on_as_they_are(built: Built) -> None:
    body = built.properties("RestAPI")["DefinitionBody"]
    assert body["x-amazon-apigateway-binary-media-types"] == ["*/*"]


def test_a_stage_takes_no_more_than_its_share_of_the_account(built: Built) -> None:
    limits = {"ThrottlingRateLimit": 200, "ThrottlingBurstLimit": 400}
    (requests,) = built.properties("RestAPI")["MethodSettings"]
    assert requests == {"ResourcePath": "/*", "HttpMethod": "*", **limits}
    assert built.properties("WebsocketAPIStage")["DefaultRouteSettings"] == limits


def test_sam_adds_no_second_stage_beside_it(built: Built) -> None:
    """The emulator shows what SAM makes of it: tests/end_to_end/test_deployment.py."""
    assert built.properties("RestAPI")["OpenApiVersion"] == "2.0"


def test_cloudformation_takes_the_template(built: Built) -> None:
    assert (built.folder / "sam.json").stat().st_size < MAX_TEMPLATE


def test_a_stage_that_is_not_configured_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), "nowhere"]) == 1
    assert (
        "No stage 'nowhere': .chalice/config.json has local, dev, prod" in capsys.readouterr().err
    )


@pytest.mark.parametrize("stage", ["local", "artifacts"])
def test_a_stage_that_is_not_for_aws_is_refused(
    stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), stage]) == 1
    assert "Cannot package" in capsys.readouterr().err
