"""A credential that careless nodes use is found nowhere outside of their worker's memory."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chalicelib import container, logs
from chalicelib.adapters.aws import clients
from infra.resources import ResourceNames
from tests.api.people import a_user
from tests.api.product import Tavern
from tests.builders import edge, node, payload

PACKS = Path(__file__).resolve().parents[1] / "packs"
SECRET = 'sk-"N3tq8Zr5Xk1/Wv7Yb4ü+Hc9Jd2Gf6\\Ms0Lp'
# So few of its characters in a row would give it away.
WINDOW = 8
# What follows is known to be there, so that a search that finds nothing has looked.
SERVICE = "mail-of-the-leak-test"
MARK = "[credential]"


@pytest.fixture
def leaky(either_tavern: Tavern, monkeypatch: pytest.MonkeyPatch) -> Tavern:
    """The product with the careless nodes."""
    monkeypatch.setenv("TAVERN_NODE_PATHS", str(PACKS))
    either_tavern.start_anew()
    return either_tavern


@contextmanager
def everything_logged() -> Iterator[None]:
    """All that the product logs goes to standard error, as where it is deployed."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    logs.configure("DEBUG")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_credential_that_nodes_spill_is_found_nowhere(
    leaky: Tavern, moto_names: ResourceNames, capsys: pytest.CaptureFixture[str]
) -> None:
    leaky.connect()
    with everything_logged():
        answers = a_full_run(leaky)
    written = capsys.readouterr()
    found = {
        "log": [written.err.encode()],
        "answers": answers,
        "frames": [text.encode() for text in leaky.messages()],
        "stored": stored_bytes(moto_names),
    }
    for place, texts in found.items():
        assert any(MARK.encode() in text for text in texts), place
        assert leaks(texts) == [], place
    assert any(SERVICE.encode() in text for text in found["stored"])
    assert any(SERVICE.encode() in text for text in found["answers"])
    assert leaks([written.out.encode()]) == []  # the lines of metrics, on AWS


def test_a_credential_of_somebody_else_is_not_there(leaky: Tavern) -> None:
    bob = a_user("bob")
    made = container.credentials().create(bob, credential_body())
    prompt_id = leaky.submit(careless_run(made["id"]))
    leaky.work()
    status = leaky.ask("GET", f"/api/prompt/{prompt_id}").json()
    assert status["nodeStatus"]["output"]["error"] == "No such credential"


def test_a_removed_credential_is_not_there(leaky: Tavern) -> None:
    made = leaky.ask("POST", "/api/users/me/credentials", json=credential_body()).json()
    prompt_id = leaky.submit(careless_run(made["id"]))
    leaky.ask("DELETE", f"/api/users/me/credentials/{made['id']}")
    leaky.work()
    status = leaky.ask("GET", f"/api/prompt/{prompt_id}").json()
    assert status["nodeStatus"]["error"]["error"] == "No such credential"


def test_the_search_finds_a_part_of_a_credential() -> None:
    assert leaks([b"nothing", f"<{SECRET[4 : 4 + WINDOW]}>".encode()]) == [SECRET[4 : 4 + WINDOW]]


TARGETS = (
    "/api/users/me/credentials",
    "/api/users/me/service-keys",
    "/api/auth/current",
    "/api/executions",
)
STATUSES = {
    "output": "complete",
    "error": "error",
    "crash": "error",
    "dribble": "complete",
    "behind": "complete",
}


def a_full_run(leaky: Tavern) -> list[bytes]:
    """Store the credential, run, look at all there is to see; what was answered."""
    kept = leaky.ask("POST", "/api/users/me/credentials", json=credential_body())
    prompt_id = leaky.submit(careless_run(kept.json()["id"]))
    leaky.work()
    status = leaky.ask("GET", f"/api/prompt/{prompt_id}")
    nodes = status.json()["nodeStatus"]
    assert {key: each["status"] for key, each in nodes.items()} == STATUSES
    leaky.say({"type": "FOLLOW_RUN", "payload": {"promptId": prompt_id, "afterSequence": 0}})
    seen = [leaky.ask("GET", target) for target in (*TARGETS, *references(nodes))]
    return [answer.body for answer in (kept, status, *seen)]


def credential_body() -> dict[str, str]:
    return {"serviceName": SERVICE, "credential": SECRET}


def careless_run(credential_id: str) -> dict[str, Any]:
    """Nodes that spill in every way, one behind them, and the run's own outputs."""
    spills = [
        node(how, "leaky:Spill", inputs={"credential": credential_id, "how": how})
        for how in ("output", "error", "crash")
    ]
    dribble = node("dribble", "leaky:Dribble", inputs={"credential": credential_id})
    body: dict[str, Any] = payload(
        [*spills, dribble, node("behind", "core:TextMerge")],
        edge("output.value", "behind.text_inputs"),
        edge("dribble.value", "behind.text_inputs"),
        interfaceOutputs={key: {"dataFlowType": "STRING"} for key in ("stream", "value")},
        outputInterfaceMappings={
            key: {"sourceNodeId": "dribble", "sourceSlotKey": key} for key in ("stream", "value")
        },
    )
    return body


def references(value: Any) -> list[str]:
    """Where the large values are that a status refers to."""
    if isinstance(value, Mapping):
        if "$ref" in value:
            return [value["$ref"]["url"]]
        value = list(value.values())
    return [url for item in value for url in references(item)] if isinstance(value, list) else []


def leaks(texts: list[bytes]) -> list[str]:
    """The parts of the credential that are in a text."""
    windows = [SECRET[start : start + WINDOW] for start in range(len(SECRET) - WINDOW + 1)]
    return [window for window in windows if any(window.encode() in text for text in texts)]


def stored_bytes(names: ResourceNames) -> list[bytes]:
    """All that is stored: the files of the data directory, or what the services hold."""
    if container.settings().backend == "embedded":
        files = (path for path in container.settings().data_dir.rglob("*") if path.is_file())
        return [file.read_bytes() for file in files]
    return [*objects(names), *items(names)]


def objects(names: ResourceNames) -> Iterator[bytes]:
    """Every version of every object."""
    for version in clients.s3().list_object_versions(Bucket=names.bucket)["Versions"]:
        key, number = version["Key"], version["VersionId"]
        yield key.encode()
        yield (
            clients.s3().get_object(Bucket=names.bucket, Key=key, VersionId=number)["Body"].read()
        )


def items(names: ResourceNames) -> Iterator[bytes]:
    """Every item of every table."""
    for table in (names.library, names.executions, names.accounts):
        for page in clients.dynamodb().get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                for attribute in item.values():
                    yield from (str(value).encode() for value in attribute.values())
