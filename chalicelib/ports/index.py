"""Sorted rows in partitions: lists, uniqueness, accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: ``value`` is JSON; past ``expires_at`` (epoch seconds) it may vanish."""

    partition: str
    key: str
    value: Mapping[str, Any] = field(default_factory=dict)
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a query; ``after`` is the key to go on from, None at the end."""

    entries: Sequence[Entry]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class TextPage:
    """As ``Page``, each row as its key and its value's JSON as it was written."""

    rows: Sequence[tuple[str, str]]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """Write a row; with ``if_absent`` only where there is none.

    With ``replacing``, the value as it was read, only where the row still has it.
    Its expiry is not compared.
    """

    entry: Entry
    if_absent: bool = False
    replacing: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete a row; with ``if_present`` it must be there."""

    partition: str
    key: str
    if_present: bool = False


@dataclass(frozen=True, slots=True)
class Add:
    """Add to the numbers of a row that holds nothing else; one that is not there is 0.

    A positive amount loses if the number would get past ``at_most``. Nobody's
    addition is ever lost. The key of a row that expires must not come again.
    """

    partition: str
    key: str
    amounts: Mapping[str, int]
    at_most: Mapping[str, int] = field(default_factory=dict)
    expires_at: int | None = None


Change = Put | Remove | Add


class Index(Protocol):
    """Sorted rows in partitions, for lists and uniqueness (DynamoDB semantics)."""

    def get(self, partition: str, key: str) -> Entry | None:
        """One row, strongly consistent; one past its expiry is None."""
        ...

    def query(
        self,
        partition: str,
        prefix: str = "",
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page:
        """Rows whose keys start with ``prefix``, ordered by the key's UTF-8 bytes.

        ``limit`` None returns them all. Rows past their expiry are left out.
        """
        ...

    def texts(
        self,
        partition: str,
        prefix: str = "",
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> TextPage:
        """What ``query`` gives of rows that were put, for who sends them on unread."""
        ...

    def write(self, *changes: Change) -> None:
        """Apply 1 to 100 changes of distinct rows, all or none.

        ``ConditionFailed`` names the positions of those that lost.
        """
        ...

    def add(self, addition: Add) -> Mapping[str, int]:
        """Apply it alone; all numbers of the row after it. ``ConditionFailed``.

        Where an answer is lost on its way it may be applied twice.
        """
        ...

    def expire(self, now: float) -> int:
        """Drop rows past ``expires_at``; how many.

        Where the store expires rows by itself this does nothing.
        """
        ...
