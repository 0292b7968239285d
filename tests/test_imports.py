"""What the functions import, in processes of their own: the time of a cold start is in it.

Time itself is measured by ``python -m benchmarks --only coldstart``. It is not
compared here: it differs between machines, a set of modules does not.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"app", "chalice", "chalicelib"}
SDK = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}
PYDANTIC = {
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing_inspection",
}
# botocore takes these where they are installed; in the zip they are not.
OPTIONAL = {"certifi"}
# The slowest of the standard library and of our own. What one function needs of
# them no other has to load.
SLOW = {"asyncio", "chalicelib.engine.run", "chalicelib.pictures", "sqlite3", "ssl"}

IMPORTED = """
import json, sys
outside = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(json.dumps([[name for name in outside if not name.startswith("_")], list(sys.modules)]))
"""
CLIENTS = """
from chalicelib.adapters.aws import clients
clients.s3(), clients.dynamodb(), clients.sqs(), clients.connections("https://sockets.example")
"""
SUBMIT = """
import json
body = {"nodes": [{"id": "sum", "fullType": "core:MathOperation", "inputs": {"a": 1, "b": 2}}]}
path = "/api/prompt"
answer = app.app({
    "requestContext": {"httpMethod": "POST", "resourcePath": path, "path": path, "identity": {}},
    "headers": {"Content-Type": "application/json"},
    "body": json.dumps({**body, "edges": []}),
    "isBase64Encoded": False,
    "pathParameters": None,
    "multiValueQueryStringParameters": None,
    "stageVariables": None,
}, None)
assert answer["statusCode"] == 200, answer
"""
WORK = """
from chalicelib import container, worker
from chalicelib.services.runs.dispatch import prompt_id_of
body = container.queue().receive().body
worker.run_execution({"Records": [{"body": body}]}, lambda: 900_000)
assert container.run_log().header(prompt_id_of(body)).status == "complete"
"""
SEAL = """
from chalicelib import container
container.vault().new_key({"uid": "ada"})
"""
AWS_WORKER = f"""
from chalicelib import container
{CLIENTS}
container.runner()
"""


def imported(program: str, **environment: str) -> tuple[set[str], set[str]]:
    """The packages from outside, and all modules, after ``import app`` and a program."""
    done = subprocess.run(
        [sys.executable, "-c", f"import app\n{program}\n{IMPORTED}"],
        cwd=ROOT,
        env={**os.environ, "AWS_DEFAULT_REGION": "eu-west-1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    packages, modules = json.loads(done.stdout.splitlines()[-1])
    return set(packages) - OPTIONAL, set(modules)


@pytest.fixture
def data(tmp_path: Path) -> dict[str, str]:
    """Settings of the embedded family on a folder of its own."""
    return {"BACKEND": "embedded", "TAVERN_DATA_DIR": str(tmp_path), "TAVERN_LOG": "warning"}


@pytest.mark.parametrize("backend", ["aws", "embedded"])
def test_the_app_imports_chalice_and_nothing_else(backend: str) -> None:
    packages, modules = imported("", BACKEND=backend)
    assert packages == OURS
    assert not SLOW & modules


def test_on_aws_a_worker_imports_the_sdk_and_nothing_else() -> None:
    packages, _ = imported(AWS_WORKER, BACKEND="aws", TAVERN_BUCKET="documents")
    assert packages == OURS | SDK


def test_a_run_is_submitted_without_the_engine_and_worked_on_without_pydantic(
    data: dict[str, str],
) -> None:
    packages, modules = imported(SUBMIT, **data)
    assert packages == OURS | PYDANTIC
    assert not (SLOW - {"sqlite3"}) & modules
    packages, _ = imported(WORK, **data)
    assert packages == OURS


def test_cryptography_comes_with_the_first_secret(data: dict[str, str]) -> None:
    packages, _ = imported("from chalicelib import container\ncontainer.vault()", **data)
    assert packages == OURS
    packages, _ = imported(SEAL, **data)
    assert packages == OURS | {"cryptography"}
