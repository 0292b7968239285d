"""Pictures that do not fit a request: offered, sent apart, taken over."""

import time
from typing import Any

import pytest
import requests

from chalicelib import container, pictures
from chalicelib.services.uploads import MAX_OPEN, OPEN_SECONDS, Purpose
from tests.api.hostile import assert_error
from tests.api.pictures import AVATAR, current_url, form, part, stored
from tests.api.product import Tavern
from tests.clock import ManualClock
from tests.unit.pictures.samples import all_kinds, png

KINDS = all_kinds()
ONE = png(pixels=b"\0\1")
UPLOAD = f"{AVATAR}/upload"


def offered(tavern: Tavern, data: bytes, kind: str = "image/png") -> dict[str, Any]:
    """Where a picture can be sent."""
    answer = tavern.ask("POST", UPLOAD, json={"size": len(data), "mediaType": kind})
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.json()
    return found


def send(tavern: Tavern, offer: dict[str, Any], data: bytes) -> int:
    """Send a picture as an offer says: the fields, and last the file; the status."""
    if offer["url"].startswith("https://"):
        files = {"file": ("me", data)}
        answer = requests.post(offer["url"], data=offer["fields"], files=files, timeout=10)
        return int(answer.status_code)  # moto gives a text
    fields = [part(name, text.encode(), filename=None) for name, text in offer["fields"].items()]
    return tavern.ask("POST", offer["url"], **form(*fields, part("file", data))).status


def waiting() -> list[str]:
    """What was sent and not taken over."""
    return [*container.documents().keys("uploads/")]


def test_what_does_not_fit_a_request_is_sent_apart_and_taken_over(either_tavern: Tavern) -> None:
    offer = offered(either_tavern, KINDS["webp"], "image/webp")
    assert offer.keys() == {"uploadId", "method", "url", "fields", "expiresAt"}
    assert offer["method"] == "POST"
    assert send(either_tavern, offer, KINDS["webp"]) == 204
    answer = either_tavern.ask("POST", f"{UPLOAD}/{offer['uploadId']}")
    assert answer.status == 200
    shown = either_tavern.ask("GET", answer.json()["avatarUrl"])
    assert shown.body == pictures.clean(KINDS["webp"])
    assert current_url(either_tavern) == answer.json()["avatarUrl"]
    assert waiting() == []


def test_what_was_taken_over_cannot_be_taken_over_again(either_tavern: Tavern) -> None:
    offer = offered(either_tavern, ONE)
    send(either_tavern, offer, ONE)
    assert either_tavern.ask("POST", f"{UPLOAD}/{offer['uploadId']}").status == 200
    assert either_tavern.ask("POST", f"{UPLOAD}/{offer['uploadId']}").status == 404


def test_what_was_sent_and_is_no_picture_is_refused_and_goes(either_tavern: Tavern) -> None:
    offer = offered(either_tavern, b"x" * 100)
    send(either_tavern, offer, b"<html><script>alert(1)</script></html>")
    answer = either_tavern.ask("POST", f"{UPLOAD}/{offer['uploadId']}")
    assert answer.status == 415
    assert (waiting(), stored(), current_url(either_tavern)) == ([], [], None)


def test_before_anything_was_sent_nothing_can_be_taken_over(tavern: Tavern) -> None:
    offer = offered(tavern, ONE)
    assert tavern.ask("POST", f"{UPLOAD}/{offer['uploadId']}").status == 404


@pytest.mark.parametrize("upload_id", ["x", "..%2F..%2Fbob%2Fx", "00000000-" + "a" * 22, "%00"])
def test_an_upload_that_is_not_there_cannot_be_taken_over(tavern: Tavern, upload_id: str) -> None:
    container.documents().put("uploads/bob/x", ONE)
    assert tavern.ask("POST", f"{UPLOAD}/{upload_id}").status == 404


def test_what_somebody_else_sent_cannot_be_taken_over(tavern: Tavern) -> None:
    offer = offered(tavern, ONE)
    container.documents().put(f"uploads/bob/{offer['uploadId']}", ONE)
    assert tavern.ask("POST", f"{UPLOAD}/{offer['uploadId']}").status == 404
    assert waiting() == [f"uploads/bob/{offer['uploadId']}"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"size": pictures.MAX_BYTES + 1, "mediaType": "image/png"}, 413),
        ({"size": 0, "mediaType": "image/png"}, 400),
        ({"size": -1, "mediaType": "image/png"}, 400),
        ({"size": 10**30, "mediaType": "image/png"}, 413),
        ({"size": "10", "mediaType": "image/png"}, 400),
        ({"size": True, "mediaType": "image/png"}, 400),
        ({"size": 10}, 400),
        ({"size": 10, "mediaType": "image/svg+xml"}, 415),
        ({"size": 10, "mediaType": "image/png\r\nx: y"}, 415),
        ([], 400),
    ],
)
def test_an_upload_that_cannot_become_a_picture_is_not_offered(
    tavern: Tavern, body: Any, status: int
) -> None:
    answer = tavern.ask("POST", UPLOAD, json=body)
    assert answer.status == status
    assert_error(answer.json())


def test_more_than_was_announced_is_not_received(tavern: Tavern) -> None:
    offer = offered(tavern, ONE)
    assert send(tavern, offer, ONE + b"x") == 413
    assert waiting() == []


def test_nobody_sends_where_nothing_was_offered(either_tavern: Tavern) -> None:
    answer = either_tavern.ask("POST", "/api/uploads/x", **form(part("file", ONE)))
    assert answer.status == 404
    assert waiting() == []


def test_a_second_file_to_the_same_offer_is_not_received(tavern: Tavern) -> None:
    offer = offered(tavern, ONE)
    assert [send(tavern, offer, data) for data in (ONE + b"x", ONE, ONE)] == [413, 204, 404]
    assert tavern.ask("POST", f"{UPLOAD}/{offer['uploadId']}").status == 200
    assert send(tavern, offer, ONE) == 404
    assert waiting() == []


def test_a_user_cannot_fill_the_store_with_what_nobody_takes_over(tavern: Tavern) -> None:
    """However many are offered before the first is sent."""
    offers = [offered(tavern, ONE) for _ in range(MAX_OPEN)]
    answer = tavern.ask("POST", UPLOAD, json={"size": 10, "mediaType": "image/png"})
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    assert str(MAX_OPEN) in answer.json()["error"]
    send(tavern, offers[0], ONE)
    assert tavern.ask("POST", f"{UPLOAD}/{offers[0]['uploadId']}").status == 200
    offered(tavern, ONE)


def test_a_file_beyond_what_a_request_may_hold_goes_to_its_offer_alone(tavern: Tavern) -> None:
    large = bytes(11 * 1024 * 1024)
    purpose = Purpose("large", len(large), ("image/png",))
    offer = container.offered_uploads().offer("default_user", purpose, len(large), "image/png")
    assert send(tavern, {**offer, "url": f"{offer['url']}x"}, large) == 404
    assert send(tavern, offer, large + bytes(100_000)) == 413
    assert send(tavern, offer, large) == 204
    assert container.offered_uploads().taken("default_user", purpose, offer["uploadId"]) == large
    assert send(tavern, offer, large) == 404


def test_the_sweep_removes_what_was_left(tavern: Tavern) -> None:
    clock = ManualClock(time.time())
    tavern.start_anew(clock)
    send(tavern, offered(tavern, ONE), ONE)
    clock.advance(OPEN_SECONDS)
    tavern.sweep()
    assert len(waiting()) == 1
    clock.advance(1)
    tavern.sweep()
    assert waiting() == []
