"""The changes that make the rows of a document on a shelf follow from its object."""

from collections.abc import Sequence, Set

from chalicelib.ports import Change, Entry, Index, Put, Remove
from chalicelib.services.library import items
from chalicelib.services.library.items import HEAD, Kind, Rows

Key = tuple[str, str]


def heads(index: Index, kind: Kind, uid: str, item_id: str) -> list[Entry]:
    """The rows that list a document, or have it in the recycle bin: one, if all is well."""
    if not items.is_id(item_id):
        return []
    places = (items.partition(kind, uid), items.bin_partition(kind, uid))
    return [entry for place in places for entry in index.query(place, f"{HEAD}{item_id}/").entries]


def own(index: Index, rows: Rows) -> set[Key]:
    """The unique rows that are this document's already."""
    found = ((key, index.get(*key)) for key in rows.unique)
    return {key for key, entry in found if entry == rows.others[key]}


def first(rows: Rows) -> tuple[list[Change], set[int]]:
    """The changes for a document that has no rows, its head first; which are for unique ones."""
    changes: list[Change] = [Put(rows.head, if_absent=True)]
    unique = set()
    for key, entry in rows.others.items():
        if key in rows.unique:
            unique.add(len(changes))
        changes.append(Put(entry, if_absent=key in rows.unique))
    return changes, unique


def next_(before: Rows, after: Rows) -> list[Change]:
    """The changes from the rows of one version to those of the one that replaced it."""
    changes: list[Change] = [
        Remove(before.head.partition, before.head.key, if_present=True),
        Put(after.head),
    ]
    changes += [Remove(*key) for key in sorted(before.others.keys() - after.others.keys())]
    changes += [
        Put(entry, if_absent=key in after.unique and key not in before.unique)
        for key, entry in after.others.items()
        if before.others.get(key) != entry
    ]
    return changes


def mended(
    found: Sequence[Entry], rows: Rows, already_own: Set[Key]
) -> tuple[list[Change], set[int]]:
    """The changes from these heads to these rows; which are for unique ones that are new.

    They lose if a head is not as it was found.
    """
    held = {(head.partition, str(key)) for head in found for key in head.value.get("rows", [])}
    held |= already_own
    right = next((head for head in found if _at(head) == _at(rows.head)), None)
    changes: list[Change] = [
        Remove(head.partition, head.key, if_present=True) for head in found if head is not right
    ]
    if right is None:
        changes.append(Put(rows.head, if_absent=True))
    else:
        changes.append(Put(rows.head, replacing=right.value))
    changes += [Remove(*key) for key in sorted(held - rows.others.keys())]
    taken = set()
    for key, entry in rows.others.items():
        is_new = key in rows.unique and key not in held
        if is_new:
            taken.add(len(changes))
        changes.append(Put(entry, if_absent=is_new))
    return changes, taken


def none(head: Entry) -> list[Change]:
    """The changes that take away a head, and the rows that it names."""
    rows = [Remove(head.partition, str(key)) for key in head.value.get("rows", [])]
    return [Remove(head.partition, head.key, if_present=True), *rows]


def _at(entry: Entry) -> Key:
    return entry.partition, entry.key
