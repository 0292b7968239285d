"""How much a user keeps: documents, and bytes with all their versions.

One row of numbers a user, added to in the very write that lists a document, so a
save costs no call more and no addition is lost. The numbers only ever grow: what is
removed for good, by the user or by the bucket's lifecycle, is not taken off. So
when a limit is reached the store is asked what there is (at most once a minute),
and the number is set right before anybody is refused.

An own limit of a user's is a number that was granted to him beyond the limit of
all (or taken off it). It is subtracted from what he uses, so that no write has to
read which limit is his: ``documents`` is what he has, less what was granted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.errors import ConditionFailed, TavernError, TooLarge
from chalicelib.ports import Add, DocumentStore, Entry, Index, Put
from chalicelib.services.library import keys as library_keys

_ROW = "usage"
_RECOUNTED = "recounted"
_RECOUNT_SECONDS = 60
DOCUMENTS, BYTES = "documents", "bytes"


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """What a user may keep who has no limits of his own; None for as much as he likes."""

    documents: int | None = None
    bytes: int | None = None

    def named(self) -> dict[str, int]:
        """Those that there are, by the name of their number."""
        found = {DOCUMENTS: self.documents, BYTES: self.bytes}
        return {name: limit for name, limit in found.items() if limit is not None}


UNLIMITED = StorageLimits()
_NO_MARKS: Mapping[str, int] = {}


class Usage:
    """The numbers of all users."""

    def __init__(
        self, documents: DocumentStore, index: Index, limits: StorageLimits = UNLIMITED
    ) -> None:
        self._documents = documents
        self._index = index
        self._limits = limits.named()

    def added(
        self,
        uid: str,
        size: int,
        *,
        documents: int = 0,
        marks: Mapping[str, int] = _NO_MARKS,
    ) -> Add:
        """The change for one more version of so many bytes; it loses past a limit.

        ``marks`` are added to numbers of that name, which only tell that there was a change.
        """
        amounts = {BYTES: size, **({DOCUMENTS: documents} if documents else {}), **marks}
        return Add(library_keys.usage_partition(uid), _ROW, amounts, self._limits)

    def make_room(self, uid: str, addition: Add, now: float) -> None:
        """What ``added`` gave has lost: count anew, if that was not done a moment ago.

        Returns if there is room after it; else ``TooLarge`` with the limit.
        """
        if self._may_recount(uid, now):
            self.recount(uid, without=addition.amounts)
        granted, used = self.granted(uid), self.used(uid)
        for name, amount in addition.amounts.items():
            limit = self._limits.get(name)
            if limit is None or used[name] + amount <= limit + granted[name]:
                continue
            most = limit + granted[name]
            raise TooLarge(
                f"At most {most} {name} are kept for a user, and this would be"
                f" {used[name] + amount}: remove something for good",
                {name: [f"at most {most}"]},
            )

    def number(self, uid: str, name: str) -> int:
        """A number of a user's, as it was marked."""
        return self._numbers(uid).get(name, 0)

    def used(self, uid: str) -> dict[str, int]:
        """What is counted of a user's."""
        numbers = self._numbers(uid)
        return {
            name: numbers.get(name, 0) + numbers.get(_granted(name), 0)
            for name in (DOCUMENTS, BYTES)
        }

    def granted(self, uid: str) -> dict[str, int]:
        """By how much the user's own limits differ from those of all."""
        numbers = self._numbers(uid)
        return {name: numbers.get(_granted(name), 0) for name in (DOCUMENTS, BYTES)}

    def grant(self, uid: str, name: str, amount: int) -> None:
        """Have a user's limit differ by so much from that of all."""
        missing = amount - self.granted(uid)[name]
        while missing:
            change = {name: -missing, _granted(name): missing}
            self._index.add(Add(library_keys.usage_partition(uid), _ROW, change))
            missing = amount - self.granted(uid)[name]  # somebody else may have set it too

    def recount(self, uid: str, *, without: Mapping[str, int] | None = None) -> dict[str, int]:
        """Set the numbers right by what the store has; what is used.

        ``without`` what is in the store already and not to be counted yet. What is
        saved meanwhile may be counted twice, until the next time.
        """
        before = self.used(uid)
        keys: set[str] = set()
        found = {DOCUMENTS: 0, BYTES: 0}
        for key, version in self._documents.history(library_keys.user_folder(uid)):
            found[BYTES] += version.size
            if not version.deleted and library_keys.is_document(uid, key):
                keys.add(key)
        found[DOCUMENTS] = len(keys)
        for name in found:
            found[name] -= (without or {}).get(name, 0)
        drift = {name: found[name] - before[name] for name in found if found[name] != before[name]}
        if drift:
            self._index.add(Add(library_keys.usage_partition(uid), _ROW, drift))
        return found

    def _may_recount(self, uid: str, now: float) -> bool:
        expiry = int(now) + _RECOUNT_SECONDS
        entry = Entry(library_keys.usage_partition(uid), _RECOUNTED, {}, expiry)
        try:
            self._index.write(Put(entry, if_absent=True))
        except ConditionFailed:
            return False
        return True

    def _numbers(self, uid: str) -> Mapping[str, int]:
        found = self._index.get(library_keys.usage_partition(uid), _ROW)
        return {} if found is None else found.value


def refused_for_room(error: TavernError, position: int) -> bool:
    """Whether a write was lost for its addition alone, which stood at this position."""
    return isinstance(error, ConditionFailed) and error.positions == (position,)


def _granted(name: str) -> str:
    return f"{name}Granted"
