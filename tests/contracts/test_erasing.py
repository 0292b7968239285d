"""What removes things for good, and finds all that is to be removed, on every family."""

import pytest

from chalicelib.errors import NotFound
from chalicelib.ports import Batch, DocumentStore, Idempotency, Run, RunLog
from tests.contracts.conftest import Ports


@pytest.fixture
def documents(ports: Ports) -> DocumentStore:
    return ports.documents


@pytest.fixture
def log(ports: Ports) -> RunLog:
    return ports.log


def all_of(documents: DocumentStore, prefix: str, after: str | None = None) -> list[str]:
    """The keys of the history, one an entry."""
    return [key for key, _ in documents.history(prefix, after=after)]


def test_a_history_has_every_version_and_marker_of_every_key(documents: DocumentStore) -> None:
    first = documents.put("u/a", b"1").version
    second = documents.put("u/a", b"22").version
    documents.put("u/b", b"333")
    documents.delete("u/b")
    documents.put("v/c", b"4444")
    found = list(documents.history("u/"))
    assert [key for key, _ in found] == ["u/a", "u/a", "u/b", "u/b"]
    sizes = {each.version: each.size for key, each in found if key == "u/a"}
    assert sizes == {first: 1, second: 2}
    assert sorted(each.deleted for key, each in found if key == "u/b") == [False, True]
    assert [each.version for key, each in found if key == "u/a" and each.current] == [second]


def test_a_history_goes_on_after_any_key(documents: DocumentStore) -> None:
    for key in ("u/a", "u/a", "u/b", "u/b/c"):
        documents.put(key, b"1")
    assert all_of(documents, "u/", after="u/a") == ["u/b", "u/b/c"]
    assert all_of(documents, "u/", after="u/b/c") == []


def test_a_long_history_is_complete(documents: DocumentStore) -> None:
    keys = [f"u/{number % 7}" for number in range(1005)]
    for key in keys:
        documents.put(key, b"1")
    assert all_of(documents, "u/") == sorted(keys)


def test_withdrawing_the_current_version_brings_back_the_one_before(
    documents: DocumentStore,
) -> None:
    old = documents.put("u/a", b"old")
    documents.withdraw("u/a", documents.put("u/a", b"new").version)
    found = documents.get("u/a")
    assert (found.body, found.etag, found.version) == (b"old", old.etag, old.version)
    assert [each.version for each in documents.versions("u/a")] == [old.version]


def test_withdrawing_an_older_version_leaves_the_current_one(documents: DocumentStore) -> None:
    old = documents.put("u/a", b"old")
    documents.put("u/a", b"new")
    documents.withdraw("u/a", old.version)
    assert documents.get("u/a").body == b"new"
    assert len(documents.versions("u/a")) == 1


def test_withdrawing_the_only_version_leaves_nothing(documents: DocumentStore) -> None:
    documents.withdraw("u/a", documents.put("u/a", b"only").version)
    with pytest.raises(NotFound):
        documents.get("u/a")
    assert documents.versions("u/a") == []
    documents.put("u/a", b"again", if_absent=True)


def test_withdrawing_what_was_put_over_a_marker_leaves_the_marker(
    documents: DocumentStore,
) -> None:
    documents.put("u/a", b"old")
    documents.delete("u/a")
    documents.withdraw("u/a", documents.put("u/a", b"new").version)
    with pytest.raises(NotFound):
        documents.get("u/a")
    assert list(documents.keys("u/")) == []


def test_a_purged_run_is_gone_with_its_log(log: RunLog) -> None:
    for prompt_id in ("one", "two"):
        log.create(Run(prompt_id, "ada", "queued", 1_800_000_000_000, payload="{}"))
        log.append(prompt_id, Batch(1, 1, "[1]", "w"))
        log.append(prompt_id, Batch(2, 1, "[2]", "w"))
    log.purge("one")
    log.purge("unknown")
    with pytest.raises(NotFound):
        log.load("one")
    assert log.tail("one", 0) == []
    assert [run.prompt_id for run in log.active("ada")] == ["two"]
    assert len(log.load("two")[1]) == 2


def test_purged_idempotency_keys_can_be_used_anew(log: RunLog) -> None:
    def submit(owner: str, prompt_id: str) -> Idempotency | None:
        row = Idempotency(owner, "key", "digest", prompt_id, 4_000_000_000)
        return log.create(Run(prompt_id, owner, "queued", 1), None, row)

    submit("ada", "one")
    submit("bob", "two")
    assert log.purge_keys("ada") == 1
    assert log.purge_keys("ada") == 0
    assert submit("ada", "three") is None
    assert submit("bob", "four") is not None
