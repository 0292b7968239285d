"""The file of master keys: nobody else reads it, and no key in it gets lost."""

import json
import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib.adapters.embedded.vault import EmbeddedVault, KeyFileUnusable

ADA = {"uid": "ada"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the file will be; it does not exist yet."""
    return tmp_path / "data" / "keys"


def mode_of(path: Path) -> int:
    """Who may do what with it."""
    return stat.S_IMODE(path.stat().st_mode)


def wrap_some(directory: Path) -> list[tuple[bytes, bytes]]:
    """What a process wraps that also rotates; keys in plain and wrapped."""
    vault = EmbeddedVault(directory)
    made = []
    for _ in range(10):
        key = vault.new_key(ADA)
        made.append((key.plain, key.wrapped))
        vault.rotate()
    return made


def test_only_its_owner_may_read_it_whatever_the_umask(directory: Path) -> None:
    before = os.umask(0)
    try:
        EmbeddedVault(directory).new_key(ADA)
    finally:
        os.umask(before)
    assert mode_of(directory) == 0o700
    assert {mode_of(file) for file in directory.iterdir()} == {0o600}


def test_a_directory_that_was_there_is_closed_to_others(directory: Path) -> None:
    directory.mkdir(mode=0o755, parents=True)
    EmbeddedVault(directory).new_key(ADA)
    assert mode_of(directory) == 0o700


def test_nothing_is_left_beside_it(directory: Path) -> None:
    vault = EmbeddedVault(directory)
    vault.new_key(ADA)
    vault.rotate()
    assert {file.name for file in directory.iterdir()} == {"master.json", "lock"}


def test_who_only_reads_makes_no_file(directory: Path) -> None:
    wrapped = EmbeddedVault(directory.with_name("other")).new_key(ADA).wrapped
    with pytest.raises(Exception, match="cannot be read"):
        EmbeddedVault(directory).unwrap(wrapped, ADA)
    assert not directory.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_may_read_is_refused_by_name(directory: Path, mode: int) -> None:
    vault = EmbeddedVault(directory)
    key = vault.new_key(ADA)
    (directory / "master.json").chmod(mode)
    uses: list[Callable[[], object]] = [
        lambda: vault.new_key(ADA),
        lambda: vault.unwrap(key.wrapped, ADA),
    ]
    for use in uses:
        with pytest.raises(KeyFileUnusable, match=r"master\.json.*chmod 600"):
            use()
    (directory / "master.json").chmod(0o600)
    assert vault.unwrap(key.wrapped, ADA) == key.plain


def test_a_new_start_reads_what_an_earlier_one_wrote(directory: Path) -> None:
    key = EmbeddedVault(directory).new_key(ADA)
    assert EmbeddedVault(directory).unwrap(key.wrapped, ADA) == key.plain


def test_all_see_a_rotation_at_once(directory: Path) -> None:
    one, other = EmbeddedVault(directory), EmbeddedVault(directory)
    before = one.new_key(ADA).wrapped[1:9]
    other.rotate()
    assert one.new_key(ADA).wrapped[1:9] != before


def test_processes_that_start_at_once_lose_no_key(directory: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as processes:
        made = processes.map(wrap_some, [directory] * 4)
    vault = EmbeddedVault(directory)
    assert all(vault.unwrap(wrapped, ADA) == plain for by_one in made for plain, wrapped in by_one)
    assert len(json.loads((directory / "master.json").read_text())["keys"]) == 41


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "{",
            "[]",
            "null",
            '"text"',
            '{"format": 1}',
            '{"format": 2, "current": "", "keys": {}}',
        ),
        '{"format": 1, "current": "00", "keys": {}}',
        '{"format": 1, "current": "00", "keys": {"00": "c2hvcnQ="}}',
        '{"format": 1, "current": "00", "keys": {"00": "secret text!"}}',
        '{"format": 1, "current": "00", "keys": {"secret": "AAAA"}}',
        '{"format": 1, "current": 5, "keys": ["secret"]}',
    ],
)
def test_a_damaged_file_is_named_left_alone_and_not_repeated(directory: Path, text: str) -> None:
    directory.mkdir(parents=True)
    file = directory / "master.json"
    file.write_text(text)
    file.chmod(0o600)
    vault = EmbeddedVault(directory)
    uses: list[Callable[[], object]] = [lambda: vault.new_key(ADA), vault.rotate]
    for use in uses:
        with pytest.raises(KeyFileUnusable, match=r"master\.json is damaged") as refused:
            use()
        assert "secret" not in f"{refused.value} {refused.value.__context__}"
    assert file.read_text() == text


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, no folder")
    with pytest.raises(KeyFileUnusable, match="keys"):
        EmbeddedVault(tmp_path / "data" / "keys").new_key(ADA)
