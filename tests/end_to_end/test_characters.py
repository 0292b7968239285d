"""A character's life, wherever the product runs: from a file to the bin and back."""

import io
import json

import httpx
import pytest
from PIL import Image

from tests.cards import as_json, card_png, v1, v2
from tests.end_to_end.conftest import House
from tests.end_to_end.people import asking
from tests.unit.pictures.samples import gradient, saved

pytestmark = pytest.mark.stack
ALL = "/api/characters"
PICTURE = saved(gradient("RGB").resize((400, 600)), "PNG")
JPEG = saved(gradient("RGB").resize((300, 200)), "JPEG")


def added(session: httpx.Client, data: bytes, filename: str) -> dict[str, object]:
    """Bring a file; its entry."""
    answer = session.post(ALL, files={"file": (filename, data)})
    assert answer.status_code == 201, answer.text
    entry: dict[str, object] = answer.json()["data"]
    return entry


def listed(session: httpx.Client, query: str = "") -> list[dict[str, object]]:
    """The list."""
    answer = session.get(ALL + query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["data"]
    return found


def test_a_character_comes_is_shown_changed_exported_deleted_and_brought_back(
    house: House,
) -> None:
    with asking(house.url, house.guest("Erin")) as session:
        picture = added(session, PICTURE, "Ada Löwe.png")
        entry = added(session, as_json(v2()), "Ada Löwe.json")
        assert (entry["id"], entry["imageName"]) == (picture["id"], "Ada Löwe.png")
        assert [each["name"] for each in listed(session)] == ["Ada"]
        known = session.get(ALL).headers["etag"]
        assert session.get(ALL, headers={"If-None-Match": known}).status_code == 304

        image = f"{ALL}/image/Ada%20L%C3%B6we.png"
        shown = session.get(image)
        assert (shown.content, shown.headers["content-type"]) == (PICTURE, "image/png")
        assert session.get(image, headers={"Accept": "image/webp"}).content == PICTURE
        known = shown.headers["etag"]
        assert session.get(image, headers={"If-None-Match": known}).status_code == 304
        assert session.head(image).headers["etag"] == known
        part = session.get(image, headers={"Range": "bytes=8-19"})
        assert (part.status_code, part.content) == (206, PICTURE[8:20])
        small = session.get(f"{image}?size=160&v={entry['imageHash']}")
        assert max(Image.open(io.BytesIO(small.content)).size) == 160
        assert session.get(f"{image}?size=160").content == small.content

        one = f"{ALL}/{entry['id']}"
        read = session.get(one)
        stale = {"If-Match": read.headers["etag"]}
        assert session.patch(one, json={"favorite": False}, headers=stale).status_code == 200
        assert session.patch(one, json={"name": "No"}, headers=stale).status_code == 412
        assert listed(session, "?favorite=false&search=COUNTS%20charles")[0]["id"] == entry["id"]

        exported = session.get(f"{one}/export?format=png")
        assert exported.headers["content-type"] == "image/png"
        assert "Ada.png" in exported.headers["content-disposition"]
        again = added(session, exported.content, "again.png")
        assert [each["name"] for each in listed(session, "?sort=added")] == ["Ada", "Ada"]
        cards = [session.get(f"{ALL}/{each['id']}").json()["data"] for each in (entry, again)]
        assert cards[0]["card"]["data"] == cards[1]["card"]["data"]

        assert session.delete(one).status_code == 204
        assert [each["id"] for each in listed(session)] == [again["id"]]
        assert session.get(image).status_code == 404
        (binned,) = session.get("/api/recycle-bin").json()
        assert session.post(f"/api/recycle-bin/{binned['id']}/restore").status_code == 200
        assert session.get(image).content == PICTURE
        versions = session.get(f"{one}/versions").json()["data"]
        oldest = f"{one}/versions/{versions[-1]['version']}"
        assert session.post(f"{oldest}/restore").json()["data"]["name"] == "Ada Löwe"
        done = session.post(f"{ALL}/rebuild-index").json()["data"]
        assert (done["documents"], done["after"]) == (2, None)
        assert {each["id"] for each in listed(session)} == {entry["id"], again["id"]}


def test_broken_files_and_other_pictures_are_told_apart(house: House) -> None:
    with asking(house.url, house.guest("Frank")) as session:
        files = [
            ("file", ("portrait.jpg", JPEG)),
            ("file", ("broken.json", b'{"name": }')),
            ("file", ("card.png", card_png(v1()))),
        ]
        answer = session.post(ALL, files=files)
        assert answer.status_code == 201, answer.text
        assert [each["success"] for each in answer.json()["results"]] == [True, False, True]
        portrait = answer.json()["data"][0]
        shown = session.get(f"{ALL}/image/portrait.jpg")
        assert (shown.content, shown.headers["content-type"]) == (JPEG, "image/jpeg")
        exported = session.get(f"{ALL}/{portrait['id']}/export?format=png")
        assert Image.open(io.BytesIO(exported.content)).size == (300, 200)
        packed = session.get(f"{ALL}/{portrait['id']}/export?format=charx")
        assert packed.content.startswith(b"PK\x03\x04")
        plain = session.get(f"{ALL}/{portrait['id']}/export?format=json")
        assert json.loads(plain.content)["data"]["name"] == "portrait"


def test_nobody_meets_the_characters_of_another(house: House) -> None:
    with asking(house.url, house.guest("Grace")) as owner:
        entry = added(owner, PICTURE, "Grace.png")
    with asking(house.url, house.guest("Heidi")) as other:
        assert listed(other) == []
        assert other.get(f"{ALL}/image/Grace.png").status_code == 404
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            assert other.request(method, f"{ALL}/{entry['id']}", json={}).status_code in (400, 404)
        assert other.get(f"{ALL}/{entry['id']}/export").status_code == 404
    with asking(house.url, None) as stranger:
        assert stranger.get(f"{ALL}/image/Grace.png").status_code == 401
