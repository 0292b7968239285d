"""What every DocumentStore does."""

import pytest

from chalicelib.errors import InvalidInput, NotFound, PreconditionFailed
from chalicelib.ports import DocumentStore, DocumentVersion
from tests.contracts.conftest import Ports
from tests.contracts.race import race, winners

KEY = "users/ada/projects/Märchen/project.json"
STRANGE_KEYS = [
    "a b+c%20d&e=f?g#h",
    "Märchen/童话/🐉.json",
    "quotes'\"<>`",
    "a\\b",
    "tab\tand\u200bspace",
    "x" * 1024,
]


@pytest.fixture
def documents(ports: Ports) -> DocumentStore:
    return ports.documents


def test_an_unknown_key_is_not_found(documents: DocumentStore) -> None:
    with pytest.raises(NotFound):
        documents.get(KEY)


def test_a_document_reads_as_it_was_written(documents: DocumentStore) -> None:
    written = documents.put(KEY, b"\x00\xffbytes", content_type="image/png")
    read = documents.get(KEY)
    assert (read.body, read.content_type) == (b"\x00\xffbytes", "image/png")
    assert (read.etag, read.version) == (written.etag, written.version)
    assert read.modified_at > 0


def test_a_document_is_json_unless_told_otherwise(documents: DocumentStore) -> None:
    documents.put(KEY, b"")
    assert documents.get(KEY).content_type == "application/json"


def test_etags_are_bare(documents: DocumentStore) -> None:
    assert '"' not in documents.put(KEY, b"one").etag


def test_another_content_has_another_etag_and_version(documents: DocumentStore) -> None:
    first, second = documents.put(KEY, b"one"), documents.put(KEY, b"two")
    assert first.etag != second.etag
    assert first.version != second.version


def test_an_older_version_stays_readable(documents: DocumentStore) -> None:
    first = documents.put(KEY, b"one")
    documents.put(KEY, b"two")
    assert documents.get(KEY).body == b"two"
    assert documents.get(KEY, first.version).body == b"one"


@pytest.mark.parametrize("version", ["", "nope", "-1", "9" * 30, "١", "null"])
def test_an_unknown_version_is_not_found(documents: DocumentStore, version: str) -> None:
    documents.put(KEY, b"one")
    with pytest.raises(NotFound):
        documents.get(KEY, version)


def test_a_version_of_another_key_is_not_found(documents: DocumentStore) -> None:
    documents.put(KEY, b"one")
    other = documents.put("another", b"two")
    with pytest.raises(NotFound):
        documents.get(KEY, other.version)


def test_the_current_etag_lets_a_write_through(documents: DocumentStore) -> None:
    first = documents.put(KEY, b"one")
    second = documents.put(KEY, b"two", if_match=first.etag)
    assert documents.get(KEY).etag == second.etag


def test_a_stale_etag_is_refused_and_changes_nothing(documents: DocumentStore) -> None:
    stale = documents.put(KEY, b"one")
    documents.put(KEY, b"two")
    with pytest.raises(PreconditionFailed):
        documents.put(KEY, b"three", if_match=stale.etag)
    assert documents.get(KEY).body == b"two"
    assert len(documents.versions(KEY)) == 2


@pytest.mark.parametrize("etag", ["*", "", " ", 'a"b', "a\r\nX-Evil: 1", "é", "a" * 5000])
def test_what_is_no_etag_is_refused(documents: DocumentStore, etag: str) -> None:
    documents.put(KEY, b"one")
    with pytest.raises(PreconditionFailed):
        documents.put(KEY, b"two", if_match=etag)


def test_an_etag_of_an_absent_document_is_refused(documents: DocumentStore) -> None:
    with pytest.raises(PreconditionFailed):
        documents.put(KEY, b"one", if_match="d41d8cd98f00b204e9800998ecf8427e")
    assert documents.versions(KEY) == []


def test_an_etag_of_a_deleted_document_is_refused(documents: DocumentStore) -> None:
    written = documents.put(KEY, b"one")
    documents.delete(KEY)
    with pytest.raises(PreconditionFailed):
        documents.put(KEY, b"two", if_match=written.etag)


def test_if_absent_refuses_an_existing_document(documents: DocumentStore) -> None:
    documents.put(KEY, b"one", if_absent=True)
    with pytest.raises(PreconditionFailed):
        documents.put(KEY, b"two", if_absent=True)
    assert documents.get(KEY).body == b"one"


def test_a_deleted_document_counts_as_absent(documents: DocumentStore) -> None:
    documents.put(KEY, b"one")
    documents.delete(KEY)
    documents.put(KEY, b"two", if_absent=True)
    assert documents.get(KEY).body == b"two"


def test_a_deleted_document_is_not_found_but_its_versions_are(documents: DocumentStore) -> None:
    written = documents.put(KEY, b"one")
    documents.delete(KEY)
    with pytest.raises(NotFound):
        documents.get(KEY)
    assert documents.get(KEY, written.version).body == b"one"


def test_a_delete_marker_cannot_be_read(documents: DocumentStore) -> None:
    documents.put(KEY, b"one")
    documents.delete(KEY)
    with pytest.raises(NotFound):
        documents.get(KEY, documents.versions(KEY)[0].version)


