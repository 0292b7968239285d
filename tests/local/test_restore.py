"""A copy of the data takes the place of the data."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.schema import MIGRATIONS
from infra.local.backends import exclusive
from tests.builders import edge, node, payload
from tests.formats import frozen
from tests.local.client import Client
from tests.local.stack import ROOT, RunningStack, eventually

PACKS = ROOT / "tests" / "packs"


def call(module: str, data_dir: Path, *arguments: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", f"infra.local.{module}", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "TAVERN_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def a_store(path: Path, *keys: str) -> None:
    with closing(Database(path)) as database:
        for key in keys:
            with database.write() as sqlite:
                sqlite.execute("INSERT INTO entries VALUES ('p', ?, '{}', NULL)", (key,))


def keys_of(path: Path) -> list[str]:
    with closing(Database(path)) as database, database.read() as sqlite:
        return [row[0] for row in sqlite.execute("SELECT key FROM entries ORDER BY key")]


@pytest.mark.stack
def test_everything_acknowledged_before_a_copy_is_there_after_a_kill_and_a_restore(
    tmp_path: Path,
) -> None:
    door, data, copy = tmp_path / "door", tmp_path / "data", tmp_path / "copy.db"
    waiting = payload(
        [
            node("first", "core:RandomNumber", inputs={"mode": "固定", "value": 4}),
            node("wait", "slow:WaitForFile", inputs={"path": str(door)}),
        ],
        edge("first.number", "wait.value"),
    )
    environment = {"TAVERN_NODE_PATHS": str(PACKS), "TAVERN_WORKERS": "2"}
    with RunningStack(data, environment) as stack:
        with Client(stack.url) as client:
            client.http.post("/api/projects", json={"name": "Tales"}).raise_for_status()
            ended = client.submit(payload([node("n", "core:RandomNumber")]))
            client.follow(ended)
            before = client.status(ended)
            in_flight = [client.submit(waiting) for _ in range(4)]
            running = in_flight[:2]
            eventually(lambda: all(is_waiting(client, prompt_id) for prompt_id in running))
            assert call("backup", data, copy).returncode == 0
            client.http.post("/api/projects", json={"name": "Too late"}).raise_for_status()
        stack.kill()
        restored = call("restore", data, copy)
        assert restored.returncode == 0, restored.stderr
        assert "tavern.db.replaced-1" in restored.stdout
        stack.start()
        with Client(stack.url) as client:
            assert [item["name"] for item in client.http.get("/api/projects").json()] == ["Tales"]
            assert client.status(ended) == before
            door.touch()
            for prompt_id in in_flight:
                sequences = [frame["sequence"] for frame in client.follow(prompt_id)]
                assert sequences == list(range(1, len(sequences) + 1))
                assert client.status(prompt_id)["nodeStatus"]["wait"]["output"] == {"value": 4}
    assert "Too late" in (data / "tavern.db.replaced-1").read_bytes().decode(errors="ignore")


def is_waiting(client: Client, prompt_id: str) -> bool:
    return bool(client.status(prompt_id)["nodeStatus"]["wait"]["status"] == "running")


@pytest.mark.stack
def test_nothing_is_restored_under_a_running_stack(tmp_path: Path) -> None:
    a_store(tmp_path / "copy.db", "copied")
    data = tmp_path / "data"
    data.mkdir()
    a_store(data / "tavern.db", "mine")
    with exclusive(data):
        refused = call("restore", data, tmp_path / "copy.db")
    assert (refused.returncode, "Another instance" in refused.stderr) == (2, True)
    assert keys_of(data / "tavern.db") == ["mine"]


def test_a_copy_is_restored_where_there_was_nothing(tmp_path: Path) -> None:
    a_store(tmp_path / "copy.db", "one", "two")
    assert call("restore", tmp_path / "new" / "data", tmp_path / "copy.db").returncode == 0
    assert keys_of(tmp_path / "new" / "data" / "tavern.db") == ["one", "two"]
    assert keys_of(tmp_path / "copy.db") == ["one", "two"]


def test_every_store_that_was_replaced_is_kept_whole(tmp_path: Path) -> None:
    a_store(tmp_path / "copy.db", "copied")
    a_store(tmp_path / "tavern.db", "first")
    assert call("restore", tmp_path, tmp_path / "copy.db").returncode == 0
    # What only the write-ahead log holds, as a crash leaves it.
    with closing(Database(tmp_path / "tavern.db")) as database, database.write() as sqlite:
        sqlite.execute("INSERT INTO entries VALUES ('p', 'second', '{}', NULL)")
    assert call("restore", tmp_path, tmp_path / "copy.db").returncode == 0
    assert keys_of(tmp_path / "tavern.db") == ["copied"]
    assert keys_of(tmp_path / "tavern.db.replaced-1") == ["first"]
    assert keys_of(tmp_path / "tavern.db.replaced-2") == ["copied", "second"]


def test_a_copy_of_an_earlier_version_is_restored_as_it_is(tmp_path: Path) -> None:
    frozen.load_embedded("1", tmp_path / "copy.db")
    assert call("restore", tmp_path / "data", tmp_path / "copy.db").returncode == 0
    assert user_version(tmp_path / "data" / "tavern.db") == 1
    Database(tmp_path / "data" / "tavern.db").close()
    assert user_version(tmp_path / "data" / "tavern.db") == len(MIGRATIONS)


def test_a_backup_leaves_a_store_of_an_earlier_version_as_it_is(tmp_path: Path) -> None:
    frozen.load_embedded("1", tmp_path / "tavern.db")
    assert call("backup", tmp_path, tmp_path / "copy.db").returncode == 0
    assert user_version(tmp_path / "tavern.db") == user_version(tmp_path / "copy.db") == 1


def user_version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as sqlite:
        return int(sqlite.execute("PRAGMA user_version").fetchone()[0])


def damaged(path: Path) -> None:
    a_store(path, *(f"{number:05}" * 40 for number in range(500)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096] = b"\xff" * 4096
    path.write_bytes(content)


def newer(path: Path) -> None:
    Database(path, migrations=(*MIGRATIONS, ("CREATE TABLE later (x)",))).close()


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as sqlite:
        sqlite.execute("CREATE TABLE bookmarks (url)")


def empty(path: Path) -> None:
    path.touch()


def a_novel(path: Path) -> None:
    path.write_text("once upon a time, " * 500)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (damaged, "damaged"),
        (newer, "newer version"),
        (foreign, "another program"),
        (empty, "empty"),
        (a_novel, "not a database"),
    ],
)
def test_what_is_no_whole_copy_of_ours_is_refused_and_the_data_stays(
    tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    data = tmp_path / "data"
    a_store(data / "tavern.db", "mine")
    spoil(tmp_path / "copy.db")
    refused = call("restore", data, tmp_path / "copy.db")
    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert keys_of(data / "tavern.db") == ["mine"]
    assert not list(data.glob("tavern.db.*-*"))


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("nowhere.db",)])
def test_a_restore_of_nothing_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    refused = call("restore", tmp_path, *map(Path, arguments))
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
