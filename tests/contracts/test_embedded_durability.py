"""``kill -9`` of processes that write to one file loses nothing they acknowledged."""

import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.run_log import EmbeddedRunLog
from tests.contracts.embedded_writer import body_of, open_queue

Acknowledged = dict[str, list[str]]


class Killed:
    """What two writers had acknowledged when both were killed, and what they left."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.acknowledged = {name: Acknowledged() for name in ("w1", "w2")}
        chance = random.Random(seed)  # noqa: S311 (any moment will do)
        writers = {name: _start(path, name) for name in self.acknowledged}
        lines: dict[str, list[str]] = {name: [] for name in writers}
        for name, writer in writers.items():
            assert writer.stdout is not None
            lines[name] = [writer.stdout.readline() for _ in range(chance.randint(5, 120))]
        for writer in writers.values():
            writer.kill()
        for name, writer in writers.items():
            rest, _ = writer.communicate()
            self.acknowledged[name] = _by_verb([*lines[name], *rest.splitlines()])


@pytest.fixture(params=range(3), scope="module")
def killed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    return Killed(tmp_path_factory.mktemp("killed") / "tavern.db", request.param)


@pytest.fixture
def database(killed: Killed) -> Iterator[Database]:
    with closing(Database(killed.path)) as opened:
        yield opened


def test_everything_acknowledged_is_there(killed: Killed, database: Database) -> None:
    documents = EmbeddedDocuments(database, SystemClock())
    log = EmbeddedRunLog(database, SystemClock())
    for name, acknowledged in killed.acknowledged.items():
        for number in map(int, acknowledged["put"]):
            assert documents.get(f"{name}/{number}").body == body_of(name, number)
        run, batches = log.load(name)
        assert [batch.first for batch in batches] == list(range(1, len(batches) + 1))
        assert len(batches) >= int(acknowledged["append"][-1])
        assert run.attempts == len(batches)


def test_every_message_is_there_until_it_is_done(killed: Killed, database: Database) -> None:
    queue = open_queue(database)
    queue.release_all()
    waiting = []
    while (message := queue.receive()) is not None:
        waiting.append(message.body)
    assert len(waiting) == len(set(waiting))
    sent = {
        f"{name} {number}"
        for name, acknowledged in killed.acknowledged.items()
        for number in acknowledged["send"]
    }
    done = {body for acknowledged in killed.acknowledged.values() for body in acknowledged["done"]}
    being_deleted = 2  # by each writer one, without the time to acknowledge it
    assert not done & set(waiting)
    assert len(sent - done - set(waiting)) <= being_deleted


def test_the_file_is_sound(database: Database) -> None:
    with database.read() as sqlite:
        assert sqlite.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _start(path: Path, name: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.contracts.embedded_writer", str(path), name],
        stdout=subprocess.PIPE,
        text=True,
    )


def _by_verb(lines: list[str]) -> Acknowledged:
    found: Acknowledged = defaultdict(list)
    for line in lines:
        verb, _, rest = line.strip().partition(" ")
        found[verb].append(rest)
    return found
