"""What every Index does."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.errors import ConditionFailed, InvalidInput, TooLarge
from chalicelib.ports import Entry, Index, Put, Remove
from tests.contracts.conftest import Ports
from tests.contracts.race import race, winners

ADA = "projects#ada"
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@pytest.fixture
def index(ports: Ports) -> Index:
    return ports.index


def put(index: Index, *keys: str) -> None:
    index.write(*(Put(Entry(ADA, key, {"name": key})) for key in keys))


def keys_of(index: Index, prefix: str = "", *, after: str | None = None) -> list[str]:
    return [entry.key for entry in index.query(ADA, prefix, after=after).entries]


def test_an_absent_row_is_none(index: Index) -> None:
    assert index.get(ADA, "hello") is None


def test_a_row_reads_as_it_was_written(index: Index) -> None:
    entry = Entry(ADA, "hello", {"name": "Märchen 🐉", "nested": [1, 2.5, None, True, {}]})
    index.write(Put(entry))
    assert index.get(ADA, "hello") == entry


def test_a_row_without_a_value_has_an_empty_one(index: Index) -> None:
    index.write(Put(Entry(ADA, "hello")))
    assert index.get(ADA, "hello") == Entry(ADA, "hello", {})


def test_writing_again_replaces_the_row(index: Index) -> None:
    index.write(Put(Entry(ADA, "hello", {"a": 1}, expires_at=2_000_000_000)))
    index.write(Put(Entry(ADA, "hello", {"b": 2})))
    assert index.get(ADA, "hello") == Entry(ADA, "hello", {"b": 2})


def test_partitions_are_apart(index: Index) -> None:
    put(index, "hello")
    assert index.get("projects#bob", "hello") is None
    assert index.query("projects#bob").entries == []


def test_a_removed_row_is_gone(index: Index) -> None:
    put(index, "hello", "other")
    index.write(Remove(ADA, "hello"))
    assert keys_of(index) == ["other"]


def test_removing_an_absent_row_is_fine(index: Index) -> None:
    index.write(Remove(ADA, "hello"))
    assert keys_of(index) == []


def test_if_absent_refuses_a_row_that_is_there(index: Index) -> None:
    put(index, "hello")
    with pytest.raises(ConditionFailed) as caught:
        index.write(Put(Entry(ADA, "hello", {"late": True}), if_absent=True))
    assert caught.value.positions == (0,)
    assert index.get(ADA, "hello") == Entry(ADA, "hello", {"name": "hello"})


def test_if_present_refuses_a_row_that_is_not_there(index: Index) -> None:
    with pytest.raises(ConditionFailed) as caught:
        index.write(Remove(ADA, "hello", if_present=True))
    assert caught.value.positions == (0,)


def test_replacing_what_was_read_succeeds(index: Index) -> None:
    index.write(Put(Entry(ADA, "hello", {"text": "Märchen", "n": [1, 2.5, None, {}]})))
    read = index.get(ADA, "hello")
    assert read is not None
    index.write(Put(Entry(ADA, "hello", {"new": True}, 4_000_000_000), replacing=read.value))
    assert index.get(ADA, "hello") == Entry(ADA, "hello", {"new": True}, 4_000_000_000)


@pytest.mark.parametrize("read", [{}, {"name": "other"}, {"name": "hello", "more": None}])
def test_replacing_refuses_a_row_that_has_changed(index: Index, read: dict[str, object]) -> None:
    put(index, "hello")
    with pytest.raises(ConditionFailed) as caught:
        index.write(Put(Entry(ADA, "hello", {"late": True}), replacing=read))
    assert caught.value.positions == (0,)
    assert index.get(ADA, "hello") == Entry(ADA, "hello", {"name": "hello"})


def test_replacing_refuses_where_there_is_no_row(index: Index) -> None:
    with pytest.raises(ConditionFailed):
        index.write(Put(Entry(ADA, "hello"), replacing={}))
    assert index.get(ADA, "hello") is None


def test_replacing_refuses_a_row_past_its_expiry(ports: Ports) -> None:
    value = {"name": "hello"}
    ports.index.write(Put(Entry(ADA, "hello", value, expires_at=int(ports.clock.now()))))
    with pytest.raises(ConditionFailed):
        ports.index.write(Put(Entry(ADA, "hello", {"late": True}), replacing=value))


def test_a_replacement_that_loses_stops_all_changes(index: Index) -> None:
    put(index, "hello")
    with pytest.raises(ConditionFailed) as caught:
        index.write(Put(Entry(ADA, "new")), Put(Entry(ADA, "hello"), replacing={"name": "old"}))
    assert caught.value.positions == (1,)
    assert keys_of(index) == ["hello"]


def test_of_racing_replacements_one_is_written(index: Index) -> None:
    put(index, "hello")

    def replace(number: int) -> None:
        index.write(Put(Entry(ADA, "hello", {"by": number}), replacing={"name": "hello"}))

    (winner,) = winners(race(8, replace))
    assert index.get(ADA, "hello") == Entry(ADA, "hello", {"by": winner})


def test_changes_are_applied_together(index: Index) -> None:
    put(index, "old")
    index.write(
        Put(Entry(ADA, "new"), if_absent=True),
        Remove(ADA, "old", if_present=True),
        Put(Entry("names#ada", "new")),
    )
    assert keys_of(index) == ["new"]
    assert index.get("names#ada", "new") is not None


def test_one_lost_condition_stops_all_changes_and_is_named(index: Index) -> None:
    put(index, "taken")
    with pytest.raises(ConditionFailed) as caught:
        index.write(
            Put(Entry(ADA, "new")),
            Put(Entry(ADA, "taken", {"late": True}), if_absent=True),
            Remove(ADA, "absent"),
            Remove(ADA, "unknown", if_present=True),
        )
    assert caught.value.positions == (1, 3)
    assert index.query(ADA).entries == [Entry(ADA, "taken", {"name": "taken"})]


def test_a_hundred_changes_fit_one_write(index: Index) -> None:
    put(index, *(f"{number:03}" for number in range(100)))
    assert len(keys_of(index)) == 100


@pytest.mark.parametrize("count", [0, 101])
def test_more_or_fewer_changes_are_a_mistake(index: Index, count: int) -> None:
    with pytest.raises(ValueError, match="1 to 100 changes"):
        index.write(*(Remove(ADA, str(number)) for number in range(count)))


def test_two_changes_of_one_row_are_a_mistake(index: Index) -> None:
    with pytest.raises(ValueError, match="same row"):
        index.write(Put(Entry(ADA, "hello")), Remove(ADA, "hello"))


def test_a_row_past_its_expiry_is_hidden(ports: Ports) -> None:
    now = int(ports.clock.now())
    ports.index.write(
        Put(Entry(ADA, "later", expires_at=now + 10)), Put(Entry(ADA, "soon", expires_at=now + 5))
    )
    ports.clock.advance(5)
    assert ports.index.get(ADA, "soon") is None
    assert ports.index.get(ADA, "later") == Entry(ADA, "later", expires_at=now + 10)
    assert keys_of(ports.index) == ["later"]


def test_a_row_past_its_expiry_counts_as_absent(ports: Ports) -> None:
    ports.index.write(Put(Entry(ADA, "hello", expires_at=int(ports.clock.now()))))
    with pytest.raises(ConditionFailed):
        ports.index.write(Remove(ADA, "hello", if_present=True))
    ports.index.write(Put(Entry(ADA, "hello", {"new": True}), if_absent=True))
    assert ports.index.get(ADA, "hello") == Entry(ADA, "hello", {"new": True})


def test_rows_past_their_expiry_can_be_dropped(embedded: Ports) -> None:
    index, now = embedded.index, embedded.clock.now()
    assert isinstance(index, EmbeddedIndex)
    index.write(Put(Entry(ADA, "old", expires_at=int(now))), Put(Entry(ADA, "kept")))
    assert [index.expire(now), index.expire(now)] == [1, 0]
    assert keys_of(index) == ["kept"]


def test_a_prefix_selects_keys(index: Index) -> None:
    put(index, "w#1", "w#2", "w", "v#1", "w$")
    assert keys_of(index, "w#") == ["w#1", "w#2"]


def test_pages_follow_one_another_to_the_end(index: Index) -> None:
    put(index, "a", "b", "c", "d", "e")
    first = index.query(ADA, limit=2)
    second = index.query(ADA, limit=2, after=first.after)
    third = index.query(ADA, limit=2, after=second.after)
    pages = [[entry.key for entry in page.entries] for page in (first, second, third)]
    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    assert third.after is None


def test_a_full_last_page_is_the_end(index: Index) -> None:
    put(index, "a", "b")
    assert index.query(ADA, limit=2).after is None


def test_rows_past_their_expiry_do_not_shorten_a_page(ports: Ports) -> None:
    past = int(ports.clock.now()) - 1
    for key in "abcd":
        ports.index.write(Put(Entry(ADA, key, expires_at=past)))
    put(ports.index, "e", "f", "g")
    page = ports.index.query(ADA, limit=2)
    assert [entry.key for entry in page.entries] == ["e", "f"]
    assert page.after == "f"


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("w#1", ["w#2"]),
        ("w#15", ["w#2"]),
        ("a", ["w#1", "w#2"]),
        ("w#", ["w#1", "w#2"]),
        ("w#2", []),
        ("x", []),
    ],
)
def test_a_page_may_go_on_from_any_key(index: Index, after: str, expected: list[str]) -> None:
    put(index, "a", "w#1", "w#2", "x")
    assert keys_of(index, "w#", after=after) == expected


def test_a_page_has_at_least_one_row(index: Index) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        index.query(ADA, limit=0)


@pytest.mark.parametrize("key", ["", "x" * 1025, "é" * 513, "half \ud800"])
def test_what_cannot_be_a_key_is_refused_and_found_nowhere(index: Index, key: str) -> None:
    with pytest.raises(InvalidInput):
        index.write(Put(Entry(ADA, key)))
    with pytest.raises(InvalidInput):
        index.query(ADA, after=key)
    assert index.get(ADA, key) is None


def test_a_partition_that_cannot_be_is_empty(index: Index) -> None:
    assert index.get("p" * 2049, "hello") is None
    assert index.query("p" * 2049).entries == []


@pytest.mark.parametrize("prefix", ["x" * 1025, "half \ud800"])
def test_a_prefix_that_no_key_can_have_finds_nothing(index: Index, prefix: str) -> None:
    put(index, "hello")
    assert keys_of(index, prefix) == []


def test_a_value_that_fits_no_row_is_refused(index: Index) -> None:
    with pytest.raises(TooLarge):
        index.write(Put(Entry(ADA, "hello", {"text": "é" * 200_000})))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(keys=st.sets(KEYS, min_size=1, max_size=6), prefix=st.text("ab\U0010ffff", max_size=2))
def test_keys_come_in_the_order_of_their_bytes(index: Index, keys: set[str], prefix: str) -> None:
    partition = f"order#{uuid4()}"
    stored = {*keys, *(prefix + key for key in keys)}
    index.write(*(Put(Entry(partition, key)) for key in stored))
    found = [entry.key for entry in index.query(partition, prefix).entries]
    expected = [key for key in stored if key.startswith(prefix)]
    assert found == sorted(expected, key=str.encode)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(keys=st.sets(KEYS, min_size=1, max_size=8), limit=st.integers(1, 4))
def test_pages_of_any_size_hold_each_row_once(index: Index, keys: set[str], limit: int) -> None:
    partition = f"pages#{uuid4()}"
    index.write(*(Put(Entry(partition, key)) for key in keys))
    found: list[str] = []
    after: str | None = None
    while True:
        page = index.query(partition, limit=limit, after=after)
        found += [entry.key for entry in page.entries]
        after = page.after
        if after is None:
            break
    assert found == sorted(keys, key=str.encode)


def test_of_racing_unique_rows_one_is_written(index: Index) -> None:
    def claim(number: int) -> None:
        index.write(
            Put(Entry(ADA, f"id-{number}")),
            Put(Entry("names#ada", "hello", {"id": number}), if_absent=True),
        )

    outcomes = race(8, claim)
    (winner,) = winners(outcomes)
    name = index.get("names#ada", "hello")
    assert name is not None
    assert name.value == {"id": winner}
    assert keys_of(index) == [f"id-{winner}"]


def test_of_racing_removals_one_finds_the_row(index: Index) -> None:
    put(index, "hello")
    outcomes = race(8, lambda _: index.write(Remove(ADA, "hello", if_present=True)))
    assert len(winners(outcomes)) == 1


def test_texts_are_what_was_written_page_by_page(index: Index) -> None:
    index.write(*(Put(Entry(ADA, key, {"name": "Ada 数"})) for key in ("a/1", "a/2", "b")))
    first = index.texts(ADA, "a/", limit=1)
    rest = index.texts(ADA, "a/", after=first.after)
    assert [*first.rows, *rest.rows] == [(key, '{"name":"Ada 数"}') for key in ("a/1", "a/2")]
    assert (first.after, rest.after) == ("a/1", None)
