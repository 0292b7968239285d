"""A library comes in, wherever the product runs."""

import pytest

from tests.end_to_end.conftest import EMULATED
from tests.local.client import Client, Frame
from tests.unit.imports.depot import card, picture, picture_of, zipped

pytestmark = pytest.mark.stack
IMPORT = "/api/characters/import"
PROGRESS = "CHARACTER_IMPORT_PROGRESS"
FILES = {
    **{f"characters/Card {n}.png": picture_of(f"Card {n}", n) for n in range(16)},
    "characters/Ada.png": picture(20),
    "characters/Ada.json": card("Ada Lovelace"),
    "characters/Bob.json": card("Bob"),
    "characters/broken.png": picture(21)[:40],
}


def has_ended(frame: Frame) -> bool:
    """The last frame of an import."""
    return frame["type"] == PROGRESS and frame["payload"]["status"] not in ("queued", "running")


def test_a_library_is_imported_while_its_user_watches(client: Client) -> None:
    before = len(client.http.get("/api/characters").json()["data"])
    archive = ("library.zip", zipped(FILES), "application/zip")
    answer = client.http.post(IMPORT, files={"file": archive})
    assert answer.status_code == 202, answer.text
    import_id = answer.json()["data"]["importId"]
    frames = client.hear_until(has_ended, timeout=60)
    told = [each["payload"] for each in frames if each["type"] == PROGRESS]
    assert {each["importId"] for each in told} == {import_id}
    assert [each["done"] for each in told] == sorted(each["done"] for each in told)
    expected = {"total": 20, "done": 20, "created": 18, "merged": 1, "skipped": 0, "failed": 1}
    assert told[-1] == {"importId": import_id, "status": "complete", **expected}
    shown = client.http.get(f"{IMPORT}/{import_id}").json()["data"]
    assert expected.items() <= shown.items()
    report = client.http.get(f"{IMPORT}/{import_id}/report").json()
    assert [each["file"] for each in report["data"]] == list(FILES)
    assert report["nextCursor"] is None
    listed = client.http.get("/api/characters").json()["data"]
    assert len(listed) == before + 18
    ids = {each["id"] for each in report["data"] if "id" in each}
    assert ids <= {each["id"] for each in listed}


# On moto there is nothing that takes what is sent to a bucket.
@pytest.mark.parametrize("url", ["embedded", EMULATED], indirect=True)
def test_a_library_that_is_sent_apart_is_imported(client: Client) -> None:
    data = zipped({"characters/Cy.json": card("Cy")})
    offer = client.http.post(f"{IMPORT}/upload", json={"size": len(data)}).json()["data"]
    file = {"file": ("library.zip", data, "application/zip")}
    sent = client.http.post(offer["url"], data=offer["fields"], files=file)
    assert sent.is_success, sent.text
    started = client.http.post(IMPORT, json={"uploadId": offer["uploadId"]})
    assert started.status_code == 202, started.text
    (*_, last) = client.hear_until(has_ended, timeout=60)
    assert (last["payload"]["status"], last["payload"]["created"]) == ("complete", 1)
