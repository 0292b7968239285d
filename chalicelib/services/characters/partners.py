"""Which character a file is a part of."""

from collections.abc import Iterator

from chalicelib.ports import Entry
from chalicelib.services.characters import names
from chalicelib.services.characters.incoming import Incoming
from chalicelib.services.characters.once import Once
from chalicelib.services.characters.rows import BY_FILE, BY_IMAGE, BY_NAME, MERGED, PARTS
from chalicelib.services.library.items import Item
from chalicelib.services.library.shelf import Shelf


def partner(shelf: Shelf, uid: str, incoming: Incoming, once: Once | None) -> str | None:
    """The character that lacks what came, and has the same file's or character's name."""
    if len(incoming.parts) != 1:  # an archive lacks nothing
        return None
    if once is not None and once.sibling is not None:
        return once.sibling.id
    for row in _of_file(shelf, uid, incoming):
        if (once is None or row.value["id"] not in once.apart) and _lacks(row, incoming, once):
            return str(row.value["id"])
    if incoming.card is None:
        return None
    wanted = f"{BY_NAME}{names.folded(incoming.card.name)}/"
    for row in shelf.index.query(shelf.partition(uid), wanted).entries:
        shown = row.value["entry"]
        is_other = (shown["imageName"] is None) is not (incoming.picture is None)
        if is_other and shown["name"] == incoming.card.name and _lacks(row, incoming, once):
            return str(shown["id"])
    return None


def was_tried(item: Item, once: Once | None) -> bool:
    """Was the character's object changed by an earlier try, which was not listed?"""
    return once is not None and item.state.get(MERGED) == once.id


def _of_file(shelf: Shelf, uid: str, incoming: Incoming) -> Iterator[Entry]:
    """The characters that have a file of this name, of the other kind."""
    partition = shelf.partition(uid)
    if incoming.picture is None:
        for row in shelf.index.query(partition, f"{BY_IMAGE}{incoming.stem}.").entries:
            if names.stem_of(row.key.removeprefix(BY_IMAGE)) == incoming.stem:
                yield row
    else:
        found = shelf.index.get(partition, BY_FILE + incoming.stem)
        if found is not None:
            yield found


def _lacks(row: Entry, incoming: Incoming, once: Once | None) -> bool:
    """Does the character of a row lack what came, or was it given to it by an earlier try?"""
    tried = once is not None and row.value.get(MERGED) == once.id
    return tried or not set(row.value.get(PARTS, [])) & incoming.parts
