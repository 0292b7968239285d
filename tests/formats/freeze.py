"""``python -m tests.formats.freeze DIRECTORY``: write what this version stores, as fixtures.

Done once for every format, by the last version that writes it, and never again:
``tests/fixtures/formats/1`` is what the first one stored. It holds

    store.sql                 the embedded family's file, as SQL
    executions.json           items of the DynamoDB tables
    library.json
    objects.json              objects of the bucket, every version, oldest first
    messages.json             messages of the queue that are waiting
    expected.json             by family the time, the runs' ids, and what the API told in the end
"""

import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.documents import S3Documents
from chalicelib.adapters.aws.index import DynamoIndex
from chalicelib.adapters.aws.queue import SqsQueue
from chalicelib.adapters.aws.run_log import DynamoRunLog
from chalicelib.adapters.embedded.database import Database
from chalicelib.ports import Queue
from infra.local import moto_backend
from infra.resources import ResourceNames
from tests.clock import ManualClock
from tests.formats.scenario import Gate, build, finish, library_seen, make_types, seen
from tests.world import World, join_world, make_world


def main(directory: Path) -> None:
    """Write all files; the directory must not exist."""
    directory.mkdir(parents=True)
    expected = {"embedded": _freeze_embedded(directory), "aws": _freeze_aws(directory)}
    _write(directory / "expected.json", expected)


def _freeze_embedded(directory: Path) -> Any:
    gate = Gate()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        with closing(Database(Path(folder) / "tavern.db")) as database:
            world = make_world(make_types(gate), database)
            runs = build(world, gate)
            database.backup(copy)
            expected = _expected(world, gate, runs)
        with closing(sqlite3.connect(copy)) as sqlite:
            (directory / "store.sql").write_text("\n".join(_sql(sqlite)) + "\n")
    return expected


def _freeze_aws(directory: Path) -> Any:
    gate, clock = Gate(), ManualClock()
    with moto_backend.running("test") as names:
        world = join_world(
            make_types(gate),
            clock,
            DynamoRunLog(names.executions, clock),
            S3Documents(names.bucket),
            DynamoIndex(names.library, clock),
            SqsQueue(names.runs),
        )
        runs = build(world, gate)
        gone = f"run#{runs['archived']}"  # what DynamoDB would have dropped by now
        items = [item for item in _items(names.executions) if item["pk"]["S"] != gone]
        _write(directory / "executions.json", items)
        _write(directory / "library.json", list(_items(names.library)))
        _write(directory / "objects.json", list(_objects(names)))
        _write(directory / "messages.json", _messages(world.queue))
        return _expected(world, gate, runs)


def _expected(world: World, gate: Gate, runs: dict[str, str]) -> Any:
    now, library = world.clock.now(), library_seen(world)
    gate.opened.set()
    finish(world)
    return {"now": now, "ids": runs, "runs": seen(world, runs), "library": library}


def _sql(sqlite: sqlite3.Connection) -> Iterator[str]:
    for pragma in ("application_id", "user_version"):
        yield f"PRAGMA {pragma}={sqlite.execute(f'PRAGMA {pragma}').fetchone()[0]};"
    yield from sqlite.iterdump()


def _items(table: str) -> Iterator[dict[str, Any]]:
    for page in clients.dynamodb().get_paginator("scan").paginate(TableName=table):
        for item in page["Items"]:
            yield dict(item)


def _objects(names: ResourceNames) -> Iterator[dict[str, Any]]:
    found = clients.s3().list_object_versions(Bucket=names.bucket)
    documents = S3Documents(names.bucket)
    history = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
    for key in sorted({entry["Key"] for entry in history}):
        for version in reversed(documents.versions(key)):
            if version.deleted:
                yield {"key": key, "version": version.version, "deleted": True}
                continue
            stored = documents.get(key, version.version)
            yield {
                "key": key,
                "version": version.version,
                "contentType": stored.content_type,
                "body": stored.body.decode(),
            }


def _messages(queue: Queue) -> list[dict[str, str]]:
    received = []
    while (message := queue.receive()) is not None:
        received.append(message)
    for message in received:
        queue.extend(message.receipt, 0)
    return [{"group": message.group, "body": message.body} for message in received]


def _write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
