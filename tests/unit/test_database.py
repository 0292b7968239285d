"""The one file behind the embedded family."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from chalicelib.adapters.embedded.database import (
    Database,
    DatabaseUnusable,
    ForeignFile,
    NewerVersion,
    UnusableDirectory,
    key_range,
)
from chalicelib.adapters.embedded.schema import MIGRATIONS

COUNT = "SELECT count(*) FROM entries"
INSERT = "INSERT INTO entries (partition, key, value) VALUES ('p', ?, '{}')"


@pytest.fixture(params=["memory", "file"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "tavern.db" if request.param == "file" else None
    with closing(Database(path)) as opened:
        yield opened


def count(database: Database) -> int:
    with database.read() as sqlite:
        return int(sqlite.execute(COUNT).fetchone()[0])


def add(database: Database, key: str, *, relaxed: bool = False) -> None:
    with database.write(relaxed=relaxed) as sqlite:
        sqlite.execute(INSERT, (key,))


def user_version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as sqlite:
        return int(sqlite.execute("PRAGMA user_version").fetchone()[0])


def test_a_new_store_has_the_tables_of_this_version(tmp_path: Path) -> None:
    path = tmp_path / "new" / "directory" / "tavern.db"
    Database(path).close()
    assert user_version(path) == len(MIGRATIONS)


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "tavern.db")) as database:
        add(database, "one")
        add(database, "two", relaxed=True)
    with closing(Database(tmp_path / "tavern.db")) as database:
        assert count(database) == 2


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "tavern.db"
    path.touch()
    with closing(Database(path)) as database:
        assert count(database) == 0


def test_a_failing_transaction_leaves_nothing(database: Database) -> None:
    def write_twice() -> None:
        with database.write() as sqlite:
            sqlite.execute(INSERT, ("one",))
            sqlite.execute(INSERT, ("one",))

    with pytest.raises(sqlite3.IntegrityError):
        write_twice()
    assert count(database) == 0


@pytest.mark.parametrize("relaxed", [False, True])
def test_threads_write_without_losing_anything(database: Database, relaxed: bool) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: add(database, str(n), relaxed=relaxed), range(80)))
    assert count(database) == 80


def test_what_is_acknowledged_is_synced_and_what_is_relaxed_is_not(database: Database) -> None:
    levels = []
    for relaxed in (False, True, False):
        with database.write(relaxed=relaxed) as sqlite:
            levels.append(sqlite.execute("PRAGMA synchronous").fetchone()[0])
    normal, full = 1, 2
    assert levels == [full, normal, full]


def test_a_reader_neither_waits_for_a_writer_nor_sees_half_of_it(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "tavern.db")) as database:
        with database.write() as sqlite:
            sqlite.execute(INSERT, ("one",))
            assert count(database) == 0
        assert count(database) == 1


def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "tavern.db")) as database, database.read() as sqlite:
        before = sqlite.execute(COUNT).fetchone()
        add(database, "meanwhile")
        assert sqlite.execute(COUNT).fetchone() == before


def test_several_instances_share_a_file(tmp_path: Path) -> None:
    gate = threading.Barrier(4)

    def open_and_write(number: int) -> None:
        gate.wait()
        with closing(Database(tmp_path / "tavern.db")) as database:
            for step in range(20):
                add(database, f"{number}-{step}")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(open_and_write, range(4)))
    with closing(Database(tmp_path / "tavern.db")) as database:
        assert count(database) == 80


def test_stores_in_memory_are_apart() -> None:
    with closing(Database(None)) as one, closing(Database(None)) as other:
        add(one, "mine")
        assert count(other) == 0


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tavern.db"
    newer = (*MIGRATIONS, ("CREATE TABLE later (x)",))
    Database(path, migrations=newer).close()
    with pytest.raises(NewerVersion, match=r"newer version .* update this program"):
        Database(path)
    assert user_version(path) == len(newer)


def test_an_older_store_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "tavern.db"
    with closing(Database(path)) as database:
        add(database, "one")
    newer = (*MIGRATIONS, ("CREATE TABLE later (x)", "INSERT INTO later VALUES (1)"))
    with closing(Database(path, migrations=newer)) as database, database.read() as sqlite:
        assert sqlite.execute(COUNT).fetchone() == (1,)
        assert sqlite.execute("SELECT x FROM later").fetchall() == [(1,)]


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tavern.db"
    Database(path).close()
    broken = (*MIGRATIONS, ("CREATE TABLE later (x)", "no SQL"))
    with pytest.raises(DatabaseUnusable):
        Database(path, migrations=broken)
    with closing(Database(path)) as database, database.read() as sqlite:
        tables = sqlite.execute("SELECT name FROM sqlite_master WHERE name = 'later'").fetchall()
        assert tables == []


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tavern.db"
    with closing(sqlite3.connect(path)) as foreign:
        foreign.execute("CREATE TABLE bookmarks (url)")
    before = path.read_bytes()
    with pytest.raises(ForeignFile, match="another program"):
        Database(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tavern.db"
    path.write_text("a novel, " * 500)
    with pytest.raises(ForeignFile, match="not a database"):
        Database(path)
    assert path.read_text() == "a novel, " * 500


def test_a_damaged_store_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "tavern.db"
    Database(path).close()
    content = path.read_bytes()
    path.write_bytes(content[:4096])
    with pytest.raises(DatabaseUnusable, match="damaged"):
        Database(path)


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnusableDirectory, match="Cannot use the data directory"):
        Database(tmp_path / "file" / "tavern.db")


def test_a_directory_in_the_files_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "tavern.db").mkdir()
    with pytest.raises(UnusableDirectory, match="Cannot open"):
        Database(tmp_path / "tavern.db")


def test_a_closed_store_is_not_used_any_more(database: Database) -> None:
    database.close()
    database.close()
    with pytest.raises(DatabaseUnusable, match="closed"):
        count(database)


def test_closing_waits_for_no_reader(tmp_path: Path) -> None:
    database = Database(tmp_path / "tavern.db")
    with database.read() as sqlite:
        database.close()
        assert sqlite.execute(COUNT).fetchone() == (0,)


def test_a_copy_is_one_file_that_opens_as_a_store(database: Database, tmp_path: Path) -> None:
    add(database, "one")
    database.backup(tmp_path / "copies.db")
    add(database, "after")
    assert sorted(path.name for path in tmp_path.glob("copies*")) == ["copies.db"]
    with closing(Database(tmp_path / "copies.db")) as copy:
        assert count(copy) == 1


def test_a_copy_that_cannot_be_written_is_told(database: Database, tmp_path: Path) -> None:
    with pytest.raises(UnusableDirectory, match="Cannot write a copy"):
        database.backup(tmp_path / "nowhere" / "copy.db")


@pytest.mark.parametrize(
    ("prefix", "after", "expected"),
    [
        ("", None, ("", b"")),
        ("a/", None, ("a/", "a0")),
        ("a/", "a/b", ("a/b\0", "a0")),
        ("a/", "A", ("a/", "a0")),
        ("\ud7ff", None, ("\ud7ff", "\ue000")),
        ("a\U0010ffff", None, ("a\U0010ffff", "b")),
        ("\U0010ffff", None, ("\U0010ffff", b"")),
    ],
)
def test_a_prefix_is_a_range_of_keys(
    prefix: str, after: str | None, expected: tuple[str, str | bytes]
) -> None:
    assert key_range(prefix, after) == expected
