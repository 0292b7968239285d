"""Who takes over an upload: one at a time, and with success once.

A row is there before anything is read or written for an upload. It names the character
that is to come of it, so that what a crash leaves is gone on with under the same id. It
is good for a while only: what its holder left undone by then, another may do.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import ConditionFailed, NotFound, TavernError
from chalicelib.ports import Clock, Entry, Index, Put
from chalicelib.services.library import items
from chalicelib.services.uploads import partition

CLAIM_SECONDS = 60

_KEPT_SECONDS = 24 * 3600  # longer than any offer lasts
_FREE = 0
_USED = -1


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one character, with that id, of an upload."""

    item_id: str
    row: Entry

    def used(self) -> Put:
        """The change that uses it up; it loses if the claim is another's by now."""
        return self.until(_USED)

    def until(self, moment: int) -> Put:
        """The change that gives it another end."""
        value = {**self.row.value, "until": moment}
        row = Entry(self.row.partition, self.row.key, value, self.row.expires_at)
        return Put(row, replacing=self.row.value)


class Claims:
    """The claims of all users."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock

    @contextmanager
    def claimed(self, uid: str, upload_id: str) -> Iterator[Claim]:
        """Hold a claim; ``NotFound`` if it was used, or another has it.

        After an error it is free again; after a crash in ``CLAIM_SECONDS``.
        """
        claim = self._claim(uid, upload_id)
        try:
            yield claim
        except TavernError:
            with suppress(ConditionFailed):  # it lapsed, and is another's
                self._index.write(claim.until(_FREE))
            raise

    def _claim(self, uid: str, upload_id: str) -> Claim:
        key, now = f"taken/{upload_id}", int(self._clock.now())
        found = self._index.get(partition(uid), key)
        value: dict[str, Any] = {"id": items.new_id(now), "until": now + CLAIM_SECONDS}
        if found is not None:
            if found.value["until"] == _USED or found.value["until"] > now:
                raise _taken()
            value["id"] = found.value["id"]
        row = Entry(partition(uid), key, value, now + _KEPT_SECONDS)
        try:
            if found is None:
                self._index.write(Put(row, if_absent=True))
            else:
                self._index.write(Put(row, replacing=found.value))
        except ConditionFailed as lost:
            raise _taken() from lost
        return Claim(str(value["id"]), row)


def _taken() -> NotFound:
    return NotFound("No such upload: it was taken over already, or just is")
