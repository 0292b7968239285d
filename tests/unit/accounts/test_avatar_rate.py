"""How many pictures a user may set in an hour."""

import pytest

from chalicelib.errors import TooManyRequests
from chalicelib.services.accounts import avatar_rate
from chalicelib.services.accounts.avatar_rate import PER_HOUR
from tests.unit.accounts.desk import Desk

HOUR = 3600


def test_a_user_sets_so_many_pictures_in_an_hour_and_then_again_in_the_next(desk: Desk) -> None:
    for _ in range(PER_HOUR):
        avatar_rate.count(desk.accounts, desk.clock, "ada")
    with pytest.raises(TooManyRequests, match=f"More than {PER_HOUR} pictures") as refused:
        avatar_rate.count(desk.accounts, desk.clock, "ada")
    avatar_rate.count(desk.accounts, desk.clock, "eve")
    assert 0 < refused.value.retry_after <= HOUR
    desk.clock.advance(refused.value.retry_after)
    avatar_rate.count(desk.accounts, desk.clock, "ada")
