"""Group 8 over HTTP: global workflows."""

import os
from pathlib import Path

import pytest

from tests.api.hostile import assert_error
from tests.api.product import Tavern


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of templates in the place of the shipped ones; to be asked for before ``tavern``."""
    made = tmp_path / "templates"
    made.mkdir()
    (made / "one.json").write_text('{"name": "Eins", "nodes": [], "x-mine": 1}')
    monkeypatch.setenv("TAVERN_TEMPLATES_DIR", str(made))
    return made


def test_the_shipped_templates_are_listed_and_each_is_there(either_tavern: Tavern) -> None:
    listed = either_tavern.ask("GET", "/api/workflows").json()
    assert len(listed) >= 3
    for item in listed:
        assert item.keys() == {"id", "name"}
        found = either_tavern.ask("GET", f"/api/workflows/{item['id']}")
        assert found.status == 200
        assert found.json().items() >= item.items()


def test_a_folder_of_templates_takes_the_place_of_the_shipped_ones(
    folder: Path, tavern: Tavern
) -> None:
    assert tavern.ask("GET", "/api/workflows").json() == [{"id": "one", "name": "Eins"}]
    found = tavern.ask("GET", "/api/workflows/one").json()
    assert found == {"id": "one", "name": "Eins", "nodes": [], "x-mine": 1}


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"\xff", b'{"a": NaN}', b'{"a": "\\ud800"}', b"[" * 100_000, b""]
)
def test_a_template_that_cannot_be_read_is_left_out(
    folder: Path, tavern: Tavern, content: bytes
) -> None:
    (folder / "bad.json").write_bytes(content)
    (folder / "folder.json").mkdir()
    answer = tavern.ask("GET", "/api/workflows")
    assert (answer.status, answer.json()) == (200, [{"id": "one", "name": "Eins"}])
    assert tavern.ask("GET", "/api/workflows/bad").status == 404


def test_a_file_whose_name_is_no_unicode_does_not_break_the_list(
    folder: Path, tavern: Tavern
) -> None:
    (folder / os.fsdecode(b"\xff.json")).write_text('{"name": "Odd"}')
    answer = tavern.ask("GET", "/api/workflows")
    assert answer.status == 200
    assert {"id": "one", "name": "Eins"} in answer.json()


@pytest.mark.parametrize("name", ["no", "..%2Fone", "%2Fetc%2Fpasswd", "one%00", "one.json", "ONE"])
def test_an_unknown_template_is_a_404(folder: Path, tavern: Tavern, name: str) -> None:
    answer = tavern.ask("GET", f"/api/workflows/{name}")
    assert answer.status == 404
    assert_error(answer.json())


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api/workflows", "/api/workflows/any"])
def test_templates_are_read_only_and_the_answer_says_where_to_save(
    tavern: Tavern, method: str, path: str
) -> None:
    answer = tavern.ask(method, path, json={"name": "x"})
    assert (answer.status, answer.headers["allow"]) == (405, "GET, OPTIONS")
    assert "/api/projects/{projectId}/workflows" in answer.json()["error"]
