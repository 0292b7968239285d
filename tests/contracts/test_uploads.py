"""What every Uploads does: here the client sends what it was offered, as its family wants it."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from chalicelib.adapters.aws.uploads import S3Uploads
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.uploads import PATH, EmbeddedUploads
from chalicelib.errors import InvalidInput, NotFound, TooLarge
from chalicelib.ports import DocumentStore, Revision, UploadOffer, Uploads
from infra.local.moto_backend import REGION
from infra.resources import ResourceNames
from tests.contracts.conftest import Ports
from tests.contracts.race import race, winners

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


class Interrupted(EmbeddedDocuments):
    """Documents of a family, with something that happens before a write."""

    def __init__(self, documents: DocumentStore) -> None:
        assert isinstance(documents, EmbeddedDocuments)
        self.__dict__ |= vars(documents)
        self.before_put: Callable[[], None] = lambda: None

    def put(self, key: str, body: bytes, **more: Any) -> Revision:
        """Write, after what happens."""
        self.before_put()
        return super().put(key, body, **more)


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


def test_two_offers_have_nothing_in_common(desk: Desk) -> None:
    desk.send(desk.offer("uploads/ada/one"), b"one")
    desk.send(desk.offer("uploads/bob/one"), b"two")
    assert desk.ports.documents.get("uploads/ada/one").body == b"one"


def test_what_cannot_be_a_key_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInput):
        desk.offer("x" * 1025)


@pytest.mark.parametrize(
    "token",
    ["", "x", "../x", "\ud800", "uploads", "x" * 5000, ".", "dXBsb2Fkcy9hZGEvb25l.x", "_w.x"],
)
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


def test_what_was_too_large_can_be_sent_smaller(embedded_desk: Desk) -> None:
    offer = embedded_desk.offer()
    with pytest.raises(TooLarge):
        embedded_desk.send(offer, b"x" * 11)
    embedded_desk.send(offer, b"x" * 10)
    assert embedded_desk.ports.documents.get(KEY).body == b"x" * 10


def test_an_offer_works_once(embedded_desk: Desk) -> None:
    offer = embedded_desk.offer()
    embedded_desk.send(offer, b"one")
    with pytest.raises(NotFound):
        embedded_desk.send(offer, b"two")
    with pytest.raises(NotFound):
        embedded_desk.uploads.limit(offer.url.removeprefix(PATH))
    assert embedded_desk.ports.documents.get(KEY).body == b"one"


def test_of_many_files_sent_at_once_to_an_offer_one_is_kept(embedded_desk: Desk) -> None:
    offer = embedded_desk.offer()
    outcomes = race(6, lambda number: embedded_desk.send(offer, b"%d" % number))
    (winner,) = winners(outcomes)
    assert embedded_desk.ports.documents.get(KEY).body == b"%d" % winner
    assert len(embedded_desk.ports.documents.versions(KEY)) == 1


def test_what_was_withdrawn_is_received_no_more(embedded_desk: Desk) -> None:
    hers, his = embedded_desk.offer("uploads/ada/one"), embedded_desk.offer("uploads/bob/one")
    embedded_desk.uploads.withdraw("uploads/ada/")
    with pytest.raises(NotFound):
        embedded_desk.send(hers, b"one")
    embedded_desk.send(his, b"one")
    assert list(embedded_desk.ports.documents.keys("uploads/")) == ["uploads/bob/one"]


def test_what_is_withdrawn_while_its_file_is_written_leaves_nothing(embedded: Ports) -> None:
    interrupted = Interrupted(embedded.documents)
    uploads = EmbeddedUploads(interrupted, embedded.index, embedded.clock)
    interrupted.before_put = lambda: uploads.withdraw("uploads/ada/")
    offer = Desk(embedded, uploads).offer()
    with pytest.raises(NotFound):
        uploads.receive(offer.url.removeprefix(PATH), b"one")
    assert embedded.documents.versions(KEY) == []


def test_what_was_sent_before_a_time_is_removed_with_all_its_versions(embedded: Ports) -> None:
    uploads = EmbeddedUploads(embedded.documents, embedded.index, embedded.clock)
    for key in ("uploads/ada/old", "uploads/ada/old", "users/ada/old"):
        embedded.documents.put(key, b"1")
    embedded.clock.advance(10)
    embedded.documents.put("uploads/bob/new", b"1")
    assert uploads.expire("uploads/", embedded.clock.now()) == 1
    assert [key for key, _ in embedded.documents.history("u")] == [
        "uploads/bob/new",
        "users/ada/old",
    ]


def test_to_withdraw_and_to_expire_calls_no_bucket(
    aws: Ports, moto_names: ResourceNames, aws_calls: list[str]
) -> None:
    uploads = S3Uploads(moto_names.bucket, aws.clock)
    aws_calls.clear()
    uploads.withdraw("uploads/")
    assert uploads.expire("uploads/", aws.clock.now()) == 0
    assert aws_calls == []


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
    secret = token.partition(".")[2]
    assert secret not in f"{entry}"
    assert len(secret) >= 43


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
