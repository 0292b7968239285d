"""What files are offered for, and how many at once: the service over every family."""

import pytest
import requests

from chalicelib.adapters.aws.uploads import S3Uploads
from chalicelib.adapters.embedded.uploads import PATH, EmbeddedUploads
from chalicelib.errors import NotFound, TooLarge, TooManyRequests, UnsupportedMediaType
from chalicelib.services import uploads as offered
from chalicelib.services.uploads import OPEN_SECONDS, SEND_SECONDS, OfferedUploads, Purpose
from infra.resources import ResourceNames
from tests.contracts.conftest import Ports
from tests.contracts.race import race, winners

CARD = Purpose("card", 32 * 1024 * 1024, ("image/png",))
PAGES = Purpose("pages", 256 * 1024 * 1024, ("application/zip", "image/png"))


class Office:
    """The service over a family, with the way of a file to it."""

    def __init__(self, ports: Ports, request: pytest.FixtureRequest) -> None:
        self.ports = ports
        self.bucket: ResourceNames | None = None
        if ports.family == "aws":
            names: ResourceNames = request.getfixturevalue("moto_names")
            self.bucket = names
            self.uploads: S3Uploads | EmbeddedUploads = S3Uploads(names.bucket, ports.clock)
        else:
            self.uploads = EmbeddedUploads(ports.documents, ports.index, ports.clock)
        self.service = OfferedUploads(
            uploads=self.uploads,
            documents=ports.documents,
            index=ports.index,
            clock=ports.clock,
        )

    def offer(self, size: int = 10, uid: str = "ada", purpose: Purpose = CARD) -> str:
        """The id of a new offer."""
        return str(self.service.offer(uid, purpose, size, "image/png")["uploadId"])

    def sent(self, data: bytes = b"1", uid: str = "ada") -> str:
        """The id of one whose file has come."""
        made = self.service.offer(uid, CARD, len(data), "image/png")
        if self.bucket is not None:
            files = {"file": ("name", data)}
            requests.post(made["url"], data=made["fields"], files=files, timeout=10)
        else:
            self.uploads.receive(made["url"].removeprefix(PATH), data)
        return str(made["uploadId"])

    def waiting(self) -> list[str]:
        """What was sent and not removed."""
        return [key for key, _ in self.ports.documents.history("uploads/")]


@pytest.fixture
def office(ports: Ports, request: pytest.FixtureRequest) -> Office:
    return Office(ports, request)


@pytest.fixture
def cheap(embedded_memory: Ports, request: pytest.FixtureRequest) -> Office:
    """For what no store decides."""
    return Office(embedded_memory, request)


def test_what_was_sent_is_taken_until_it_is_forgotten(office: Office) -> None:
    upload_id = office.sent(b"one")
    for _ in range(2):  # who fails in between may try again
        assert office.service.taken("ada", CARD, upload_id) == b"one"
    office.service.forget("ada", upload_id)
    with pytest.raises(NotFound):
        office.service.taken("ada", CARD, upload_id)
    assert office.waiting() == []
    office.service.forget("ada", upload_id)


def test_what_was_offered_to_one_for_something_is_taken_by_him_for_that(office: Office) -> None:
    upload_id = office.sent()
    office.offer(uid="bob")
    for uid, purpose in [("ada", PAGES), ("bob", CARD)]:
        with pytest.raises(NotFound):
            office.service.taken(uid, purpose, upload_id)
        office.service.forget("bob", upload_id)
    assert office.service.taken("ada", CARD, upload_id) == b"1"


def test_what_nobody_was_offered_is_not_taken_although_it_is_there(office: Office) -> None:
    office.ports.documents.put("uploads/ada/x", b"1")
    with pytest.raises(NotFound):
        office.service.taken("ada", CARD, "x")


