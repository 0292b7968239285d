"""The operator's command line: what is typed, asked, printed and returned."""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from chalicelib.admin import COMMANDS
from chalicelib.services.operations.commands import Command
from infra import admin
from infra.deployed_admin import CannotAsk, DeployedAdmin
from infra.stacks import Stacks
from infra.template import merge_template

RUNS = next(command for command in COMMANDS if command.name == "runs")
REPAIR = next(command for command in COMMANDS if command.name == "repair")
STACK = {
    "StackName": "comfytavern-prod",
    "CreationTime": "2025-01-01T00:00:00Z",
    "StackStatus": "UPDATE_COMPLETE",
}
ADMIN_OUTPUT = {"OutputKey": "AdminFunction", "OutputValue": "comfytavern-prod-Admin-1A"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An operator with a region and keys, and without data on this machine."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("TAVERN_DATA_DIR", str(tmp_path / "data"))


class Script:
    """A place that answers as it was told, and keeps the questions."""

    def __init__(self, *answers: Mapping[str, Any] | CannotAsk) -> None:
        self._answers = iter(answers)
        self.questions: list[Mapping[str, Any]] = []

    def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        self.questions.append(question)
        answer = next(self._answers)
        if isinstance(answer, CannotAsk):
            raise answer
        return answer


def exit_code(arguments: Sequence[str]) -> int:
    """What the shell gets."""
    try:
        return admin.main(arguments)
    except SystemExit as left:
        return int(left.code or 0)


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"]])
def test_whoever_asks_for_help_is_told_every_command(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert exit_code(arguments) == 0
    told = capsys.readouterr().out
    assert all(re.search(rf"^ +{command.name}( |$)", told, re.MULTILINE) for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_about_a_command_tells_its_arguments(
    capsys: pytest.CaptureFixture[str], command: Command
) -> None:
    assert exit_code(["help", command.name]) == 0
    told = capsys.readouterr().out
    assert all(argument.help.split()[0] in told for argument in command.arguments)
    assert all(argument.name in told for argument in command.arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["drop"],
        ["help", "drop"],
        ["runs", "ada"],
        ["runs", "--usr", "ada"],
        ["runs", "--use", "ada"],
        ["runs", "--limit", "many"],
        ["runs", "--limit", "0"],
        ["runs", "--status", "complete"],
        ["runs", "--user", ""],
        ["end"],
        ["end", "id", "--as", "complete"],
    ],
)
def test_wrong_arguments_are_refused_before_anybody_is_asked(arguments: list[str]) -> None:
    assert exit_code(arguments) == 2


def test_a_wrong_argument_is_told_with_what_is_expected(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exit_code(["end", "id", "--as", "complete"])
    assert "argument --as: one of error, interrupted is expected" in capsys.readouterr().err


def test_a_directory_without_data_is_named_and_left_as_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert exit_code(["stats"]) == 1
    assert f"there is no {tmp_path / 'data' / 'tavern.db'}" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_the_memory_of_another_process_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKEND", "moto")
    with pytest.raises(CannotAsk, match="BACKEND=moto"):
        admin.ThisMachine().ask({"command": "stats"})


def test_rows_are_printed_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"user": "ada", "age": 5, "x": None}, {"user": "bo\x1b[2Jb", "age": 12345}]
    place = Script({"rows": rows, "note": "That is all"})
    assert admin.run(place, RUNS, {"limit": 9}, as_json=False) == 0
    assert place.questions == [{"command": "runs", "arguments": {"limit": 9}}]
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "user            age  x",
        "ada               5  -",
        r"'bo\x1b[2Jb'  12345  -",
    ]
    assert printed.err == "That is all\n"


def test_no_rows_are_printed_as_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert admin.run(Script({"rows": []}), RUNS, {}, as_json=False) == 0
    assert capsys.readouterr().out == "(none)\n"


