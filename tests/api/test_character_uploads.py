"""Characters that do not fit a request: offered, sent apart, taken over."""

from typing import Any

from chalicelib import container
from tests.api.characters import ALL, Shown, card, grey, listed
from tests.api.hostile import assert_error
from tests.api.product import Answer, Ask, Tavern
from tests.api.test_avatar_uploads import send as send_file
from tests.cards import card_png, v2

UPLOAD = f"{ALL}/upload"
FILE = card_png(v2())


def offered(tavern: Tavern, **body: Any) -> Shown:
    """Where a file can be sent."""
    answer = tavern.ask("POST", UPLOAD, json={"size": len(FILE), **body})
    assert answer.status == 201, answer.body
    found: Shown = answer.json()["data"]
    return found


def taken(tavern: Tavern, offer: Shown, body: Any = None) -> Answer:
    """Take over what was sent."""
    return tavern.ask("POST", f"{UPLOAD}/{offer['uploadId']}", json=body)


def test_what_is_sent_apart_is_a_character_once(either_tavern: Tavern) -> None:
    offer = offered(either_tavern, mediaType="image/png")
    assert send_file(either_tavern, offer, FILE) == 204
    answer = taken(either_tavern, offer, {"name": "Ada of old.png"})
    assert answer.status == 201, answer.body
    assert answer.json().keys() == {"success", "data", "repairs", "merged"}
    assert answer.json()["data"]["imageName"] == "Ada of old.png"
    assert either_tavern.ask("GET", f"{ALL}/image/Ada%20of%20old.png").body == FILE
    assert taken(either_tavern, offer).status == 404
    assert len(listed(either_tavern)) == 1
    assert [*container.documents().keys("uploads/")] == []


def test_what_two_take_over_at_once_is_one_character(tavern: Tavern) -> None:
    for number in range(3):
        offer = offered(tavern)
        send_file(tavern, offer, grey(2, 2, number))
        ask = Ask("POST", f"{UPLOAD}/{offer['uploadId']}", {"name": f"{number}.png"})
        statuses = [answer.status for answer in tavern.ask_at_once(ask, ask, ask)]
        assert sorted(statuses) == [201, 404, 404]
    assert [each["imageName"] for each in listed(tavern)] == ["0.png", "1.png", "2.png"]


def test_an_upload_without_a_name_is_a_character(tavern: Tavern) -> None:
    offer = offered(tavern)
    send_file(tavern, offer, FILE)
    assert taken(tavern, offer).json()["data"]["imageName"] == "character"


def test_a_broken_upload_is_refused_and_goes(tavern: Tavern) -> None:
    offer = offered(tavern)
    send_file(tavern, offer, b"{broken")
    answer = taken(tavern, offer)
    assert answer.status == 400
    assert_error(answer.json(), success_flag=True)
    assert taken(tavern, offer).status == 404
    assert [*container.documents().keys("")] == []


def test_an_offer_that_is_wrong_is_refused(tavern: Tavern) -> None:
    for body, status in [
        ({}, 400),
        ({"size": 0}, 400),
        ({"size": -1}, 400),
        ({"size": "1"}, 400),
        ({"size": 32 * 1024 * 1024 + 1}, 413),
        ({"size": 10**30}, 413),
        ({"size": 1, "mediaType": "text/html"}, 415),
        ({"size": 1, "mediaType": 1}, 400),
        ([], 400),
    ]:
        answer = tavern.ask("POST", UPLOAD, json=body)
        assert answer.status == status, (body, answer.body)
        assert_error(answer.json(), success_flag=True)


def test_an_upload_that_is_no_characters_is_none(tavern: Tavern) -> None:
    picture = {"size": len(FILE), "mediaType": "image/png"}
    avatar = tavern.ask("POST", "/api/users/me/avatar/upload", json=picture).json()
    send_file(tavern, avatar, FILE)
    for upload_id in (avatar["uploadId"], "x", "..%2F..%2Fx", "%00", "a" * 3_000):
        answer = tavern.ask("POST", f"{UPLOAD}/{upload_id}", json={"name": "a.png"})
        assert answer.status in (400, 404)
    offer = offered(tavern)
    assert taken(tavern, offer).status == 404  # nothing was sent yet
    send_file(tavern, offer, card())
    assert taken(tavern, offer, {"name": 1}).status == 400
    assert taken(tavern, offer, {"name": "x" * 2_000}).status in (201, 400)