@pytest.mark.parametrize(
    ("size", "media_type", "refusal"),
    [
        (CARD.max_bytes + 1, "image/png", TooLarge),
        (10, "application/zip", UnsupportedMediaType),
        (10, "image/png\r\nx: y", UnsupportedMediaType),
    ],
)
def test_what_the_purpose_does_not_take_is_not_offered(
    cheap: Office, size: int, media_type: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        cheap.service.offer("ada", CARD, size, media_type)
    assert cheap.ports.index.query(offered.partition("ada")).entries == []


def test_of_many_offers_at_once_as_many_are_made_as_may_be_open(office: Office) -> None:
    outcomes = race(offered.MAX_OPEN + 6, lambda _: office.offer())
    assert len(winners(outcomes)) == offered.MAX_OPEN
    refused = [each for each in outcomes if not isinstance(each, str)]
    assert {type(each) for each in refused} == {TooManyRequests}
    assert office.offer(uid="bob")


def test_offers_made_at_once_announce_no_more_than_may_be_announced(office: Office) -> None:
    third = offered.MAX_OPEN_BYTES // 3
    outcomes = race(8, lambda _: office.offer(third, purpose=PAGES))
    assert len(winners(outcomes)) == 3
    assert office.offer(offered.MAX_OPEN_BYTES - 3 * third, purpose=PAGES)


def test_a_refusal_names_its_limit_and_when_there_is_room(cheap: Office) -> None:
    half = offered.MAX_OPEN_BYTES // 2
    for _ in range(2):
        cheap.offer(half, purpose=PAGES)
        cheap.ports.clock.advance(100)
    with pytest.raises(TooManyRequests, match=f"at most {offered.MAX_OPEN_BYTES} bytes") as told:
        cheap.offer(half, purpose=PAGES)
    assert told.value.retry_after == OPEN_SECONDS - 200
    with pytest.raises(TooManyRequests) as told:
        cheap.offer(1)
    assert told.value.retry_after == OPEN_SECONDS - 200
    cheap.ports.clock.advance(OPEN_SECONDS - 200)
    cheap.offer(half, purpose=PAGES)
    for _ in range(offered.MAX_OPEN):
        cheap.offer(uid="bob")
    with pytest.raises(TooManyRequests, match=f"At most {offered.MAX_OPEN} uploads"):
        cheap.offer(uid="bob")


def test_what_is_forgotten_makes_room_at_once(office: Office) -> None:
    ids = [office.offer() for _ in range(offered.MAX_OPEN)]
    office.service.forget("ada", ids[3])
    office.offer()
    with pytest.raises(TooManyRequests):
        office.offer()


def test_what_has_lapsed_is_not_taken_and_goes_before_it_makes_room(office: Office) -> None:
    old = office.sent()
    office.ports.clock.advance(OPEN_SECONDS)
    with pytest.raises(NotFound):
        office.service.taken("ada", CARD, old)
    assert office.waiting() != []
    office.offer()
    assert office.waiting() == []


def test_after_the_time_to_send_what_came_can_still_be_taken(office: Office) -> None:
    upload_id = office.sent()
    office.ports.clock.advance(SEND_SECONDS)
    assert office.service.taken("ada", CARD, upload_id) == b"1"


def test_what_was_withdrawn_is_neither_received_nor_taken(office: Office) -> None:
    sent, his = office.sent(), office.sent(uid="bob")
    made = office.service.offer("ada", CARD, 1, "image/png")
    office.service.withdraw("ada")
    with pytest.raises(NotFound):
        office.service.taken("ada", CARD, sent)
    with pytest.raises(NotFound):
        office.uploads.receive(made["url"].removeprefix(PATH), b"1")
    assert office.service.taken("bob", CARD, his) == b"1"


def test_what_anybody_left_is_swept_once_it_has_lapsed(cheap: Office) -> None:
    cheap.sent()
    cheap.ports.clock.advance(60)
    kept = cheap.sent(uid="bob")
    cheap.ports.clock.advance(OPEN_SECONDS - 59)
    assert cheap.service.expire(cheap.ports.clock.now()) == 1
    assert cheap.service.taken("bob", CARD, kept) == b"1"
    cheap.ports.clock.advance(60)
    assert cheap.service.expire(cheap.ports.clock.now()) == 1
    assert cheap.waiting() == []
