"""The list of what was repaired in a file."""

import re
from collections.abc import Iterable

from chalicelib.cards.card import Repair

MAX_REPAIRS = 100
_MAX_COUNTED = 10_000
_INDEX = re.compile(r"\[\d+\]")
_UNCOUNTED = Repair("the card", "there may be more repairs, which were not counted")


class Notes:
    """Gathers repairs; what is wrong in the same way in many items of a list is one repair."""

    def __init__(self, repairs: Iterable[Repair] = ()) -> None:
        self._first: dict[tuple[str, str], Repair] = {}
        self._times: dict[tuple[str, str], int] = {}
        self._left = _MAX_COUNTED
        for repair in repairs:
            self.add(repair.where, repair.what)

    def add(self, where: str, what: str) -> None:
        """What was wrong at a place, and what was read instead.

        After ten thousand nothing more is noted: files made to cost time have millions.
        """
        if not self._left:
            return
        self._left -= 1
        kind = (_INDEX.sub("[]", where), what)
        self._first.setdefault(kind, Repair(where, what))
        self._times[kind] = self._times.get(kind, 0) + 1

    @property
    def full(self) -> bool:
        """Whether nothing more is noted."""
        return not self._left

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """All of them, for other notes to take over."""
        found = tuple(
            repair if self._times[kind] == 1 else _repeated(repair, self._times[kind] - 1)
            for kind, repair in self._first.items()
        )
        return found if self._left else (*found, _UNCOUNTED)

    @property
    def told(self) -> tuple[Repair, ...]:
        """What the user is told: at most ``MAX_REPAIRS``, and how many there are beside."""
        found = self.repairs
        more = len(found) - MAX_REPAIRS
        if more <= 0:
            return found
        return (*found[:MAX_REPAIRS], Repair("the card", f"{more} further repairs"))


def _repeated(repair: Repair, more: int) -> Repair:
    return Repair(repair.where, f"{repair.what} (and {more} more like it)")