def test_history_is_newest_first_with_delete_markers(documents: DocumentStore) -> None:
    first = documents.put(KEY, b"one")
    documents.delete(KEY)
    last = documents.put(KEY, b"three")
    history = documents.versions(KEY)
    assert [_shape(entry) for entry in history] == [
        (5, True, False),
        (0, False, True),
        (3, False, False),
    ]
    assert [history[0].version, history[2].version] == [last.version, first.version]


def test_a_delete_marker_is_the_current_entry(documents: DocumentStore) -> None:
    documents.put(KEY, b"one")
    documents.delete(KEY)
    assert [_shape(entry) for entry in documents.versions(KEY)] == [
        (0, True, True),
        (3, False, False),
    ]


def test_the_history_of_a_key_leaves_out_longer_keys(documents: DocumentStore) -> None:
    documents.put("card", b"one")
    documents.put("card.json", b"two")
    assert len(documents.versions("card")) == 1
    assert documents.versions("car") == []


def test_deleting_and_purging_unknown_keys_is_fine(documents: DocumentStore) -> None:
    documents.delete(KEY)
    documents.purge("another")
    assert list(documents.keys("")) == []


def test_purging_leaves_nothing_of_that_key_only(documents: DocumentStore) -> None:
    written = documents.put("card", b"one")
    documents.put("card.json", b"two")
    documents.delete("card")
    documents.purge("card")
    assert documents.versions("card") == []
    with pytest.raises(NotFound):
        documents.get("card", written.version)
    assert documents.get("card.json").body == b"two"


def test_keys_below_a_prefix_come_in_byte_order(documents: DocumentStore) -> None:
    below = ["u/\x7f", "u/a", "u/aa", "u/z", "u/é", "u/\uff5e", "u/🐉", "u"]
    for key in [*below, "t", "v"]:
        documents.put(key, b"")
    documents.put("u/gone", b"")
    documents.delete("u/gone")
    assert list(documents.keys("u")) == sorted(below, key=str.encode)


def test_no_prefix_lists_all_keys(documents: DocumentStore) -> None:
    documents.put("b", b"")
    documents.put("a", b"")
    assert list(documents.keys("")) == ["a", "b"]


def test_keys_past_another_need_not_begin_at_one_that_is_there(documents: DocumentStore) -> None:
    for key in ["t", "u/a", "u/b", "u/c", "v"]:
        documents.put(key, b"")
    assert list(documents.keys("u/", after="u/a")) == ["u/b", "u/c"]
    assert list(documents.keys("u/", after="u/aa")) == ["u/b", "u/c"]
    assert list(documents.keys("u/", after="u/c")) == []


def test_more_keys_than_a_page_are_all_listed(embedded: Ports) -> None:
    keys = [f"u/{number:04}" for number in range(1001)]
    for key in keys:
        embedded.documents.put(key, b"")
    assert list(embedded.documents.keys("u/")) == keys


@pytest.mark.parametrize("key", STRANGE_KEYS, ids=range(len(STRANGE_KEYS)))
def test_any_text_can_be_a_key(documents: DocumentStore, key: str) -> None:
    documents.put(key, b"one")
    documents.put(key, b"two", if_match=documents.get(key).etag)
    assert documents.get(key).body == b"two"
    assert list(documents.keys("")) == [key]
    assert len(documents.versions(key)) == 2


@pytest.mark.parametrize("key", ["", "x" * 1025, "é" * 513, "half \ud800"])
def test_what_cannot_be_a_key_is_refused_and_found_nowhere(
    documents: DocumentStore, key: str
) -> None:
    with pytest.raises(InvalidInput):
        documents.put(key, b"one")
    with pytest.raises(NotFound):
        documents.get(key)
    assert documents.versions(key) == []
    documents.delete(key)
    documents.purge(key)


def test_of_racing_creates_one_wins(documents: DocumentStore) -> None:
    outcomes = race(8, lambda number: documents.put(KEY, b"%d" % number, if_absent=True))
    (winner,) = winners(outcomes)
    assert all(
        isinstance(outcome, PreconditionFailed)
        for number, outcome in enumerate(outcomes)
        if number != winner
    )
    assert documents.get(KEY).body == b"%d" % winner
    assert len(documents.versions(KEY)) == 1


def test_of_racing_writes_with_one_etag_one_wins(documents: DocumentStore) -> None:
    read = documents.put(KEY, b"start")
    outcomes = race(8, lambda number: documents.put(KEY, b"%d" % number, if_match=read.etag))
    (winner,) = winners(outcomes)
    assert documents.get(KEY).body == b"%d" % winner
    assert len(documents.versions(KEY)) == 2


def test_racing_unconditional_writes_all_become_versions(documents: DocumentStore) -> None:
    race(8, lambda number: documents.put(KEY, b"%d" % number))
    assert len(documents.versions(KEY)) == 8


def _shape(entry: DocumentVersion) -> tuple[int, bool, bool]:
    return entry.size, entry.current, entry.deleted
