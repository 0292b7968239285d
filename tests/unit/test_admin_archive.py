"""The zip file that an operator's command leaves on his machine."""

import base64
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chalicelib.admin import COMMANDS
from infra import admin
from infra.deployed_admin import CannotAsk
from tests.unit.test_admin_command_line import Script

EXPORT = next(command for command in COMMANDS if command.name == "export")


def file(name: str, body: bytes, *, whole: bool = True) -> dict[str, Any]:
    """A file, or a piece of one, as an answer has it."""
    return {"name": name, "body": base64.b64encode(body).decode(), "whole": whole}


def answer(*files: Mapping[str, Any], more: bool = False) -> dict[str, Any]:
    """An answer with files; with ``more`` to come."""
    found: dict[str, Any] = {"rows": [], "files": list(files)}
    return {**found, "following": {"after": "there"}} if more else found


def export(path: Path, *answers: Mapping[str, Any] | CannotAsk) -> int:
    """Ask for an export; the exit code."""
    arguments = {"username": "ada", "to": str(path)}
    return admin.run(Script(*answers), EXPORT, arguments, as_json=False)


def test_files_and_pieces_of_files_become_one_zip_file_for_its_owner_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ada.zip"
    first = answer(file("a.json", b"1"), file("users/ada/b", b"22", whole=False), more=True)
    assert export(path, first, answer(file("users/ada/b", b"33"))) == 0
    with zipfile.ZipFile(path) as written:
        assert written.testzip() is None
        found = {name: written.read(name) for name in written.namelist()}
    assert found == {"a.json": b"1", "users/ada/b": b"2233"}
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "end", [CannotAsk("gone"), {"error": {"kind": "NotFound", "message": "No such user"}}]
)
def test_an_export_that_is_not_whole_leaves_no_file(
    tmp_path: Path, end: Mapping[str, Any] | CannotAsk
) -> None:
    path = tmp_path / "ada.zip"
    assert export(path, answer(file("a.json", b"1"), more=True), end) == 1
    assert not path.exists()


def test_a_file_that_is_there_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ada.zip"
    path.write_bytes(b"mine")
    assert export(path) == 1
    assert path.read_bytes() == b"mine"
    assert "Cannot write" in capsys.readouterr().err