def test_rows_are_printed_as_json_for_other_programs(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"user": "ådå", "age": 5}]
    assert admin.run(Script({"rows": rows, "note": "Aside"}), RUNS, {}, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == rows


@pytest.mark.parametrize(("kind", "code"), [("InvalidInput", 2), ("NotFound", 1), ("Conflict", 1)])
def test_a_refusal_is_told_and_fails(
    capsys: pytest.CaptureFixture[str], kind: str, code: int
) -> None:
    error = {"kind": kind, "message": "No such run", "details": {}}
    assert admin.run(Script({"error": error}), RUNS, {}, as_json=False) == code
    assert capsys.readouterr() == ("", "No such run\n")


def test_what_was_done_in_part_fails(capsys: pytest.CaptureFixture[str]) -> None:
    place = Script({"rows": [{"user": "ada", "problem": "busy"}], "failed": True})
    assert admin.run(place, REPAIR, {}, as_json=False) == 1
    assert "busy" in capsys.readouterr().out


def test_a_command_is_asked_again_until_it_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    place = Script(
        {"rows": [{"user": "ada"}], "following": {"after": "ada"}, "failed": True},
        {"rows": [{"user": "bob"}], "following": {"after": "bob"}},
        {"rows": [{"user": "cy"}]},
    )
    assert admin.run(place, REPAIR, {}, as_json=False) == 1  # the first part had failed
    asked = [question["arguments"] for question in place.questions]
    assert asked == [{}, {"after": "ada"}, {"after": "bob"}]
    printed = capsys.readouterr()
    assert printed.out.split() == ["user", "ada", "bob", "cy"]
    assert printed.err.splitlines() == ["repair: 1 so far", "repair: 2 so far"]


def test_whoever_is_cut_off_is_told_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    cut = CannotAsk("the function timed out")
    place = Script({"rows": [{"user": "a b"}], "following": {"after": "a b"}}, cut)
    assert admin.run(place, REPAIR, {}, as_json=False) == 1
    printed = capsys.readouterr()
    assert "a b" in printed.out
    assert printed.err.splitlines()[-2:] == [
        "Cannot ask: the function timed out",
        "What is done stands. To go on: repair '--after=a b'",
    ]


class Cloud:
    """An account with a stack and a function, as botocore's stubs give it."""

    def __init__(self) -> None:
        cloudformation = boto3.client("cloudformation")
        functions = boto3.client("lambda")
        self._stacks = Stubber(cloudformation)
        self._functions = Stubber(functions)
        self.admin = DeployedAdmin("prod", Stacks(cloudformation), functions)
        self._stacks.activate()
        self._functions.activate()

    def has_stack(self, **more: object) -> None:
        """The next look finds the stack."""
        expected = {"StackName": "comfytavern-prod"}
        self._stacks.add_response("describe_stacks", {"Stacks": [{**STACK, **more}]}, expected)

    def has_no_stack(self) -> None:
        """The next look finds none."""
        message = "Stack with id comfytavern-prod does not exist"
        self._stacks.add_client_error("describe_stacks", "ValidationError", message)

    def answers(self, question: object, answer: object, **more: object) -> None:
        """The next invocation is with this question, and gets this answer."""
        body = json.dumps(answer).encode()
        payload = StreamingBody(io.BytesIO(body), len(body))
        self._functions.add_response(
            "invoke",
            {"StatusCode": 200, "Payload": payload, **more},
            {
                "FunctionName": ADMIN_OUTPUT["OutputValue"],
                "Payload": json.dumps(question).encode(),
            },
        )

    def refuses(self) -> None:
        """The next invocation is not allowed."""
        message = "not authorized to perform: lambda:InvokeFunction"
        self._functions.add_client_error("invoke", "AccessDeniedException", message)

    def was_used_up(self) -> None:
        """Everything that was told has happened."""
        self._stacks.assert_no_pending_responses()
        self._functions.assert_no_pending_responses()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    made = Cloud()
    yield made
    made.was_used_up()


def test_a_stages_function_is_found_once_and_asked(cloud: Cloud) -> None:
    cloud.has_stack(Outputs=[{"OutputKey": "PublicUrl", "OutputValue": "x"}, ADMIN_OUTPUT])
    question = {"command": "stats", "arguments": {}}
    for number in (1, 2):
        cloud.answers(question, {"rows": [{"queued": number}]})
        assert cloud.admin.ask(question) == {"rows": [{"queued": number}]}


def test_a_stage_that_is_not_there_is_named(cloud: Cloud) -> None:
    cloud.has_no_stack()
    with pytest.raises(CannotAsk, match="there is no stack comfytavern-prod"):
        cloud.admin.ask({"command": "stats"})


def test_a_stage_without_the_function_is_to_be_deployed_anew(cloud: Cloud) -> None:
    cloud.has_stack(Outputs=[])
    with pytest.raises(CannotAsk, match="no output AdminFunction"):
        cloud.admin.ask({"command": "stats"})


def test_who_may_not_invoke_it_is_told_so(cloud: Cloud) -> None:
    cloud.has_stack(Outputs=[ADMIN_OUTPUT])
    cloud.refuses()
    with pytest.raises(CannotAsk, match="not authorized"):
        cloud.admin.ask({"command": "stats"})


def test_a_function_that_fails_says_why(cloud: Cloud) -> None:
    cloud.has_stack(Outputs=[ADMIN_OUTPUT])
    failure = {"errorMessage": "Task timed out after 900.00 seconds"}
    cloud.answers({"command": "repair"}, failure, FunctionError="Unhandled")
    with pytest.raises(CannotAsk, match=r"timed out after 900\.00 seconds"):
        cloud.admin.ask({"command": "repair"})


def test_without_a_region_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert exit_code(["--stage", "prod", "stats"]) == 1
    assert "which region?" in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_every_stage_names_its_function(stage: str) -> None:
    outputs = merge_template(stage, [])["Outputs"]
    assert outputs[ADMIN_OUTPUT["OutputKey"]] == {"Value": {"Ref": "Admin"}}


def test_a_key_file_that_cannot_be_used_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    keys = tmp_path / "data" / "keys"
    keys.mkdir(parents=True)
    (tmp_path / "data" / "tavern.db").touch()
    (keys / "master.json").write_text("{")
    (keys / "master.json").chmod(0o600)
    assert admin.main(["rotate-keys"]) == 1
    assert "master.json is damaged" in capsys.readouterr().err
