"""How many requests a user may make, counted by processes that tell each other seldom."""

from collections.abc import Iterator, Mapping
from contextlib import closing

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.errors import TooManyRequests
from chalicelib.ports import Add, Index
from chalicelib.services.accounts.request_rate import RequestRate
from tests.clock import ManualClock

LIMIT = 100
PART = LIMIT // 20


class Own:
    """The limits that users have of their own."""

    def __init__(self, **limits: int) -> None:
        self._limits = limits

    def limit(self, uid: str, name: str) -> int | None:
        return self._limits.get(uid, LIMIT)


class Counted:
    """An index that counts the additions."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.additions = 0

    def add(self, addition: Add) -> Mapping[str, int]:
        self.additions += 1
        return self._index.add(addition)

    def __getattr__(self, name: str) -> object:
        return getattr(self._index, name)


@pytest.fixture
def clock() -> ManualClock:
    clock = ManualClock()
    clock.advance(60 - clock.now() % 60)
    return clock


@pytest.fixture
def accounts(clock: ManualClock) -> Iterator[Index]:
    with closing(Database(None)) as database:
        yield EmbeddedIndex(database, clock, "account_entries")


def admitted(*processes: RequestRate, tries: int, uid: str = "ada") -> int:
    """How many of so many requests are let through, the processes taking turns."""
    count = 0
    for number in range(tries):
        try:
            processes[number % len(processes)].count(uid)
        except TooManyRequests:
            continue
        count += 1
    return count


def test_one_process_keeps_to_the_limit(accounts: Index, clock: ManualClock) -> None:
    rate = RequestRate(accounts, Own(), clock, LIMIT)
    assert admitted(rate, tries=3 * LIMIT) == LIMIT


def test_a_refusal_names_the_limit_and_when_the_minute_is_over(
    accounts: Index, clock: ManualClock
) -> None:
    rate = RequestRate(accounts, Own(), clock, LIMIT)
    admitted(rate, tries=LIMIT)
    clock.advance(20)
    with pytest.raises(TooManyRequests) as caught:
        rate.count("ada")
    assert caught.value.details == {"requestsAMinute": ["at most 100"]}
    assert caught.value.retry_after in (40, 41)


def test_the_next_minute_begins_anew(accounts: Index, clock: ManualClock) -> None:
    rate = RequestRate(accounts, Own(), clock, LIMIT)
    admitted(rate, tries=2 * LIMIT)
    clock.advance(60)
    assert admitted(rate, tries=2 * LIMIT) == LIMIT


@pytest.mark.parametrize("processes", [2, 5])
def test_several_processes_get_past_the_limit_by_what_they_have_not_told(
    accounts: Index, clock: ManualClock, processes: int
) -> None:
    rates = [RequestRate(accounts, Own(), clock, LIMIT) for _ in range(processes)]
    assert LIMIT <= admitted(*rates, tries=10 * LIMIT) <= LIMIT + processes * PART


def test_users_do_not_count_for_each_other(accounts: Index, clock: ManualClock) -> None:
    rate = RequestRate(accounts, Own(), clock, LIMIT)
    admitted(rate, tries=LIMIT)
    assert admitted(rate, tries=LIMIT, uid="bob") == LIMIT


def test_a_user_has_a_limit_of_his_own(accounts: Index, clock: ManualClock) -> None:
    rate = RequestRate(accounts, Own(ada=200, bob=60), clock, LIMIT)
    assert admitted(rate, tries=500) == 200
    assert admitted(rate, tries=500, uid="bob") == 60


def test_few_requests_cost_no_call_and_many_one_in_a_twentieth(
    accounts: Index, clock: ManualClock
) -> None:
    counted = Counted(accounts)
    rate = RequestRate(counted, Own(), clock, LIMIT)  # type: ignore[arg-type]
    admitted(rate, tries=PART - 1)
    assert counted.additions == 0
    admitted(rate, tries=LIMIT)
    assert counted.additions == LIMIT // PART
    admitted(rate, tries=LIMIT)  # all refused
    assert counted.additions == LIMIT // PART


def test_without_a_limit_nothing_is_counted(accounts: Index, clock: ManualClock) -> None:
    counted = Counted(accounts)
    rate = RequestRate(counted, Own(), clock, None)  # type: ignore[arg-type]
    assert admitted(rate, tries=1000) == 1000
    assert counted.additions == 0
