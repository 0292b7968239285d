"""How many pictures of himself a user sets in an hour: cleaning one takes up to a second."""

from chalicelib.ports import Clock, Index
from chalicelib.services.accounts.hourly import Hourly

PER_HOUR = 60

_COUNT = "avatars"
_RATE = Hourly(_COUNT, {_COUNT: PER_HOUR}, f"More than {PER_HOUR} pictures in an hour")


def count(accounts: Index, clock: Clock, uid: str) -> None:
    """One more that is sent, whether or not it is a picture; ``TooManyRequests``."""
    _RATE.count(accounts, clock, uid, {_COUNT: 1})
