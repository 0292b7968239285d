"""How many calls of AWS's API one operation of a port makes."""

from collections.abc import Callable

import pytest

from chalicelib.ports import Batch, Entry, Idempotency, Put, Remove, Run
from tests.contracts.conftest import Ports

RUN = Run("run-1", "ada", "queued", 1_800_000_000_000, payload="{}")
NEW = Run("run-2", "ada", "queued", 1_800_000_000_000)
KEY = Idempotency("ada", "key", "digest", "run-2", 1_900_000_000)
HELLO = Entry("projects#ada", "hello")

PORT_OPERATIONS: list[tuple[str, Callable[[Ports], object], list[str]]] = [
    ("read a document", lambda p: p.documents.get("card"), ["s3.GetObject"]),
    ("write a document", lambda p: p.documents.put("new", b""), ["s3.PutObject"]),
    ("delete a document", lambda p: p.documents.delete("card"), ["s3.DeleteObject"]),
    ("list versions", lambda p: p.documents.versions("card"), ["s3.ListObjectVersions"]),
    ("list keys", lambda p: list(p.documents.keys("")), ["s3.ListObjectsV2"]),
    (
        "purge a document",
        lambda p: p.documents.purge("card"),
        ["s3.ListObjectVersions", "s3.DeleteObjects"],
    ),
    ("read a row", lambda p: p.index.get("projects#ada", "hello"), ["dynamodb.GetItem"]),
    ("list rows", lambda p: p.index.query("projects#ada"), ["dynamodb.Query"]),
    ("list a page", lambda p: p.index.query("projects#ada", limit=5), ["dynamodb.Query"]),
    ("write a row", lambda p: p.index.write(Put(HELLO)), ["dynamodb.PutItem"]),
    (
        "remove a row",
        lambda p: p.index.write(Remove("projects#ada", "hello", if_present=True)),
        ["dynamodb.DeleteItem"],
    ),
    (
        "write two rows",
        lambda p: p.index.write(Put(HELLO), Remove("names#ada", "hello")),
        ["dynamodb.TransactWriteItems"],
    ),
    ("create a header", lambda p: p.log.create(NEW), ["dynamodb.PutItem"]),
    (
        "create a run",
        lambda p: p.log.create(NEW, Batch(1, 1, "[1]", "api"), KEY),
        ["dynamodb.TransactWriteItems"],
    ),
    ("load a run", lambda p: p.log.load("run-1"), ["dynamodb.Query"]),
    ("read a header", lambda p: p.log.header("run-1"), ["dynamodb.GetItem"]),
    ("read a tail", lambda p: p.log.tail("run-1", 1), ["dynamodb.Query"]),
    ("see nothing new", lambda p: p.log.tail("run-1", 2), ["dynamodb.Query"]),
    (
        "append",
        lambda p: p.log.append("run-1", Batch(3, 1, "[3]", "w")),
        ["dynamodb.PutItem"],
    ),
    (
        "append with a header",
        lambda p: p.log.append("run-1", Batch(3, 1, "[3]", "w"), header={"status": "error"}),
        ["dynamodb.TransactWriteItems"],
    ),
    ("update", lambda p: p.log.update("run-1", {"published": 1}), ["dynamodb.UpdateItem"]),
    ("list the active", lambda p: p.log.active("ada"), ["dynamodb.Query"]),
    ("list all active", lambda p: p.log.active(), ["dynamodb.Scan"]),
    ("expire", lambda p: p.log.expire(2e9), []),
    ("send", lambda p: p.queue.send("run-1", group="ada"), ["sqs.SendMessage"]),
    ("receive", lambda p: p.queue.receive(), ["sqs.ReceiveMessage"]),
]


@pytest.mark.parametrize(
    ("operate", "expected"),
    [case[1:] for case in PORT_OPERATIONS],
    ids=[case[0] for case in PORT_OPERATIONS],
)
def test_an_operation_makes_few_calls(
    aws_calls: list[str],
    aws: Ports,
    operate: Callable[[Ports], object],
    expected: list[str],
) -> None:
    aws.documents.put("card", b"one")
    aws.index.write(Put(HELLO))
    aws.log.create(RUN, Batch(1, 2, "[1,2]", "api"))
    aws.queue.receive()  # looks up the queue's address, once a process
    aws_calls.clear()
    operate(aws)
    assert aws_calls == expected
