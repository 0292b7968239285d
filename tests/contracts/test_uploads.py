"""What every Uploads does: here the client sends what it was offered, as its family wants it."""

import base64
import json
from dataclasses import dataclass

import pytest
import requests

from chalicelib.adapters.aws.uploads import S3Uploads
from chalicelib.adapters.embedded.uploads import PATH, EmbeddedUploads
from chalicelib.errors import InvalidInput, NotFound, TooLarge
from chalicelib.ports import UploadOffer, Uploads
from infra.local.moto_backend import REGION
from infra.resources import ResourceNames
from tests.contracts.conftest import Ports

KEY = "uploads/ada/one"


@dataclass(frozen=True)
class Desk:
    """Uploads of a family, and the way of a file to them."""

    ports: Ports
    uploads: Uploads

    def offer(self, key: str = KEY, max_bytes: int = 10) -> UploadOffer:
        return self.uploads.offer(key, max_bytes=max_bytes, content_type="image/png", seconds=900)

    def send(self, offer: UploadOffer, data: bytes) -> None:
        if self.ports.family == "aws":
            files = {"file": ("name.png", data, "image/gif")}
            answer = requests.post(offer.url, data=offer.fields, files=files, timeout=10)
            assert int(answer.status_code) == 204  # moto gives a text
        else:
            self.uploads.receive(offer.url.removeprefix(PATH), data)


@pytest.fixture
def desk(ports: Ports, request: pytest.FixtureRequest) -> Desk:
    if ports.family == "aws":
        names: ResourceNames = request.getfixturevalue("moto_names")
        return Desk(ports, S3Uploads(names.bucket, ports.clock))
    return Desk(ports, EmbeddedUploads(ports.documents, ports.index, ports.clock))


@pytest.fixture
def embedded_desk(embedded: Ports) -> Desk:
    return Desk(embedded, EmbeddedUploads(embedded.documents, embedded.index, embedded.clock))


def test_what_was_sent_is_a_document_of_the_kind_that_was_announced(desk: Desk) -> None:
    desk.send(desk.offer(), b"\x89picture")
    stored = desk.ports.documents.get(KEY)
    assert (stored.body, stored.content_type) == (b"\x89picture", "image/png")


def test_an_offer_alone_writes_nothing(desk: Desk) -> None:
    desk.offer()
    with pytest.raises(NotFound):
        desk.ports.documents.get(KEY)


def test_an_offer_says_how_long_it_holds(desk: Desk) -> None:
    assert desk.offer().expires_at == int(desk.ports.clock.now()) + 900


def test_a_client_that_lost_the_answer_may_send_again(desk: Desk) -> None:
    offer = desk.offer()
    desk.send(offer, b"one")
    desk.send(offer, b"two")
    assert desk.ports.documents.get(KEY).body == b"two"


def test_two_offers_have_nothing_in_common(desk: Desk) -> None:
    desk.send(desk.offer("uploads/ada/one"), b"one")
    desk.send(desk.offer("uploads/bob/one"), b"two")
    assert desk.ports.documents.get("uploads/ada/one").body == b"one"


def test_what_cannot_be_a_key_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInput):
        desk.offer("x" * 1025)


@pytest.mark.parametrize("token", ["", "x", "../x", "\ud800", "uploads", "x" * 5000])
def test_without_an_offer_nothing_is_received(desk: Desk, token: str) -> None:
    desk.offer()
    with pytest.raises(NotFound):
        desk.uploads.limit(token)
    with pytest.raises(NotFound):
        desk.uploads.receive(token, b"one")


def test_more_than_was_announced_is_refused(embedded_desk: Desk) -> None:
    with pytest.raises(TooLarge, match="11 bytes; 10 were announced"):
        embedded_desk.send(embedded_desk.offer(), b"x" * 11)
    assert embedded_desk.ports.documents.versions(KEY) == []


def test_how_much_was_announced_is_known_before_it_comes(embedded_desk: Desk) -> None:
    assert embedded_desk.uploads.limit(embedded_desk.offer().url.removeprefix(PATH)) == 10


def test_an_offer_lapses(embedded_desk: Desk) -> None:
    offer = embedded_desk.offer()
    embedded_desk.ports.clock.advance(900)
    with pytest.raises(NotFound):
        embedded_desk.send(offer, b"one")


def test_the_token_of_an_offer_is_not_stored(embedded_desk: Desk) -> None:
    token = embedded_desk.offer().url.removeprefix(PATH)
    (entry,) = embedded_desk.ports.index.query("uploads").entries
    assert token not in f"{entry}"
    assert len(token) >= 43


def test_the_bucket_is_told_key_size_and_kind_by_what_is_signed(
    aws: Ports, moto_names: ResourceNames
) -> None:
    """moto compares none of it; S3 does."""
    offer = Desk(aws, S3Uploads(moto_names.bucket, aws.clock)).offer()
    policy = json.loads(base64.b64decode(offer.fields["policy"]))
    assert {"key": KEY} in policy["conditions"]
    assert {"bucket": moto_names.bucket} in policy["conditions"]
    assert {"Content-Type": "image/png"} in policy["conditions"]
    assert ["content-length-range", 1, 10] in policy["conditions"]
    assert offer.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert f"/{REGION}/s3/aws4_request" in offer.fields["x-amz-credential"]


def test_to_make_an_offer_calls_nobody(
    aws: Ports, moto_names: ResourceNames, aws_calls: list[str]
) -> None:
    aws_calls.clear()
    Desk(aws, S3Uploads(moto_names.bucket, aws.clock)).offer()
    assert aws_calls == []
