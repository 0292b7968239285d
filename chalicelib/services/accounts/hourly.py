"""How much of something costly a user may have done in an hour."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.errors import ConditionFailed, TooManyRequests
from chalicelib.ports import Add, Clock, Index
from chalicelib.services.accounts import rows

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Hourly:
    """A limit an hour and user. ``name`` is the row's; ``most`` says how much of what.

    ``message`` tells who is past it.
    """

    name: str
    most: Mapping[str, int]
    message: str

    def count(self, accounts: Index, clock: Clock, uid: str, amounts: Mapping[str, int]) -> None:
        """Count these amounts, named as in ``most``; ``TooManyRequests``.

        Hours are those of the clock. One write; what is refused is not counted.
        """
        now = int(clock.now())
        hour, gone = divmod(now, _HOUR)
        row = f"{self.name}#{hour}"
        addition = Add(rows.of_rate(uid), row, amounts, self.most, now + 2 * _HOUR)
        try:
            accounts.add(addition)
        except ConditionFailed as error:
            raise TooManyRequests(self.message, retry_after=_HOUR - gone) from error
