"""What a user can do with characters, one at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib import cards, json_text
from chalicelib.cards import Budget, Card, Repair
from chalicelib.cards.conversions import nests_deeper
from chalicelib.cards.limits import MAX_FILE_BYTES, MAX_JSON_DEPTH
from chalicelib.errors import InvalidInput, NotFound, TooLarge
from chalicelib.ports import Change, Entry
from chalicelib.services.characters import names
from chalicelib.services.characters.incoming import Incoming, Picture
from chalicelib.services.characters.merging import merged
from chalicelib.services.characters.objects import NoPartnerError, object_files, writing
from chalicelib.services.characters.rows import (
    ASSETS,
    BY_FILE,
    BY_IMAGE,
    BY_NAME,
    CARD,
    IMAGE,
    IMAGE_NAME,
    MERGED,
    PARTS,
    PICTURE,
    SOURCES,
    STEM,
    CharacterKind,
    card_of,
    content_of,
    entry,
    image_of,
)
from chalicelib.services.characters.sources import known
from chalicelib.services.library import items
from chalicelib.services.library.if_match import IfMatch
from chalicelib.services.library.items import Document, Item
from chalicelib.services.library.merge_patch import merge_patched
from chalicelib.services.library.shelf import Shelf, Views

_SERVER_OWN = (IMAGE_NAME, PARTS, SOURCES, STEM)


@dataclass(frozen=True, slots=True)
class Kept:
    """A character as it is now. ``merged`` says that it was there, and got another part."""

    item: Item
    repairs: Sequence[Repair] = ()
    merged: bool = False

    def entry(self) -> Document:
        """For lists."""
        return entry(self.item, card_of(self.item))

    def view(self) -> Document:
        """With the whole card."""
        return {**self.entry(), "card": dict(self.item.content)}


@dataclass(frozen=True, slots=True)
class Once:
    """What makes that a file is kept once, however often that is tried.

    ``id`` is the file's own: that of the character that it becomes. ``changes`` tells what
    else the transaction has to do that lists the character, from that one's id and from
    whether it was there before.
    """

    id: str
    changes: Callable[[str, bool], Sequence[Change]]


class Characters:
    """The characters of all users; everyone sees his own."""

    def __init__(self, shelf: Shelf, kind: CharacterKind) -> None:
        self._shelf = shelf
        self._kind = kind

    def receive(
        self, uid: str, name: str | None, data: bytes, budget: Budget | None = None
    ) -> Kept:
        """Keep a file of any kind; the errors of ``Incoming.read`` and of ``add``.

        ``budget`` is what all files that come together may cost.
        """
        return self.add(uid, Incoming.read(name, data, uid=uid, budget=budget))

    def add(
        self,
        uid: str,
        incoming: Incoming,
        *,
        once: Once | None = None,
    ) -> Kept:
        """Keep what came as a file.

        A card and a picture of the same file name, or of the same character's name, are one
        character: its fields are the card's, and where that says nothing the picture's.
        Everything else is a character of its own, under the next free name.

        ``ConditionFailed`` if the changes of ``once`` lose. ``TooLarge``.
        """
        partner = self._partner(uid, incoming, once)
        if partner is not None:
            try:
                return self._merge(uid, partner, incoming, once)
            except (NotFound, NoPartnerError):  # it was deleted, or found another one meanwhile
                pass
        item_id = self._shelf.new_id() if once is None else once.id
        item = Item(uid, item_id, content_of(incoming.filled()), {})
        also = () if once is None else once.changes(item_id, False)
        state: dict[str, Any] = {PARTS: sorted(incoming.parts), STEM: incoming.stem}
        state[SOURCES] = [incoming.source]
        with writing(self._shelf, uid, item_id) as objects:
            if incoming.assets:
                digest = objects.archive(incoming.assets)
                state[ASSETS] = {"hash": digest, "size": len(incoming.assets)}
            if incoming.picture is None:
                state[STEM] = self._kind.free(uid, BY_FILE, incoming.stem)
            else:
                objects.picture(incoming.picture)
                state[IMAGE] = incoming.picture.image.value()
                state[IMAGE_NAME] = self._kind.free(uid, BY_IMAGE, incoming.image_name)
            made = self._shelf.create(
                item.changed(item.content, **state), extra_bytes=incoming.size, also=also
            )
        return Kept(made, incoming.repairs)

    def made_of(self, uid: str) -> dict[str, str]:
        """The ids of all characters by what the files they were made of are known by."""
        return known(self._shelf, uid)

    def get(self, uid: str, character_id: str) -> Kept:
        """A character; ``NotFound``. One read."""
        return Kept(self._shelf.get(uid, character_id))

    def replace(
        self, uid: str, character_id: str, body: object, if_match: IfMatch | None = None
    ) -> Kept:
        """Give a character another card, whole, as one of any version.

        ``InvalidInput``, ``NotFound``, ``PreconditionFailed``.
        """
        given = body["card"] if isinstance(body, dict) and _is_wrapped(body) else body
        read = cards.interpret(given, stem=" ", place="card")
        if read.card is None:
            raise InvalidInput.field("card", "a character card is expected")
        content = content_of(read.card)
        item = self._shelf.change(uid, character_id, lambda item: item.changed(content), if_match)
        return Kept(item, read.repairs)

    def patch(
        self, uid: str, character_id: str, body: object, if_match: IfMatch | None = None
    ) -> Kept:
        """Change some fields of a card's ``data``; null takes one away (RFC 7396).

        ``favorite`` is for the one in ``extensions``, where other programs look for it.
        ``InvalidInput``, ``NotFound``, ``PreconditionFailed``, ``TooLarge``.
        """
        if not isinstance(body, dict) or not body:
            raise InvalidInput("An object with the fields to change is expected")
        fields = {key: value for key, value in body.items() if key != "favorite"}
        if "favorite" in body:
            if not isinstance(body["favorite"], bool):
                raise InvalidInput.field("favorite", "true or false is expected")
            extensions = fields.get("extensions")
            own = extensions if isinstance(extensions, dict) else {}
            fields["extensions"] = {**own, "fav": body["favorite"]}

        def patched(item: Item) -> Item:
            card = card_of(item)
            data = merge_patched(card.data, fields)
            content = content_of(Card(data, card.others, card.spec_version))
            _check(content)
            return item.changed(content)

        return Kept(self._shelf.change(uid, character_id, patched, if_match))

    def delete(self, uid: str, character_id: str, if_match: IfMatch | None = None) -> None:
        """Put a character into the recycle bin; ``NotFound``, ``PreconditionFailed``."""
        self._shelf.delete(uid, character_id, if_match)

    def duplicate(self, uid: str, character_id: str) -> Kept:
        """Another character that is just like this one, under the next free name; ``NotFound``."""
        old = self._shelf.get(uid, character_id)
        image = image_of(old)
        copy = Item(uid, self._shelf.new_id(), old.content, old.state)
        state: dict[str, Any] = {STEM: self._kind.free(uid, BY_FILE, str(old.state[STEM]))}
        state[MERGED] = state[SOURCES] = None
        copied = 0
        with writing(self._shelf, uid, copy.id) as objects:
            for name in object_files(old):
                found = self._shelf.documents.get(self._shelf.folder(uid, old.id) + name)
                objects.put(name, found.body, found.content_type)
                copied += len(found.body)
            if image is not None:
                state[IMAGE_NAME] = self._kind.free(uid, BY_IMAGE, str(old.state[IMAGE_NAME]))
            made = self._shelf.create(copy.changed(copy.content, **state), extra_bytes=copied)
        return Kept(made)

    def set_image(
        self, current: Item, name: str | None, data: bytes, if_match: IfMatch | None = None
    ) -> Kept:
        """Give a character another picture; its card stays, also if there is one in the picture.

        ``UnsupportedMediaType``, ``TooLarge``, ``InvalidInput``, ``NotFound``,
        ``PreconditionFailed``.
        """
        picture = Picture.of(data)
        wanted = names.file_name(name)

        def with_picture(item: Item) -> Item:
            own = item.state.get(IMAGE_NAME)
            parts = sorted({*item.state.get(PARTS, []), PICTURE, CARD})
            named = own or self._kind.free(current.uid, BY_IMAGE, wanted)
            return item.changed(
                item.content, **{IMAGE: picture.image.value(), IMAGE_NAME: named, PARTS: parts}
            )

        size = picture.image.size
        with writing(self._shelf, current.uid, current.id) as objects:
            objects.picture(picture)
            item = self._shelf.change(
                current.uid, current.id, with_picture, if_match, extra_bytes=size
            )
        return Kept(item)

    def versions(self, uid: str, character_id: str) -> Views:
        """A character's history, newest first; ``NotFound``."""
        return self._shelf.versions(uid, character_id)

    def version(self, uid: str, character_id: str, version: str) -> Kept:
        """A character as it was; ``NotFound``."""
        return Kept(self._shelf.version(uid, character_id, version))

    def restore_version(
        self, uid: str, character_id: str, version: str, if_match: IfMatch | None = None
    ) -> Kept:
        """Make a character what it was, card and picture; ``NotFound``."""
        old = self._shelf.version(uid, character_id, version)

        def as_before(item: Item) -> Item:
            kept = {key: item.state[key] for key in _SERVER_OWN if key in item.state}
            created = {items.CREATED: item.state[items.CREATED], items.DELETED: None}
            gone = {key: None for key in item.state if key not in old.state}
            return item.changed(old.content, **{**gone, **old.state, **kept, **created})

        return Kept(self._shelf.change(uid, character_id, as_before, if_match))

    def _merge(self, uid: str, character_id: str, incoming: Incoming, once: Once | None) -> Kept:
        """Give a character the part that it lacks."""

        def together(item: Item) -> Item:
            parts = item.state.get(PARTS, [])
            if _was_tried(item, once):
                return item
            if set(parts) & set(incoming.parts):
                raise NoPartnerError
            own = card_of(item)
            state: dict[str, Any] = {PARTS: sorted({*parts, *incoming.parts})}
            state[MERGED] = None if once is None else once.id
            state[SOURCES] = [*item.state.get(SOURCES, []), incoming.source]
            if incoming.picture is None:
                return item.changed(content_of(merged(incoming.filled(), own)), **state)
            state[IMAGE] = incoming.picture.image.value()
            state[IMAGE_NAME] = self._kind.free(uid, BY_IMAGE, incoming.image_name)
            card = own if incoming.card is None else merged(own, incoming.card)
            return item.changed(content_of(card), **state)

        also = () if once is None else once.changes(character_id, True)
        size = incoming.size
        with writing(self._shelf, uid, character_id) as objects:
            if incoming.picture is not None:
                objects.picture(incoming.picture)
            item = self._shelf.change(uid, character_id, together, extra_bytes=size, also=also)
        return Kept(item, incoming.repairs, merged=True)

    def _partner(self, uid: str, incoming: Incoming, once: Once | None) -> str | None:
        """The character that lacks what came, and has the same file's or character's name."""
        if len(incoming.parts) != 1:  # an archive lacks nothing
            return None
        partition = self._shelf.partition(uid)
        if incoming.picture is None:
            rows = self._shelf.index.query(partition, f"{BY_IMAGE}{incoming.stem}.").entries
            same = [row for row in rows if _stem_of(row) == incoming.stem]
        else:
            found = self._shelf.index.get(partition, BY_FILE + incoming.stem)
            same = [] if found is None else [found]
        if same:
            return next((str(row.value["id"]) for row in same if _lacks(row, incoming, once)), None)
        if incoming.card is None:
            return None
        wanted = f"{BY_NAME}{names.folded(incoming.card.name)}/"
        for row in self._shelf.index.query(partition, wanted).entries:
            shown = row.value["entry"]
            is_other = (shown["imageName"] is None) is not (incoming.picture is None)
            if is_other and shown["name"] == incoming.card.name and _lacks(row, incoming, once):
                return str(shown["id"])
        return None


def _was_tried(item: Item, once: Once | None) -> bool:
    """Was the character's object changed by an earlier try, which was not listed?"""
    return once is not None and item.state.get(MERGED) == once.id


def _lacks(row: Entry, incoming: Incoming, once: Once | None) -> bool:
    """Does the character of a row lack what came, or was it given to it by an earlier try?"""
    tried = once is not None and row.value.get(MERGED) == once.id
    return tried or not set(row.value.get(PARTS, [])) & incoming.parts


def _stem_of(row: Entry) -> str:
    return names.stem_of(row.key.removeprefix(BY_IMAGE))


def _check(content: Document) -> None:
    """A card that grew bit by bit stays one that a file could have brought."""
    if nests_deeper([content], MAX_JSON_DEPTH):
        raise InvalidInput(f"A card nests at most {MAX_JSON_DEPTH} levels deep")
    if len(json_text.dumps(content).encode()) > MAX_FILE_BYTES:
        raise TooLarge(f"A card has at most {MAX_FILE_BYTES} bytes")


def _is_wrapped(body: dict[str, Any]) -> bool:
    return "card" in body and not {"spec", "data"} & body.keys()
