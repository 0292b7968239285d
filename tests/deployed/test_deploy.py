"""What ``make deploy`` and ``make destroy`` say when they cannot; the emulator shows the rest."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import boto3
import pytest
from botocore.stub import ANY, Stubber

from infra.deploy import main
from infra.stacks import CannotDeploy, Stacks, check_parameters

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

NAME = "comfytavern-test"
TEMPLATE: dict[str, dict[str, object]] = {"Parameters": {"AlarmEmail": {}}, "Resources": {}}


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@pytest.fixture
def client() -> Iterator[Stubber]:
    session = boto3.Session("key", "secret", region_name="eu-west-1")
    made = session.client("cloudformation")
    with Stubber(made) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def stacks(client: Stubber) -> Stacks:
    """The stacks of an account that answers as the stubber was told."""
    return Stacks(cast("CloudFormationClient", client.client), poll_seconds=0)


def stack(status: str, **more: object) -> dict[str, object]:
    """An answer to DescribeStacks."""
    found = {"StackName": NAME, "StackStatus": status, "CreationTime": 0, **more}
    return {"Stacks": [found]}


def test_a_stage_is_not_destroyed_by_a_slip(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "prod"]) == 1
    assert "make destroy STAGE=prod CONFIRM=prod" in capsys.readouterr().err


def test_without_a_region_nothing_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "dev", "--built", str(tmp_path)]) == 1
    assert "AWS_DEFAULT_REGION" in capsys.readouterr().err


def test_without_credentials_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert main(["up", "dev", "--built", str(tmp_path)]) == 1
    assert "credentials" in capsys.readouterr().err


def test_a_parameter_without_a_value_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "dev", "--built", str(tmp_path), "--parameter", "DomainName"]) == 1
    assert "Name=value" in capsys.readouterr().err


def test_a_parameter_that_the_template_does_not_have_is_refused() -> None:
    with pytest.raises(CannotDeploy, match="No parameter Email: there are AlarmEmail"):
        check_parameters(TEMPLATE, {"Email": "x"})


def test_a_folder_without_a_page_is_no_web_client(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "dev", "--built", str(tmp_path), "--web", str(tmp_path)]) == 1
    assert "no index.html" in capsys.readouterr().err


def test_a_change_that_cloudformation_refuses_is_told_and_leaves_no_change_set(
    client: Stubber,
) -> None:
    described = {"Status": "FAILED", "StatusReason": "The domain is taken", "Changes": []}
    client.add_response("describe_stacks", stack("UPDATE_COMPLETE"))
    client.add_response("create_change_set", {"Id": "arn:aws:change-set/x"})
    client.add_response("describe_change_set", described)
    client.add_response("delete_change_set", {})
    with pytest.raises(CannotDeploy, match="The domain is taken"):
        stacks(client).put(NAME, {"Resources": {}})


def test_a_change_that_changes_nothing_is_fine_and_parameters_keep_their_values(
    client: Stubber,
) -> None:
    before = stack(
        "UPDATE_COMPLETE",
        Parameters=[
            {"ParameterKey": "AlarmEmail", "ParameterValue": "a@b.example"},
            {"ParameterKey": "Gone", "ParameterValue": "old"},
        ],
        Outputs=[{"OutputKey": "PublicUrl", "OutputValue": "https://a.example"}],
    )
    described = {"Status": "FAILED", "StatusReason": "didn't contain changes", "Changes": []}
    client.add_response("describe_stacks", before)
    asked = {
        "StackName": NAME,
        "ChangeSetName": ANY,
        "ChangeSetType": "UPDATE",
        "Capabilities": ANY,
        "Parameters": [{"ParameterKey": "AlarmEmail", "UsePreviousValue": True}],
        "TemplateBody": json.dumps(TEMPLATE),
    }
    client.add_response("create_change_set", {"Id": "arn:aws:change-set/x"}, asked)
    client.add_response("describe_change_set", described)
    client.add_response("delete_change_set", {})
    client.add_response("describe_stacks", before)
    assert stacks(client).put(NAME, TEMPLATE) == {"PublicUrl": "https://a.example"}
