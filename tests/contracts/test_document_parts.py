"""What every DocumentStore does with parts of documents, and with copies."""

import pytest

from chalicelib.errors import InvalidInput, NotFound
from chalicelib.ports import DocumentStore
from tests.contracts.conftest import Ports

KEY = "imports/ada/library.zip"
TEXT = bytes(range(256)) * 64


@pytest.fixture
def documents(ports: Ports) -> DocumentStore:
    return ports.documents


@pytest.mark.parametrize(
    ("start", "count"),
    [(0, 1), (0, len(TEXT)), (1000, 5000), (len(TEXT) - 1, 1), (len(TEXT) - 5, 100)],
)
def test_a_part_is_what_stands_there(documents: DocumentStore, start: int, count: int) -> None:
    documents.put(KEY, TEXT)
    assert documents.read_range(KEY, start, count) == TEXT[start : start + count]


@pytest.mark.parametrize("start", [len(TEXT), len(TEXT) + 1000])
def test_past_the_end_there_is_nothing(documents: DocumentStore, start: int) -> None:
    documents.put(KEY, TEXT)
    assert documents.read_range(KEY, start, 10) == b""


def test_an_empty_document_has_no_parts(documents: DocumentStore) -> None:
    documents.put(KEY, b"")
    assert documents.read_range(KEY, 0, 10) == b""


def test_a_part_is_of_the_version_that_is_named_or_of_the_current_one(
    documents: DocumentStore,
) -> None:
    first = documents.put(KEY, b"the first")
    documents.put(KEY, b"the second")
    assert documents.read_range(KEY, 4, 20) == b"second"
    assert documents.read_range(KEY, 4, 20, first.version) == b"first"


def test_what_is_not_there_has_no_parts(documents: DocumentStore) -> None:
    documents.put(KEY, b"gone")
    documents.delete(KEY)
    for key, version in [(KEY, None), ("unknown", None), ("", None), (KEY, "nope"), (KEY, "")]:
        with pytest.raises(NotFound):
            documents.read_range(key, 0, 1, version)


def test_a_copy_is_a_document_of_its_own(documents: DocumentStore) -> None:
    documents.put("sent", b"old", content_type="text/plain")
    written = documents.put("sent", TEXT, content_type="application/zip")
    copied = documents.copy("sent", KEY)
    documents.purge("sent")
    read = documents.get(KEY)
    assert (read.body, read.content_type) == (TEXT, "application/zip")
    assert (read.etag, read.version) == (copied.etag, copied.version)
    assert copied.version != written.version
    assert len(documents.versions(KEY)) == 1


def test_a_copy_becomes_the_current_version_of_its_key(documents: DocumentStore) -> None:
    first = documents.put(KEY, b"before")
    documents.put("sent", b"after")
    documents.copy("sent", KEY)
    assert documents.get(KEY).body == b"after"
    assert documents.get(KEY, first.version).body == b"before"


def test_what_is_not_there_cannot_be_copied(documents: DocumentStore) -> None:
    documents.put("gone", b"1")
    documents.delete("gone")
    for source in ("unknown", "gone", ""):
        with pytest.raises(NotFound):
            documents.copy(source, KEY)
    assert documents.versions(KEY) == []


def test_a_copy_needs_a_key_that_a_store_can_hold(documents: DocumentStore) -> None:
    documents.put("sent", b"1")
    with pytest.raises(InvalidInput):
        documents.copy("sent", "x" * 1025)
