"""Importing a library over HTTP, on both families."""

import time
from typing import Any

import pytest

from chalicelib import container
from tests.api.pictures import form, part
from tests.api.product import Answer, Tavern
from tests.aws_calls import counted_aws_calls
from tests.clock import ManualClock
from tests.unit.imports.depot import card, picture, picture_of, zipped

IMPORT = "/api/characters/import"
FILES = {
    "Ada.png": picture(1),
    "Ada.json": card("Ada Lovelace"),
    "notes.txt": b"not a card",
    "broken.json": b'{"spec": "chara_card_v2"',
    "Bob.json": card("Bob"),
}
# What one card may cost on AWS: see docs/architecture.md.
CALLS_A_CARD = 7


def sent(tavern: Tavern, data: bytes, **headers: str) -> Answer:
    """Import an archive from a form."""
    made = form(part("file", data, filename="library.zip"))
    return tavern.ask("POST", IMPORT, body=made["body"], headers={**made["headers"], **headers})


def started(tavern: Tavern, data: bytes) -> str:
    """The id of the import of an archive."""
    answer = sent(tavern, data)
    assert answer.status == 202, answer.body
    assert answer.json()["data"]["status"] == "queued"
    return str(answer.json()["data"]["importId"])


def shown(tavern: Tavern, target: str) -> Any:
    """What a route of imports shows."""
    answer = tavern.ask("GET", f"{IMPORT}{target}")
    assert answer.status == 200, answer.body
    assert answer.json()["success"] is True
    return answer.json()["data"]


def test_a_library_comes_with_progress_and_a_report(either_tavern: Tavern) -> None:
    tavern = either_tavern
    tavern.connect()
    import_id = started(tavern, zipped(FILES))
    assert tavern.work_imports() == 1
    job = shown(tavern, f"/{import_id}")
    numbers = {"total": 5, "done": 5, "created": 2, "merged": 1, "skipped": 1, "failed": 1}
    assert {"importId": import_id, "status": "complete", **numbers}.items() <= job.items()
    assert job["submittedAt"] <= job["startedAt"] <= job["completedAt"]
    assert shown(tavern, "") == [job]
    lines = shown(tavern, f"/{import_id}/report")
    assert [each["file"] for each in lines] == list(FILES)
    assert [each["status"] for each in lines] == [
        *("created", "merged", "skipped", "failed", "created")
    ]
    listed = tavern.ask("GET", "/api/characters").json()["data"]
    assert {each["name"] for each in listed} == {"Ada Lovelace", "Bob"}
    assert {each["id"] for each in listed} == {each["id"] for each in lines if "id" in each}
    frames = [each for each in tavern.frames() if each["type"] == "CHARACTER_IMPORT_PROGRESS"]
    assert [each["payload"]["status"] for each in frames][-1] == "complete"
    last = {"importId": import_id, "status": "complete", **numbers}
    assert frames[-1]["payload"] == last
    assert not [*container.documents().history("imports/")]


def test_an_archive_that_was_sent_apart_is_imported_once(either_tavern: Tavern) -> None:
    tavern = either_tavern
    data = zipped(FILES)
    offered = tavern.ask("POST", f"{IMPORT}/upload", json={"size": len(data)})
    assert offered.status == 201
    upload_id = offered.json()["data"]["uploadId"]
    assert tavern.ask("POST", IMPORT, json={"uploadId": upload_id}).status == 404
    # A client does this with the form that it was offered.
    container.documents().put(f"uploads/default_user/{upload_id}", data)
    answers = [tavern.ask("POST", IMPORT, json={"uploadId": upload_id}) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 202]
    assert len({answer.json()["data"]["importId"] for answer in answers}) == 1
    tavern.work_imports()
    assert shown(tavern, "")[0]["created"] == 2
    assert not [*container.documents().history("uploads/")]


def test_a_cancelled_import_is_told_of_and_brings_nothing_more(either_tavern: Tavern) -> None:
    tavern = either_tavern
    import_id = started(tavern, zipped(FILES))
    assert tavern.ask("DELETE", f"{IMPORT}/{import_id}").json()["data"]["status"] == "cancelled"
    again = tavern.ask("DELETE", f"{IMPORT}/{import_id}")
    assert (again.status, again.json()["success"]) == (409, False)
    tavern.work_imports()
    assert tavern.ask("GET", "/api/characters").json()["data"] == []


def test_what_the_sweeper_finds_goes_on(either_tavern: Tavern) -> None:
    """The process that took the archive in died before it sent the message."""
    job = container.import_jobs().open("default_user", "0" * 22, 1)
    container.documents().put(job.key, zipped({"Ada.json": card("Ada")}))
    container.import_ending().sweep(grace=0)
    either_tavern.work_imports()
    assert shown(either_tavern, f"/{job.id}")["status"] == "complete"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {}, 400),
        (b'{"uploadId": 1}', {}, 400),
        (b'{"uploadId": "unknown"}', {}, 404),
        (b"PK", {"Content-Type": "application/zip"}, 415),
    ],
)
def test_what_starts_no_import_is_told_why(
    tavern: Tavern, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = tavern.ask("POST", IMPORT, body=body, headers=headers)
    assert answer.status == status
    assert answer.json()["success"] is False
    assert shown(tavern, "") == []


def test_what_is_no_archive_is_refused_at_once(tavern: Tavern) -> None:
    for data in (b"no archive", zipped(FILES)[:-9], zipped(FILES)[40:]):
        assert sent(tavern, data).status == 400
    assert sent(tavern, zipped({f"{n}.json": b"" for n in range(2001)})).status == 413
    assert shown(tavern, "") == []


def test_a_bomb_fails_as_a_file_and_others_come(tavern: Tavern) -> None:
    files = {"bomb.json": b" " * 30_000_000, "Ada.json": card("Ada")}
    import_id = started(tavern, zipped(files, packed=True))
    tavern.work_imports()
    first, second = shown(tavern, f"/{import_id}/report")
    assert (first["status"], second["status"]) == ("failed", "created")
    assert "more than 200 times" in first["error"]


@pytest.mark.parametrize("cursor", ["x", "-1", "9999999", "%F0%9F%90%89"])
def test_a_cursor_that_is_none_is_refused(tavern: Tavern, cursor: str) -> None:
    import_id = started(tavern, zipped(FILES))
    assert tavern.ask("GET", f"{IMPORT}/{import_id}/report?cursor={cursor}").status == 400


def test_an_unknown_import_is_not_found(tavern: Tavern) -> None:
    for method, target in [("GET", "x"), ("DELETE", "x"), ("GET", "x/report")]:
        assert tavern.ask(method, f"{IMPORT}/{target}").status == 404


def test_a_card_costs_so_many_calls_of_aws(aws_tavern: Tavern) -> None:
    files = {f"{number}.png": picture_of(f"Ada {number}", number) for number in range(20)}
    aws_tavern.start_anew(ManualClock(time.time()))  # progress is noted once a second
    started(aws_tavern, zipped(files))
    with counted_aws_calls() as calls:
        aws_tavern.work_imports()
    assert len(aws_tavern.ask("GET", "/api/characters").json()["data"]) == 20
    assert len(calls) / 20 <= CALLS_A_CARD
