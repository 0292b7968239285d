"""docs/operations.md names what there is, with the numbers that the code has."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore import session, xform_name

from chalicelib import container, realtime, worker
from chalicelib.adapters.aws import clients
from chalicelib.api import http
from chalicelib.engine.definitions import NodeType
from chalicelib.errors import NewerFormat
from chalicelib.services import frames
from chalicelib.services.runs import dispatch, executions, journal, runner, spill
from infra.local.settings import STOP_SECONDS
from infra.resources import resources
from infra.template import alarms, functions, gateways, merge_template, storage
from infra.template.functions import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text()
FLAT = " ".join(TEXT.split())
STAGES = ("dev", "prod")
CONFIG = json.loads((ROOT / ".chalice" / "config.json").read_text())
# Whole ones, in blocks of shell; what is in $(...) counts on its own.
_BLOCKS = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL))
COMMANDS = sorted(
    set(re.findall(r"aws [a-z0-9]+ (?:wait )?[a-z-]+[^;#()\n]*", _BLOCKS.replace("\\\n", " ")))
)


def of_type(kind: str, stage: str = "prod") -> dict[str, Any]:
    merged = merge_template(stage, ["https://example.org"])["Resources"]
    return {name: item for name, item in merged.items() if item.get("Type") == kind}


def section(heading: str) -> str:
    """The text below a heading, up to the next one of its level or above."""
    level = heading.index(" ")
    after = TEXT.partition(f"\n{heading}")[2]
    return re.split(rf"\n#{{2,{level}}} ", after)[0]


@pytest.mark.parametrize("stage", STAGES)
def test_every_alarm_leads_to_a_section_that_says_what_to_do(stage: str) -> None:
    found = of_type("AWS::CloudWatch::Alarm", stage)
    assert found
    for alarm in found.values():
        anchor = alarm["Properties"]["AlarmDescription"].partition("docs/operations.md#")[2]
        assert f'<a id="{anchor}"></a>\n### ' in TEXT
        text = TEXT.partition(f'<a id="{anchor}"></a>')[2].partition("<a id=")[0]
        assert all(f"**{word}**" in text for word in ("Means", "Look")), anchor
        assert "**Do**" in text, anchor


def test_no_section_is_about_an_alarm_that_does_not_exist() -> None:
    described = set(re.findall(r'<a id="alarm-([a-z-]+)">', TEXT))
    assert described == {alarms.kebab(name) for name in of_type("AWS::CloudWatch::Alarm")}


def test_every_link_within_the_page_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", TEXT, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
    anchors |= set(re.findall(r'<a id="([^"]+)">', TEXT))
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors


def test_every_named_table_queue_and_log_group_is_a_resource_of_the_stage() -> None:
    made = resources("prod")["Resources"].values()
    names = {
        item["Properties"][key]
        for item in made
        for key in ("TableName", "QueueName")
        if key in item["Properties"]
    }
    named = set(re.findall(r"comfytavern-prod-(?!documents)[a-z-]+", TEXT))
    assert named == names
    groups = {
        item["Properties"]["LogGroupName"] for item in of_type("AWS::Logs::LogGroup").values()
    }
    assert set(re.findall(r"/comfytavern/prod/\w+", TEXT)) <= groups
    assert all(f"/{name}`" in section("## Logs") for name in FUNCTIONS)


def test_every_logical_id_in_the_commands_is_one() -> None:
    known = {*FUNCTIONS, *resources("prod")["Resources"]}
    assert set(re.findall(r"id_of (\w+)\)", TEXT)) <= known
    assert of_type("AWS::KMS::Alias")["KeyAlias"]["Properties"]["AliasName"] in TEXT


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_for_aws_has_an_operation_and_options_that_exist(command: str) -> None:
    words = [word for word in re.split(r"[\s\"]+", command) if word]
    service = {"s3api": "s3"}.get(words[1], words[1])
    options = {word.removeprefix("--") for word in words if word.startswith("--")}
    options -= {"query", "output"}
    loader = session.get_session()
    waiters = loader.get_waiter_model(service) if words[2] == "wait" else None
    if waiters is not None:
        config = next(
            waiters.get_waiter(name)
            for name in waiters.waiter_names
            if xform_name(name, "-") == words[3]
        )
        wanted = config.operation
    else:
        wanted = words[2]
    model = loader.get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names.get(wanted, wanted)).input_shape
    assert shape is not None
    known = {xform_name(name, "-") for name in shape.members}
    assert {option.removeprefix("no-") for option in options} <= known
    assert {xform_name(name, "-") for name in shape.required_members} <= options


def test_a_restored_table_gets_back_the_settings_that_the_template_gives() -> None:
    for table in of_type("AWS::DynamoDB::Table").values():
        properties = table["Properties"]
        attribute = properties["TimeToLiveSpecification"]["AttributeName"]
        assert f"Enabled=true,AttributeName={attribute}" in TEXT
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert properties["DeletionProtectionEnabled"]
    assert "PointInTimeRecoveryEnabled=true" in TEXT
    assert "--deletion-protection-enabled" in TEXT


@pytest.mark.parametrize(
    "stated",
    [
        f"{worker._HAND_OVER_SECONDS:.0f} seconds before their",
        f"{CONFIG['lambda_functions']['run_execution']['lambda_timeout'] // 60} minutes",
        f"| An API call | {CONFIG['lambda_timeout']} seconds",
        f"it has {STOP_SECONDS:.0f} seconds to hand its runs over",
        f"back for {dispatch._FIRST_DELAY_SECONDS} seconds",
        f"up to {dispatch._LONGEST_DELAY_SECONDS // 60} minutes",
        f"`Retry-After: {NewerFormat.retry_after}`",
        f"the {container.MAX_RECEIVES} deliveries",
        f"delivered {container.MAX_RECEIVES} times",
        f"its lease of {runner._LEASE_SECONDS:.0f} seconds every {runner._HEARTBEAT_SECONDS:.0f};",
        f"after {clients.POST_ATTEMPTS} tries",
        f"leaves it after {container.HOT_DAYS} days",
        f"{container.HOT_DAYS} days in the table, {storage.RUN_DAYS} days in the bucket",
        f"when {storage.OLD_VERSION_DAYS} days old and not among the newest {storage.OLD_VERSIONS}",
        f"kept for {storage.RUN_DAYS} days (dev: {functions.SHORT_LOG_DAYS})",
        f"A JSON body, a socket message | {http._MAX_JSON_BYTES // 2**20} MiB",
        f"A JSON body, a socket message | {realtime._MAX_MESSAGE_BYTES // 2**20} MiB",
        f"{frames.MAX_MESSAGE_BYTES:,} bytes",
        f"{executions.Limits(1).payload_bytes // 2**20} MiB; "
        f"over {executions._INLINE_PAYLOAD_BYTES // 2**10} KiB",
        f"A user's waiting runs | {executions.Limits(1).queued_runs:,}",
        f"An event | {spill.MAX_EVENT_BYTES // 2**10} KiB",
        f"A commit | {journal.MAX_BATCH_BYTES:,} bytes",
        f"A node | {NodeType('x', lambda _inputs, _context: None).timeout:.0f} seconds",
        f"| {gateways.REQUESTS_PER_SECOND} a second each, {gateways.REQUESTS_AT_ONCE} at once",
        f"time, {CONFIG['lambda_functions']['run_execution']['reserved_concurrency']} at first",
    ],
)
def test_a_number_is_the_codes(stated: str) -> None:
    assert stated in FLAT


def test_what_a_queue_keeps_is_the_templates() -> None:
    queues = of_type("AWS::SQS::Queue")
    runs, dead = (queues[name]["Properties"] for name in ("Runs", "RunsDead"))
    assert runs["RedrivePolicy"]["maxReceiveCount"] == container.MAX_RECEIVES
    assert f"again every {dead['VisibilityTimeout'] // 60} minutes" in FLAT
    assert f"kept for {dead['MessageRetentionPeriod'] // 86_400} days" in FLAT
    assert f"they wait: up to {runs['MessageRetentionPeriod'] // 86_400} days" in FLAT


def test_what_a_destroyed_stage_keeps_is_the_templates() -> None:
    text = " ".join(section("## Taking a stage away").split())
    made = resources("prod")["Resources"]
    kept = {
        name
        for name, item in merge_template("prod", ["https://example.org"])["Resources"].items()
        if item.get("DeletionPolicy") == "Retain"
    }
    tables = {name for name, item in made.items() if item["Type"] == "AWS::DynamoDB::Table"}
    assert kept == {"Documents", "Key", "KeyAlias", *tables}
    assert "the bucket, the three tables and the key with its alias stay" in text
    assert len(tables) == 3
    assert {"dev"} == storage.DISPOSABLE
    assert f"deleted {made['Key']['Properties']['PendingWindowInDays']} days later" in text
