"""Brings what an earlier version stored back into the stores of this one."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.queue import SqsQueue
from infra.resources import ResourceNames

FOLDER = Path(__file__).parents[1] / "fixtures" / "formats"
FORMATS = sorted(path.name for path in FOLDER.iterdir())


@dataclass(frozen=True, slots=True)
class Expected:
    """When it was stored, the runs' ids by name, and what the API told of it all."""

    now: float
    ids: Mapping[str, str]
    runs: Mapping[str, Any]
    library: Mapping[str, Any]


def expected(number: str, family: str) -> Expected:
    """What is to come of the fixtures of a format, as its own version saw it."""
    return Expected(**_read(number, "expected.json")[family])


def load_embedded(number: str, path: Path) -> None:
    """Make the embedded family's file, of the schema that it had."""
    with closing(sqlite3.connect(path)) as store:
        store.executescript((FOLDER / number / "store.sql").read_text())


def load_aws(number: str, names: ResourceNames) -> None:
    """Fill tables, bucket and queue."""
    library = json.dumps(_read(number, "library.json"))
    for entry in _read(number, "objects.json"):
        # A version's id is the bucket's own, and the index refers to it.
        library = library.replace(entry["version"], _put(names.bucket, entry))
    for item in _read(number, "executions.json"):
        clients.dynamodb().put_item(TableName=names.executions, Item=item)
    for item in json.loads(library):
        clients.dynamodb().put_item(TableName=names.library, Item=item)
    queue = SqsQueue(names.runs)
    for message in _read(number, "messages.json"):
        queue.send(message["body"], group=message["group"])


def _put(bucket: str, entry: Mapping[str, Any]) -> str:
    if entry.get("deleted"):
        return clients.s3().delete_object(Bucket=bucket, Key=entry["key"])["VersionId"]
    return clients.s3().put_object(
        Bucket=bucket,
        Key=entry["key"],
        Body=entry["body"].encode(),
        ContentType=entry["contentType"],
    )["VersionId"]


def _read(number: str, file: str) -> Any:
    return json.loads((FOLDER / number / file).read_text())
