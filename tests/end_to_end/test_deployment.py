"""A stage: its schedule, its public address, changed while it works, destroyed, taken up again."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.builders import node, payload
from tests.end_to_end.emulator import Emulator
from tests.end_to_end.people import asking, invitation, register
from tests.end_to_end.stage import Stage
from tests.local.client import Client

pytestmark = [pytest.mark.stack, pytest.mark.emulated]
SUM = payload([node("n", "core:MathOperation", inputs={"a": 1, "b": 2})])
# The schedule's minute, and what comes after it.
SWEPT_SECONDS = 90


@pytest.fixture
def client(dev: Stage) -> Iterator[Client]:
    with dev.edge() as edge, Client(edge.url) as connected:
        yield connected


@pytest.mark.timeout(SWEPT_SECONDS + 60)
def test_the_schedule_sends_what_the_api_accepted_and_never_sent(
    dev: Stage, emulator: Emulator, client: Client
) -> None:
    worker = dev.physical("RunExecution")
    queue = emulator.sqs().get_queue_url(QueueName=f"{dev.stack}-runs")["QueueUrl"]
    emulator.functions().put_function_concurrency(
        FunctionName=worker, ReservedConcurrentExecutions=0
    )
    prompt_id = client.submit(SUM)
    emulator.dynamodb().update_item(
        TableName=f"{dev.stack}-executions",
        Key={"pk": {"S": f"run#{prompt_id}"}, "sk": {"S": "header"}},
        UpdateExpression="SET dispatched = :no",
        ExpressionAttributeValues={":no": {"BOOL": False}},
    )
    emulator.sqs().purge_queue(QueueUrl=queue)
    emulator.functions().put_function_concurrency(
        FunctionName=worker, ReservedConcurrentExecutions=10
    )
    frames = client.follow(prompt_id, timeout=SWEPT_SECONDS)
    assert frames[-1]["payload"]["status"] == "complete"


@pytest.mark.timeout(240)
def test_runs_in_flight_during_an_update_of_the_stack_all_end(dev: Stage) -> None:
    with dev.edge() as edge:
        with httpx.Client(base_url=edge.url, timeout=60) as script:
            prompt_ids = [submit(script) for _ in range(6)]
            with ThreadPoolExecutor(1) as updating:
                dev.change("TAVERN_LOG", "debug")
                update = updating.submit(dev.deploy)
                while not update.done() and len(prompt_ids) < 30:
                    prompt_ids.append(submit(script))
                update.result()
            prompt_ids.append(submit(script))
        with Client(edge.url, query="?frames=batch") as client:
            for prompt_id in prompt_ids:
                frames = client.follow(prompt_id, timeout=60)
                assert frames[-1]["payload"]["status"] == "complete"
                assert [frame["sequence"] for frame in frames] == list(range(1, len(frames) + 1))


def submit(script: httpx.Client) -> str:
    """Submit a run of two seconds, as a careful script does: with a key, so that it may repeat.

    The emulator kills the functions that it updates, with what they are at; AWS lets
    them finish.
    """
    body = payload([node("w", "slow:Wait", inputs={"seconds": 2, "value": 1})])
    key = {"Idempotency-Key": uuid.uuid4().hex}
    for _ in range(10):
        answer = script.post("/api/prompt", json=body, headers=key)
        if answer.status_code == 200:
            return str(answer.json()["promptId"])
        assert answer.status_code >= 500
    raise AssertionError(f"Ten times: {answer.text}")


def test_a_deployment_of_the_same_changes_nothing(dev: Stage) -> None:
    before = dev.outputs
    dev.deploy()
    assert dev.outputs == before


def test_the_api_has_no_way_in_that_is_not_throttled(dev: Stage) -> None:
    """SAM would add a stage of its own to the REST API."""
    resources = dev.processed()["Resources"].values()
    kinds = [resource["Type"] for resource in resources]
    deployments = [item for item in resources if item["Type"] == "AWS::ApiGateway::Deployment"]
    assert kinds.count("AWS::ApiGateway::Stage") == len(deployments) == 1
    assert "StageName" not in deployments[0]["Properties"]


def test_a_deployment_that_fails_says_why_and_leaves_the_stage_as_it_was(
    dev: Stage, client: Client
) -> None:
    dev.add("Nonsense", {"Type": "AWS::Nonsense::Thing", "Properties": {}})
    with pytest.raises(AssertionError, match=r"Cannot deploy: .*Nonsense"):
        dev.deploy()
    dev.mend()
    assert client.follow(client.submit(SUM))[-1]["payload"]["status"] == "complete"


def test_an_operators_command_reaches_the_stage(dev: Stage, client: Client) -> None:
    prompt_id = client.submit(payload([node("w", "slow:Wait", inputs={"seconds": 600})]))
    client.hear_until(lambda frame: frame["type"] == "NODE_EXECUTING")
    assert prompt_id in dev.admin("runs")
    dev.admin("end", prompt_id, "--reason", "Maintenance")
    last = client.follow(prompt_id, timeout=60)[-1]["payload"]
    assert last["status"] in ("error", "interrupted")
    assert prompt_id not in dev.admin("runs")


def test_the_public_address_serves_pages_of_the_web_client(dev: Stage, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>Tavern</title>")
    (tmp_path / "assets" / "app-1a2b3c4d.js").write_text("start()")
    dev.deploy("--web", str(tmp_path))
    with dev.edge() as edge, httpx.Client(base_url=edge.url) as browser:
        assert browser.get("/projects/42/edit").text == "<title>Tavern</title>"
        script = browser.get("/assets/app-1a2b3c4d.js")
        assert (script.text, script.headers["content-type"]) == ("start()", "text/javascript")
        assert "immutable" in script.headers["cache-control"]


def test_pages_of_the_public_address_may_write_and_those_of_others_may_not(client: Client) -> None:
    own = str(client.http.base_url).rstrip("/")
    answers = [
        client.http.post("/api/projects", json={"name": name}, headers={"Origin": origin})
        for name, origin in [("Ours", own), ("Theirs", "https://elsewhere.example")]
    ]
    assert [answer.status_code for answer in answers] == [201, 403]


@pytest.mark.timeout(240)
def test_a_production_stage_that_was_destroyed_finds_its_data_when_it_is_deployed_again(
    prod: Stage, client: Client
) -> None:
    with prod.edge() as edge:
        token = register(edge.url, "Cleo", invitation(prod, "--admin"))
        with asking(edge.url, token) as script:
            made = script.post("/api/projects", json={"name": "Kept"})
        assert made.status_code == 201
    assert "comfytavern-prod-library" in prod.destroy()
    names = [project["name"] for project in client.http.get("/api/projects").json()]
    assert "Kept" not in names  # the stage beside it has data of its own, and still works
    prod.deploy()
    with prod.edge() as edge, asking(edge.url, token) as script:
        found = script.get("/api/projects").json()
        assert [project["name"] for project in found] == ["Kept"]


@pytest.mark.timeout(180)
def test_what_a_failed_update_left_behind_is_taken_up_by_the_next(
    prod: Stage, emulator: Emulator
) -> None:
    """A table that must be kept outlives the roll-back of the update that made it."""
    properties = {
        "TableName": f"{prod.stack}-notes",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    }
    emulator.dynamodb().create_table(**properties)  # type: ignore[arg-type]  # the same words
    note = {"pk": {"S": "kept"}}
    emulator.dynamodb().put_item(TableName=f"{prod.stack}-notes", Item=note)
    table = {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain", "Properties": properties}
    prod.add("Notes", table)
    prod.deploy()
    assert prod.physical("Notes") == f"{prod.stack}-notes"
    found = emulator.dynamodb().get_item(TableName=f"{prod.stack}-notes", Key=note)
    assert found["Item"] == note


@pytest.mark.timeout(180)
def test_a_development_stage_that_is_destroyed_leaves_nothing(
    dev: Stage, emulator: Emulator
) -> None:
    """It stands last in this file, and is deployed again for whoever comes after."""
    with dev.edge() as edge, httpx.Client(base_url=edge.url, timeout=30) as browser:
        browser.post("/api/projects", json={"name": "Doomed"})
    assert dev.destroy().strip() == "The stage dev is gone."
    tables = emulator.dynamodb().list_tables()["TableNames"]
    assert not [name for name in tables if name.startswith(f"{dev.stack}-")]
    dev.deploy()
    with dev.edge() as edge, httpx.Client(base_url=edge.url, timeout=30) as browser:
        assert browser.get("/api/projects").json() == []
