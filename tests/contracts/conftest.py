"""Both families of adapters, so that one suite a port runs on each.

``ports`` gives the embedded family in memory, the embedded family on a file,
and the AWS family over moto, one after the other.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.documents import S3Documents
from chalicelib.adapters.aws.index import DynamoIndex
from chalicelib.adapters.aws.queue import SqsQueue
from chalicelib.adapters.aws.run_log import DynamoRunLog
from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.adapters.embedded.queue import EmbeddedQueue
from chalicelib.adapters.embedded.run_log import EmbeddedRunLog
from chalicelib.ports import DocumentStore, Index, Queue, RunLog
from infra.local import moto_backend
from infra.resources import ResourceNames
from tests.aws_calls import counted_aws_calls
from tests.clock import ManualClock

MAX_RECEIVES = 5

Family = Literal["memory", "file", "aws"]


@dataclass(frozen=True, slots=True)
class Ports:
    """One family behind its ports, on a clock that the test moves.

    SQS has a clock of its own, which no test moves.
    """

    family: Family
    clock: ManualClock
    documents: DocumentStore
    index: Index
    log: RunLog
    queue: Queue
    dead_letters: Queue


@pytest.fixture(params=["memory", "file", "aws"])
def ports(request: pytest.FixtureRequest) -> Ports:
    """Every family."""
    name = "aws" if request.param == "aws" else f"embedded_{request.param}"
    opened: Ports = request.getfixturevalue(name)
    return opened


@pytest.fixture(params=["memory", "file"])
def embedded(request: pytest.FixtureRequest) -> Ports:
    """The embedded family alone, for what can be told of SQLite only."""
    opened: Ports = request.getfixturevalue(f"embedded_{request.param}")
    return opened


@pytest.fixture
def embedded_memory() -> Iterator[Ports]:
    """The embedded family in memory."""
    with closing(Database(None)) as database:
        yield _embedded("memory", database)


@pytest.fixture
def embedded_file(tmp_path: Path) -> Iterator[Ports]:
    """The embedded family on a file."""
    with closing(Database(tmp_path / "tavern.db")) as database:
        yield _embedded("file", database)


@pytest.fixture
def aws(moto_names: ResourceNames) -> Iterator[Ports]:
    """The AWS family, over moto with nothing in it."""
    clock = ManualClock()
    yield Ports(
        family="aws",
        clock=clock,
        documents=S3Documents(moto_names.bucket),
        index=DynamoIndex(moto_names.library, clock),
        log=DynamoRunLog(moto_names.executions, clock),
        queue=SqsQueue(moto_names.runs),
        dead_letters=SqsQueue(moto_names.runs_dead),
    )
    _empty(moto_names)


@pytest.fixture(scope="module")
def aws_calls(moto_names: ResourceNames) -> Iterator[list[str]]:
    """The calls that the AWS family makes; clear the list before those that count."""
    with counted_aws_calls() as calls:
        yield calls


@pytest.fixture(scope="module")
def moto_names() -> Iterator[ResourceNames]:
    """Moto for the tests of a module: to start it takes longer than to empty it."""
    with moto_backend.running("test") as names:
        yield names


def _embedded(family: Family, database: Database) -> Ports:
    clock = ManualClock()
    return Ports(
        family=family,
        clock=clock,
        documents=EmbeddedDocuments(database, clock),
        index=EmbeddedIndex(database, clock),
        log=EmbeddedRunLog(database, clock),
        queue=embedded_queue(database, clock, "runs", dead_letter="runs-dead"),
        dead_letters=embedded_queue(database, clock, "runs-dead"),
    )


def _empty(names: ResourceNames) -> None:
    """Queues are left: SQS empties one every 60 seconds only."""
    s3, dynamodb = clients.s3(), clients.dynamodb()
    history = s3.list_object_versions(Bucket=names.bucket)
    for entry in [*history.get("Versions", []), *history.get("DeleteMarkers", [])]:
        s3.delete_object(Bucket=names.bucket, Key=entry["Key"], VersionId=entry["VersionId"])
    for table in (names.library, names.executions, names.accounts):
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                key = {"pk": item["pk"], "sk": item["sk"]}
                dynamodb.delete_item(TableName=table, Key=key)


def embedded_queue(
    database: Database, clock: ManualClock, name: str, *, dead_letter: str | None = None
) -> EmbeddedQueue:
    """A queue that hides messages for 60 seconds."""
    return EmbeddedQueue(
        database,
        clock,
        name,
        visibility_timeout=60,
        max_receives=MAX_RECEIVES,
        dead_letter=dead_letter,
    )


@pytest.fixture
def log(ports: Ports) -> RunLog:
    """That of the family."""
    return ports.log
