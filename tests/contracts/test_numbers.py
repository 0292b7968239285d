"""Rows of numbers, on every family: nothing that is added is lost, and no bound is passed."""

import pytest

from chalicelib.errors import ConditionFailed, InvalidInput
from chalicelib.ports import Add, Entry, Index, Put
from tests.contracts.conftest import Ports
from tests.contracts.race import race, winners

ADA = "ada#usage"


@pytest.fixture
def index(ports: Ports) -> Index:
    return ports.index


def add(most: dict[str, int] | None = None, **amounts: int) -> Add:
    return Add(ADA, "usage", amounts, most or {})


def test_numbers_begin_at_zero_and_add_up(index: Index) -> None:
    assert index.add(add(bytes=5, documents=1)) == {"bytes": 5, "documents": 1}
    assert index.add(add(bytes=-7)) == {"bytes": -2, "documents": 1}
    assert index.get(ADA, "usage") == Entry(ADA, "usage", {"bytes": -2, "documents": 1})


@pytest.mark.parametrize(("before", "amount"), [(0, 11), (10, 1), (4, 7), (12, 1)])
def test_an_addition_past_its_bound_loses_and_changes_nothing(
    index: Index, before: int, amount: int
) -> None:
    index.add(add(bytes=before))
    with pytest.raises(ConditionFailed) as caught:
        index.add(add({"bytes": 10}, bytes=amount, documents=1))
    assert caught.value.positions == (0,)
    assert index.get(ADA, "usage") == Entry(ADA, "usage", {"bytes": before})


def test_a_first_addition_past_its_bound_loses(index: Index) -> None:
    with pytest.raises(ConditionFailed):
        index.add(add({"bytes": 10}, bytes=11))
    assert index.get(ADA, "usage") is None


def test_an_addition_up_to_its_bound_is_made(index: Index) -> None:
    index.add(add(bytes=4))
    assert index.add(add({"bytes": 10}, bytes=6))["bytes"] == 10


def test_a_number_above_its_bound_may_fall(index: Index) -> None:
    index.add(add(bytes=30))
    assert index.add(add({"bytes": 10}, bytes=-5))["bytes"] == 25


def test_an_addition_that_loses_stops_the_changes_with_it(index: Index) -> None:
    with pytest.raises(ConditionFailed) as caught:
        index.write(Put(Entry("ada", "hello")), add({"bytes": 1}, bytes=2))
    assert caught.value.positions == (1,)
    assert index.get("ada", "hello") is None


def test_additions_are_made_with_other_changes(index: Index) -> None:
    for _ in range(2):
        index.write(Put(Entry("ada", "hello")), add({"bytes": 100}, bytes=2))
    assert index.get(ADA, "usage") == Entry(ADA, "usage", {"bytes": 4})


def test_no_simultaneous_addition_is_lost(index: Index) -> None:
    outcomes = race(8, lambda _: index.add(add(bytes=3)))
    assert len(winners(outcomes)) == 8
    assert index.get(ADA, "usage") == Entry(ADA, "usage", {"bytes": 24})


def test_of_simultaneous_additions_only_as_many_are_made_as_fit(index: Index) -> None:
    outcomes = race(8, lambda _: index.add(add({"bytes": 10}, bytes=3)))
    assert len(winners(outcomes)) == 3
    assert index.get(ADA, "usage") == Entry(ADA, "usage", {"bytes": 9})


def test_a_row_of_numbers_expires_as_any(ports: Ports) -> None:
    now = int(ports.clock.now())
    ports.index.add(Add(ADA, "usage", {"requests": 1}, expires_at=now + 5))
    assert ports.index.get(ADA, "usage") == Entry(ADA, "usage", {"requests": 1}, now + 5)
    ports.clock.advance(5)
    assert ports.index.get(ADA, "usage") is None


def test_what_cannot_be_a_key_has_no_numbers(index: Index) -> None:
    with pytest.raises(InvalidInput):
        index.add(Add(ADA, "", {"bytes": 1}))
