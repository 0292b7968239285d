"""So many at once, and no more."""

import threading

import pytest

from chalicelib.errors import TooManyRequests
from chalicelib.slots import Slots


def test_who_finds_no_place_in_time_is_told_to_come_again() -> None:
    slots = Slots("sign-ins", count=2, seconds=0.01)
    with slots, slots, pytest.raises(TooManyRequests, match="sign-ins") as refused, slots:
        pass
    assert refused.value.retry_after > 0


def test_a_place_is_given_back_also_after_an_error() -> None:
    slots = Slots("sign-ins", count=1, seconds=0)
    with pytest.raises(LookupError), slots:
        raise LookupError
    with slots:
        pass


def test_who_waits_gets_the_next_place() -> None:
    slots = Slots("sign-ins", count=1, seconds=20)
    entered = threading.Event()

    def wait() -> None:
        with slots:
            entered.set()

    waiting = threading.Thread(target=wait)
    with slots:
        waiting.start()
        assert not entered.is_set()
    waiting.join(timeout=20)
    assert entered.is_set()
