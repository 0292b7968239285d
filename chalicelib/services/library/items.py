"""Documents of a user's with ids of their own: what one is, and where it and its rows are.

Objects:

    users/{uid}/{folder}/{itemId}/{file}      the document, with what only the server sees
    users/{uid}/{folder}/{itemId}/...         what belongs to it, such as pictures

Index rows, as partition: key:

    {uid}#{folder}: item/{itemId}/{version}      a document, as listed
                    ...                          others that its kind makes of it
    {uid}#{folder}#bin: item/{itemId}/{version}  a deleted one

An id is given once, and never again. So a document's object alone tells all there is to
know, also whether it is deleted, and rows can be made from objects at any time.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from chalicelib import json_text
from chalicelib.errors import InvalidInput, NewerFormat, NotFound
from chalicelib.ports import Entry, StoredDocument
from chalicelib.services.library import keys as library_keys

Document = dict[str, Any]
State = Mapping[str, Any]

CREATED, UPDATED, DELETED = "createdAt", "updatedAt", "deletedAt"
PURGED = "purged"
"""Of a deleted one: it is being removed for good, and cannot be brought back any more."""

HEAD = "item/"
FOLDERS = ("characters", "lorebooks")
"""The folders of all kinds that there are."""

_SERVER_FIELD = "$server"
# Absent in what is stored. A version that stores what this one would misread, or lose by
# saving, writes a higher number.
_FORMAT = 1
_ID = re.compile(r"[0-9a-z]{22}\Z")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# 36^9 milliseconds reach into the fifth millennium, and 36^13 is more than 2^67.
_TIME_DIGITS, _RANDOM_DIGITS = 9, 13


@dataclass(frozen=True, slots=True)
class Item:
    """A document: ``content`` is its user's, ``state`` the server's."""

    uid: str
    id: str
    content: Document
    state: State
    etag: str = ""
    version: str = ""
    size: int = 0
    """In bytes, of what was written just now."""

    @property
    def is_deleted(self) -> bool:
        """Is it in the recycle bin?"""
        return DELETED in self.state

    def changed(self, content: Document, **state: Any) -> "Item":
        """With other content, and some of its state changed; None takes a field away."""
        merged = {key: value for key, value in {**self.state, **state}.items() if value is not None}
        return replace(self, content=content, state=merged)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the rows of a document hold.

    ``head`` is the row that lists it. ``others`` are more rows of the partition, by key;
    those of ``unique`` can be one document's only.
    """

    head: Mapping[str, Any]
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unique: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Kind(Protocol):
    """What there is to know about documents of one kind."""

    @property
    def name(self) -> str:
        """What one is called in messages."""
        ...

    @property
    def folder(self) -> str:
        """Where they are."""
        ...

    @property
    def file(self) -> str:
        """The name of a document's own object."""
        ...

    def title(self, item: Item) -> str:
        """What its user calls it."""
        ...

    def shown(self, item: Item) -> Shown:
        """Its rows."""
        ...

    def moved(self, item: Item) -> Item:
        """The same with other unique rows, for those that it has are another's."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a document as it is now: the head, and the others by partition and key."""

    head: Entry
    others: Mapping[tuple[str, str], Entry]
    unique: frozenset[tuple[str, str]]


def folder_of(kind: Kind, uid: str, item_id: str) -> str:
    """What the keys of all objects of a document start with."""
    return f"{folder(kind, uid)}{item_id}/"


def folder(kind: Kind, uid: str) -> str:
    """What the keys of all documents of a kind start with."""
    return f"{library_keys.user_folder(uid)}{kind.folder}/"


def key_of(kind: Kind, uid: str, item_id: str) -> str:
    """The key of a document's own object."""
    return folder_of(kind, uid, item_id) + kind.file


def id_of(kind: Kind, uid: str, key: str) -> str | None:
    """The id of the document that has this key; None for all other objects."""
    item_id, _, name = key.removeprefix(folder(kind, uid)).partition("/")
    return item_id if name == kind.file and is_id(item_id) else None


def id_in(row: str) -> str:
    """The id of the document that a head row is of, by the row's key."""
    return row.removeprefix(HEAD).partition("/")[0]


def partition(kind: Kind, uid: str) -> str:
    """Where the rows are."""
    return list_of(uid, kind.folder)


def bin_partition(kind: Kind, uid: str) -> str:
    """Where the rows of deleted ones are."""
    return bin_of(uid, kind.folder)


def list_of(uid: str, folder: str) -> str:
    """Where the rows of a kind's documents are, by its folder."""
    return f"{uid}#{folder}"


def bin_of(uid: str, folder: str) -> str:
    """Where the rows of deleted ones are, by their kind's folder."""
    return f"{uid}#{folder}#bin"


def rows_of(kind: Kind, item: Item) -> Rows:
    """The rows that show a document as it is; they follow from it alone."""
    key = f"{HEAD}{item.id}/{item.version}"
    if item.is_deleted:
        value = {"name": kind.title(item), DELETED: item.state[DELETED]}
        return Rows(Entry(bin_partition(kind, item.uid), key, value), {}, frozenset())
    place, shown = partition(kind, item.uid), kind.shown(item)
    made = {**shown.others, **shown.unique}
    head = {"rows": sorted(made), **shown.head}
    return Rows(
        Entry(place, key, head),
        {(place, name): Entry(place, name, value) for name, value in made.items()},
        frozenset((place, name) for name in shown.unique),
    )


def new_id(now: float, seed: str | None = None) -> str:
    """An id: of two that were made at different times the later one sorts first.

    The same ``seed`` at the same time gives the same id.
    """
    most = len(_DIGITS) ** _TIME_DIGITS - 1
    by_time = most - int(now * 1000) % (most + 1)
    if seed is None:
        rest = secrets.randbelow(len(_DIGITS) ** _RANDOM_DIGITS)
    else:
        digest = hashlib.blake2b(seed.encode(), digest_size=16).digest()
        rest = int.from_bytes(digest, "big") % len(_DIGITS) ** _RANDOM_DIGITS
    return _base36(by_time, _TIME_DIGITS) + _base36(rest, _RANDOM_DIGITS)


def is_id(text: str) -> bool:
    """Could this be an id?"""
    return _ID.match(text) is not None


def encoded(item: Item) -> bytes:
    """A document as its object; ``InvalidInput`` for what no object can hold."""
    try:
        return json_text.dumps_exact({**item.content, _SERVER_FIELD: item.state}).encode()
    except ValueError as error:
        raise InvalidInput("A string holds half of a surrogate pair") from error


def decoded(kind: Kind, uid: str, item_id: str, found: StoredDocument) -> Item:
    """A document that was read; ``NotFound`` for what is none, ``NewerFormat``."""
    try:
        content = json_text.loads_exact(found.body.decode())
    except ValueError:
        content = None
    state = content.pop(_SERVER_FIELD, None) if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise NotFound(f"The {kind.name} cannot be read")
    if state.get("format", _FORMAT) > _FORMAT:
        raise NewerFormat(kind.name)
    return Item(uid, item_id, content, state, found.etag, found.version, len(found.body))


def _base36(number: int, digits: int) -> str:
    found = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_DIGITS))
        found = _DIGITS[digit] + found
    return found
